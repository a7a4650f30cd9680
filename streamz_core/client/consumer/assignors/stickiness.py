"""Sharing out partitions evenly while moving as few as evenness allows.

Owns: ``share_out``, a plain function over what members claim.
Must not know: how members say what they claim, groups, requests.

Who claims a partition in the youngest generation keeps it, as long as that leaves nobody with two fewer
partitions than a member they could take one from.
"""

from __future__ import annotations

from heapq import heapify, heapreplace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamz_core.model import TopicPartition


class Claim(NamedTuple):
    """What a member owned before this rebalance, and in which generation; -1 where it does not say."""

    partitions: Sequence[TopicPartition]
    generation: int


def share_out(
    candidates: Mapping[TopicPartition, Sequence[str]], claims: Mapping[str, Claim]
) -> dict[str, set[TopicPartition]]:
    """The partitions of every member in ``claims``; ``candidates`` says who may be given which."""
    shares = _keep_claims(candidates, claims)
    _deal_out(candidates, shares)
    _even_out(candidates, shares)
    return shares


def _keep_claims(
    candidates: Mapping[TopicPartition, Sequence[str]], claims: Mapping[str, Claim]
) -> dict[str, set[TopicPartition]]:
    """Each claimed partition with the claimant of the youngest generation that still may have it."""
    shares: dict[str, set[TopicPartition]] = {member_id: set() for member_id in claims}
    taken: set[TopicPartition] = set()
    for member_id, claim in sorted(claims.items(), key=lambda pair: (-pair[1].generation, pair[0])):
        for partition in claim.partitions:
            if partition not in taken and member_id in candidates.get(partition, ()):
                shares[member_id].add(partition)
                taken.add(partition)
    return shares


def _deal_out(
    candidates: Mapping[TopicPartition, Sequence[str]], shares: dict[str, set[TopicPartition]]
) -> None:
    """Give every partition without an owner to the candidate with fewest; the choosy partitions first."""
    owned = set().union(*shares.values())
    free: dict[tuple[str, ...], list[TopicPartition]] = {}
    for partition, member_ids in candidates.items():
        if partition not in owned:
            free.setdefault(tuple(member_ids), []).append(partition)
    for member_ids in sorted(free, key=lambda ids: (len(ids), ids)):
        # One queue for all partitions with the same candidates: thousands of them are the common case.
        poorest = [(len(shares[member_id]), member_id) for member_id in member_ids]
        heapify(poorest)
        for partition in sorted(free[member_ids]):
            count, member_id = poorest[0]
            shares[member_id].add(partition)
            heapreplace(poorest, (count + 1, member_id))


def _even_out(
    candidates: Mapping[TopicPartition, Sequence[str]], shares: dict[str, set[TopicPartition]]
) -> None:
    """Move partitions, always from the richest that can give, until no single move makes it more even.

    Each move lowers the sum of the squared sizes, so this ends.
    """
    while (move := _next_move(candidates, shares)) is not None:
        partition, rich, poor = move
        shares[rich].discard(partition)
        shares[poor].add(partition)


def _next_move(
    candidates: Mapping[TopicPartition, Sequence[str]], shares: dict[str, set[TopicPartition]]
) -> tuple[TopicPartition, str, str] | None:
    fewest = min(map(len, shares.values()), default=0)
    for rich in sorted(shares, key=lambda member_id: (-len(shares[member_id]), member_id)):
        if len(shares[rich]) <= fewest + 1:
            return None  # nor has anybody who comes after one to give
        for partition in sorted(shares[rich]):
            poor = min(candidates[partition], key=lambda member_id: (len(shares[member_id]), member_id))
            if len(shares[poor]) + 1 < len(shares[rich]):
                return partition, rich, poor
    return None
