"""Sharing out partitions evenly while moving as few as evenness allows.

Owns: ``share_out``, a plain function over what members claim.
Must not know: how members say what they claim, groups, requests.

Who claims a partition in the youngest generation keeps it, as long as nothing more even could be had.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush, heapreplace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamz_core.model import TopicPartition


_Kind = tuple[str, ...]
"""Partitions that the same members may have."""


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
    """Move partitions, always from the richest that can give, until nothing would make it more even.

    Where the poor may have nothing that the rich own, the partitions go through members in between. Each round
    lowers the sum of the squared sizes, so this ends; without such a way for anybody, no sharing out is more even
    (Harvey, Ladner, Lovasz, Tamir: Semi-matchings for bipartite graphs and load balancing, 2006).
    """
    counts = {member_id: len(share) for member_id, share in shares.items()}
    held = _by_kind(candidates, shares)
    unsettled = set(shares)
    while unsettled:
        rich = min(unsettled, key=lambda member_id: (-counts[member_id], member_id))
        if counts[rich] <= min(counts.values()) + 1:
            return  # nor has anybody who comes after one to give
        givers, poor = _way_to_a_poorer(rich, counts, held)
        if poor is None:
            unsettled -= (
                givers.keys()
            )  # nobody they can give to is poorer: moves of others do not change that
            continue
        counts[rich] -= 1
        counts[poor] += 1
        while poor != rich:
            giver, kind = givers[poor]
            partition = _take_first(held[giver], kind)
            heappush(held[poor].setdefault(kind, []), partition)
            shares[giver].discard(partition)
            shares[poor].add(partition)
            poor = giver


def _by_kind(
    candidates: Mapping[TopicPartition, Sequence[str]], shares: Mapping[str, set[TopicPartition]]
) -> dict[str, dict[_Kind, list[TopicPartition]]]:
    """What each member owns, by who else may have it; sorted, and so heaps."""
    held: dict[str, dict[_Kind, list[TopicPartition]]] = {}
    for member_id, share in shares.items():
        by_kind = held[member_id] = {}
        for partition in sorted(share):
            by_kind.setdefault(tuple(candidates[partition]), []).append(partition)
    return held


def _take_first(by_kind: dict[_Kind, list[TopicPartition]], kind: _Kind) -> TopicPartition:
    partition = heappop(by_kind[kind])
    if not by_kind[kind]:
        del by_kind[kind]
    return partition


def _way_to_a_poorer(
    rich: str, counts: Mapping[str, int], held: Mapping[str, Mapping[_Kind, object]]
) -> tuple[dict[str, tuple[str, _Kind]], str | None]:
    """Who has two fewer and can be given one, over as few others as possible: None if nobody.

    With it, for each member that was reached: from whom, with a partition of which kind.
    """
    givers: dict[str, tuple[str, _Kind]] = {rich: (rich, ())}
    seen: set[_Kind] = set()
    reached = [rich]
    while reached:
        givers_now, reached = reached, []
        for giver in givers_now:
            for kind in held[giver]:
                if kind in seen:
                    continue
                seen.add(kind)
                for taker in kind:
                    if taker not in givers:
                        givers[taker] = (giver, kind)
                        reached.append(taker)
        poor = min(reached, key=lambda member_id: (counts[member_id], member_id), default=rich)
        if counts[poor] + 1 < counts[rich]:
            return givers, poor
    return givers, None
