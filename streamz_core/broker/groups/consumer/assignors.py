"""Sharing partitions out among members: the server's assignors.

Owns: ``uniform`` (even, and as much as possible stays where it is) and ``range`` (neighbouring partitions, the same
numbers of every topic to the same member).
Must not know: epochs, how a member gets what it is assigned.

Source: KIP-848; the names and what they promise are Kafka's, the ways are our own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from streamz_core.broker.groups.consumer.state import NONE, Partitions, TopicIdPartition


class Subscriber(msgspec.Struct, frozen=True, kw_only=True):
    """A member, as an assignor sees it."""

    instance_id: str | None = None
    topics: frozenset[bytes]
    """The ids of the topics it subscribes to; each is among the topics to be shared out."""
    current: Partitions = NONE
    """What it was assigned before."""


Assignor = Callable[[Mapping[str, Subscriber], Mapping[bytes, int]], dict[str, Partitions]]
"""Takes subscribers by member id, and topics with their numbers of partitions."""


def assign_ranges(
    subscribers: Mapping[str, Subscriber], topics: Mapping[bytes, int]
) -> dict[str, Partitions]:
    """Each topic by itself, in runs of neighbouring partitions; the first members get one more."""
    shares: dict[str, list[TopicIdPartition]] = {member_id: [] for member_id in subscribers}
    # Static members first, by the name they keep: a restart changes nobody's range.
    order = sorted(
        subscribers, key=lambda m: (subscribers[m].instance_id is None, subscribers[m].instance_id or m)
    )
    for topic_id, count in topics.items():
        members = [m for m in order if topic_id in subscribers[m].topics]
        first = 0
        for index, member_id in enumerate(members):
            end = first + count // len(members) + (index < count % len(members))
            shares[member_id] += (TopicIdPartition(topic_id, number) for number in range(first, end))
            first = end
    return {member_id: frozenset(share) for member_id, share in shares.items()}


def assign_evenly(
    subscribers: Mapping[str, Subscriber], topics: Mapping[bytes, int]
) -> dict[str, Partitions]:
    """As many partitions to each as to the others, as far as subscriptions allow; no more move than must."""
    if not subscribers:
        return {}
    shares = _kept(subscribers, topics)
    if all(subscriber.topics == topics.keys() for subscriber in subscribers.values()):
        _even_out_alike(shares, _all_of(topics))
    else:
        _even_out(shares, subscribers, topics)
    return {member_id: frozenset(share) for member_id, share in shares.items()}


_Shares = dict[str, list[TopicIdPartition]]


def _kept(subscribers: Mapping[str, Subscriber], topics: Mapping[bytes, int]) -> _Shares:
    """What each may keep: what is still there and still subscribed to."""
    return {
        member_id: sorted(
            partition
            for partition in subscriber.current
            if partition.topic_id in subscriber.topics and partition.partition < topics[partition.topic_id]
        )
        for member_id, subscriber in subscribers.items()
    }


def _all_of(topics: Mapping[bytes, int]) -> list[TopicIdPartition]:
    return [
        TopicIdPartition(topic_id, number) for topic_id, count in topics.items() for number in range(count)
    ]


def _even_out_alike(shares: _Shares, partitions: list[TopicIdPartition]) -> None:
    """Everybody subscribes to everything: each gets the quota, and as many as are left over one more."""
    quota, left_over = divmod(len(partitions), len(shares))
    # Who has the most keeps one more: nothing moves that need not.
    by_size = sorted(shares, key=lambda member_id: (-len(shares[member_id]), member_id))
    quotas = {member_id: quota + (index < left_over) for index, member_id in enumerate(by_size)}
    for member_id, share in shares.items():
        del share[quotas[member_id] :]
    taken = {partition for share in shares.values() for partition in share}
    free = iter([partition for partition in partitions if partition not in taken])
    for member_id in by_size:
        share = shares[member_id]
        share += (next(free) for _ in range(quotas[member_id] - len(share)))


def _even_out(shares: _Shares, subscribers: Mapping[str, Subscriber], topics: Mapping[bytes, int]) -> None:
    """Subscriptions differ: what is free goes to who has least, then partitions move while that evens out."""
    readers = {
        topic_id: sorted(m for m, subscriber in subscribers.items() if topic_id in subscriber.topics)
        for topic_id in topics
    }
    owner = {partition: member_id for member_id, share in shares.items() for partition in share}
    size = {member_id: len(share) for member_id, share in shares.items()}
    partitions = sorted(_all_of(topics), key=lambda one: (len(readers[one.topic_id]), one))
    for partition in partitions:
        if partition not in owner and readers[partition.topic_id]:
            least = min(readers[partition.topic_id], key=size.__getitem__)
            owner[partition] = least
            size[least] += 1
    while _move_once(partitions, owner, size, readers):
        pass
    for share in shares.values():
        share.clear()
    for partition, member_id in owner.items():
        shares[member_id].append(partition)


def _move_once(
    partitions: list[TopicIdPartition],
    owner: dict[TopicIdPartition, str],
    size: dict[str, int],
    readers: Mapping[bytes, list[str]],
) -> bool:
    """Pass over all partitions once and move those whose owner has two more than another reader; whether any did."""
    has_moved = False
    for partition in partitions:
        holder = owner.get(partition)
        if holder is None:
            continue
        least = min(readers[partition.topic_id], key=size.__getitem__)
        if size[holder] >= size[least] + 2:
            owner[partition] = least
            size[holder] -= 1
            size[least] += 1
            has_moved = True
    return has_moved


ASSIGNORS: Final[Mapping[str, Assignor]] = {"uniform": assign_evenly, "range": assign_ranges}
"""By Kafka's names; the first is taken where no member asks for one."""
