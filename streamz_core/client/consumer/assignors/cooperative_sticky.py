"""Cooperative sticky: as sticky, and members go on reading what they keep while the group rebalances.

Owns: ``CooperativeStickyPartitionAssignor``.
Must not know: groups, requests, how evenness is reached (``stickiness``).

A partition that changes hands is given to nobody in the first of two rebalances: its owner sees that it is
not among its own any more, gives it up and joins again; then it is free (KIP-429).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.client.consumer.assignors.abstract import AbstractPartitionAssignor, candidates_of
from streamz_core.client.consumer.assignors.stickiness import Claim, share_out
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
    grouped,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.client.metadata import ClusterMetadata

_GENERATION_BYTES: Final = 4


class CooperativeStickyPartitionAssignor(AbstractPartitionAssignor):
    """Kafka's ``CooperativeStickyAssignor``: the same name in the group and the same bytes.

    A group goes over to it in two rolling restarts, as with Kafka's: first every member gets it beside its
    old assignor (as long as it names both, a member gives up everything at each rebalance), then alone.

        AIOKafkaConsumer("views", group_id="g",
                         partition_assignment_strategy=[CooperativeStickyPartitionAssignor])
    """

    name = "cooperative-sticky"
    version = 2
    is_cooperative = True

    def __init__(self) -> None:
        self._generation = -1

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """As evenly as sticky does, but for the partitions that another member still owns."""
        claims = {member_id: _claim(metadata) for member_id, metadata in members.items()}
        shares = share_out(candidates_of(cluster, members), claims)
        owned = {partition for claim in claims.values() for partition in claim.partitions}
        return {
            member_id: ConsumerProtocolMemberAssignment(
                0, grouped(sorted(share - (owned - set(claims[member_id].partitions))))
            )
            for member_id, share in shares.items()
        }

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """The topics; the generation also as user data, where clients from before KIP-792 look for it."""
        generation = self._generation.to_bytes(_GENERATION_BYTES, "big", signed=True)
        return ConsumerProtocolMemberMetadata(self.version, sorted(topics), generation)

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Nothing to remember: the consumer knows what it owns."""

    def on_generation_assignment(self, generation: int) -> None:
        """Remember the generation of the last assignment."""
        self._generation = generation


def _claim(metadata: ConsumerProtocolMemberMetadata) -> Claim:
    generation = metadata.generation_id
    if generation < 0 and len(metadata.user_data) == _GENERATION_BYTES:
        generation = int.from_bytes(metadata.user_data, "big", signed=True)
    return Claim(metadata.owned(), generation)
