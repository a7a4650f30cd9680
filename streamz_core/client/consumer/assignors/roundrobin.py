"""Round-robin: all partitions of all topics dealt out one by one.

Owns: ``RoundRobinPartitionAssignor``, aiokafka's default.
Must not know: groups, requests.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from streamz_core.client.consumer.assignors.abstract import AbstractPartitionAssignor, subscribers
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
    grouped,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.client.metadata import ClusterMetadata


class RoundRobinPartitionAssignor(AbstractPartitionAssignor):
    """Even where every member subscribes to the same topics; with differing subscriptions it may not be."""

    name = "roundrobin"
    version = 0

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Partitions in order of topic and number, members by id; who did not subscribe is passed over."""
        shares: dict[str, list[tuple[str, int]]] = {member_id: [] for member_id in members}
        interested = subscribers(members)
        turns = cycle(sorted(members))
        for topic, member_ids in interested.items():
            willing = set(member_ids)
            for partition in sorted(cluster.partitions_for_topic(topic) or ()):
                member_id = next(turn for turn in turns if turn in willing)
                shares[member_id].append((topic, partition))
        return {
            member_id: ConsumerProtocolMemberAssignment(self.version, grouped(share))
            for member_id, share in shares.items()
        }

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Nothing but the topics."""
        return ConsumerProtocolMemberMetadata(self.version, sorted(topics))

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Nothing to remember."""
