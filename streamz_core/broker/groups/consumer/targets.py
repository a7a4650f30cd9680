"""When the target assignment of a group is made anew, and what it becomes.

Owns: the group's next epoch after a change of topics, the choice of the assignor, the target.
Must not know: how members get there (``reconciliation``).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from streamz_core.broker.groups.consumer.assignors import ASSIGNORS, Subscriber
from streamz_core.broker.groups.consumer.state import NONE, ConsumerGroup, change_group

if TYPE_CHECKING:
    from streamz_core.broker.groups.consumer.topics import ReadTopics


def refreshed(group: ConsumerGroup, topics: ReadTopics) -> ConsumerGroup:
    """The group with the topics as they are now: in its next epoch if those it reads have changed."""
    names = frozenset[str]().union(*(topics.read_by_member(m) for m in group.members.values()))
    subscribed = topics.described(names)
    if subscribed == group.subscribed:
        return group
    return change_group(group, epoch=group.epoch + 1, subscribed=subscribed)


def retargeted(group: ConsumerGroup, topics: ReadTopics) -> ConsumerGroup:
    """The group with a target of its epoch."""
    if group.target_epoch == group.epoch:
        return group
    ids = {name: topic_id for name, (topic_id, _) in group.subscribed.items()}
    subscribers = {
        member.member_id: Subscriber(
            instance_id=member.instance_id,
            topics=frozenset(ids[name] for name in topics.read_by_member(member) if name in ids),
            current=group.target.get(member.member_id, NONE),
        )
        for member in group.members.values()
    }
    counts = dict(group.subscribed.values())
    target = ASSIGNORS[chosen_assignor(group)](subscribers, counts)
    return change_group(group, target=target, target_epoch=group.epoch)


def chosen_assignor(group: ConsumerGroup) -> str:
    """The one that most members ask for; with none or as many for another, the first there is."""
    votes = Counter(member.assignor for member in group.members.values() if member.assignor)
    return max(ASSIGNORS, key=lambda name: votes[name])
