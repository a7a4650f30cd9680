"""Range: per topic, consecutive partitions to each member.

Owns: ``RangePartitionAssignor``.
Must not know: groups, requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.client.consumer.assignors.abstract import AbstractPartitionAssignor, subscribers
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.client.metadata import ClusterMetadata


class RangePartitionAssignor(AbstractPartitionAssignor):
    """Co-partitioned topics land on the same member: partition n of each goes together."""

    name = "range"
    version = 0

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Members in the order of their ids; the first ones get one more where it does not divide."""
        shares: dict[str, list[tuple[str, list[int]]]] = {member_id: [] for member_id in members}
        for topic, member_ids in subscribers(members).items():
            partitions = sorted(cluster.partitions_for_topic(topic) or ())
            each, extra = divmod(len(partitions), len(member_ids))
            start = 0
            for place, member_id in enumerate(member_ids):
                stop = start + each + (1 if place < extra else 0)
                if stop > start:
                    shares[member_id].append((topic, partitions[start:stop]))
                start = stop
        return {
            member_id: ConsumerProtocolMemberAssignment(self.version, share)
            for member_id, share in shares.items()
        }

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Nothing but the topics."""
        return ConsumerProtocolMemberMetadata(self.version, sorted(topics))

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Nothing to remember."""
