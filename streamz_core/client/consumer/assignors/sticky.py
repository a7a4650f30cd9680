"""Sticky: even, and moving as few partitions as evenness allows.

Owns: ``StickyPartitionAssignor`` and Kafka's encoding of what a member owned before.
Must not know: groups, requests.

Members tell the leader what they owned and in which generation. Who claims a partition in the
youngest generation keeps it, as long as that leaves nobody with two fewer partitions than a member
they could take one from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamz_core.client.consumer.assignors.abstract import (
    AbstractPartitionAssignor,
    grouped,
    subscribers,
)
from streamz_core.client.consumer.membership import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
    MalformedMembership,
)
from streamz_core.model import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.client.metadata import ClusterMetadata


class Claim(NamedTuple):
    """What a member owned before this rebalance, and in which generation; -1 where it does not say."""

    partitions: list[TopicPartition]
    generation: int


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
        candidates = {
            TopicPartition(topic, partition): member_ids
            for topic, member_ids in subscribers(members).items()
            for partition in sorted(cluster.partitions_for_topic(topic) or ())
        }
        shares = _keep_claims(candidates, members)
        _deal_out(candidates, shares)
        _even_out(candidates, shares)
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


def _keep_claims(
    candidates: Mapping[TopicPartition, list[str]], members: Mapping[str, ConsumerProtocolMemberMetadata]
) -> dict[str, set[TopicPartition]]:
    """Each claimed partition with the claimant of the youngest generation that still may have it."""
    shares: dict[str, set[TopicPartition]] = {member_id: set() for member_id in members}
    claims = [(decode_claim(members[member_id].user_data), member_id) for member_id in members]
    taken: set[TopicPartition] = set()
    for claim, member_id in sorted(claims, key=lambda pair: (-pair[0].generation, pair[1])):
        for partition in claim.partitions:
            if partition not in taken and member_id in candidates.get(partition, ()):
                shares[member_id].add(partition)
                taken.add(partition)
    return shares


def _deal_out(candidates: Mapping[TopicPartition, list[str]], shares: dict[str, set[TopicPartition]]) -> None:
    """Give every partition without an owner to the candidate with fewest; the choosy partitions first."""
    owned = set().union(*shares.values())
    free = [partition for partition in candidates if partition not in owned]
    for partition in sorted(free, key=lambda p: (len(candidates[p]), p)):
        poorest = min(candidates[partition], key=lambda member_id: (len(shares[member_id]), member_id))
        shares[poorest].add(partition)


def _even_out(candidates: Mapping[TopicPartition, list[str]], shares: dict[str, set[TopicPartition]]) -> None:
    """Move partitions, always from the richest that can give, until no single move makes it more even.

    Each move lowers the sum of the squared sizes, so this ends.
    """
    while (move := _next_move(candidates, shares)) is not None:
        partition, rich, poor = move
        shares[rich].discard(partition)
        shares[poor].add(partition)


def _next_move(
    candidates: Mapping[TopicPartition, list[str]], shares: dict[str, set[TopicPartition]]
) -> tuple[TopicPartition, str, str] | None:
    for rich in sorted(shares, key=lambda member_id: (-len(shares[member_id]), member_id)):
        for partition in sorted(shares[rich]):
            poor = min(candidates[partition], key=lambda member_id: (len(shares[member_id]), member_id))
            if len(shares[poor]) + 1 < len(shares[rich]):
                return partition, rich, poor
    return None
