"""Sticky: even, and moving as few partitions as evenness allows.

Owns: ``StickyPartitionAssignor`` and Kafka's encoding of what a member owned before.
Must not know: groups, requests.

Members tell the leader what they owned and in which generation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.client.consumer.assignors.abstract import AbstractPartitionAssignor, candidates_of
from streamz_core.client.consumer.assignors.stickiness import Claim, share_out
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
    MalformedMembership,
    grouped,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.client.metadata import ClusterMetadata
    from streamz_core.model import TopicPartition


class StickyPartitionAssignor(AbstractPartitionAssignor):
    """Keeps one per consumer: it remembers that consumer's assignment."""

    name = "sticky"
    version = 0

    def __init__(self) -> None:
        self._owned: list[TopicPartition] = []
        self._generation = -1

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Keep claims, deal out the rest to whoever has fewest, then even out."""
        claims = {member_id: decode_claim(metadata.user_data) for member_id, metadata in members.items()}
        shares = share_out(candidates_of(cluster, members), claims)
        return {
            member_id: ConsumerProtocolMemberAssignment(self.version, grouped(sorted(share)))
            for member_id, share in shares.items()
        }

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """The topics, and what this member owns."""
        claim = encode_claim(Claim(self._owned, self._generation)) if self._owned else b""
        return ConsumerProtocolMemberMetadata(self.version, sorted(topics), claim)

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Remember it for the next rebalance."""
        self._owned = assignment.partitions()

    def on_generation_assignment(self, generation: int) -> None:
        """Remember the generation it is of."""
        self._generation = generation


def encode_claim(claim: Claim) -> bytes:
    """As Kafka's StickyAssignorUserData version 1: [(topic, [partition])], generation."""
    assignment = ConsumerProtocolMemberAssignment(0, grouped(claim.partitions))
    # The same arrays as an assignment's, without its version before and its user data after.
    return assignment.encode()[2:-4] + claim.generation.to_bytes(4, "big", signed=True)


def decode_claim(user_data: bytes) -> Claim:
    """What ``encode_claim`` made, here or in another client; nothing claimed where it cannot be read."""
    if not user_data:
        return Claim([], -1)
    try:
        assignment = ConsumerProtocolMemberAssignment.decode(b"\x00\x00" + user_data)
    except MalformedMembership:
        try:
            # The generation stands where an assignment has its user data, whose length it is taken for.
            assignment = ConsumerProtocolMemberAssignment.decode(b"\x00\x00" + user_data[:-4])
        except MalformedMembership:
            return Claim([], -1)
    if ConsumerProtocolMemberAssignment(0, assignment.assignment).encode()[2:-4] == user_data:
        return Claim(assignment.partitions(), -1)  # version 0 has no generation
    return Claim(assignment.partitions(), int.from_bytes(user_data[-4:], "big", signed=True))
