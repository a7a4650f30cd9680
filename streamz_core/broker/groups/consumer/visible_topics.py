"""The topics there are, as the members of one group may know of them.

Owns: what each member's subscription means, where whoever asks for it may not describe every topic.
Must not know: who may describe what: it comes with a member's heartbeats as a function.

A subscription by regular expression names nothing, so nothing in it can be refused. What it means to a member is
what that may describe (Kafka 4.1); another member with the same expression may read more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from streamz_core.broker.groups.consumer.state import NONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streamz_core.broker.groups.consumer.state import ConsumerGroup, ConsumerMember
    from streamz_core.broker.groups.consumer.topics import Topics

MayDescribe: TypeAlias = "Callable[[str], bool]"
"""Whether a topic of this name may be known of."""


class VisibleTopics:
    """See ``topics.Topics``; for one group at one moment."""

    def __init__(
        self, topics: Topics, group: ConsumerGroup, filters: Mapping[str, MayDescribe | None]
    ) -> None:
        """``filters`` by member id; None: all. Who is not in it has not been heard of since the broker was opened."""
        self._topics = topics
        self._group = group
        self._filters = filters

    def described(self, names: Iterable[str]) -> dict[str, tuple[bytes, int]]:
        """See ``Topics``."""
        return self._topics.described(names)

    def matching(self, regex: str) -> frozenset[str]:
        """See ``Topics``."""
        return self._topics.matching(regex)

    def read_by_member(self, member: ConsumerMember) -> frozenset[str]:
        """What the member reads; who was not heard of yet, what it was to have before."""
        found = self._topics.read_by_member(member)
        if not member.regex:
            return found
        if member.member_id not in self._filters:
            target = self._group.target.get(member.member_id, NONE)
            assigned = {self._topics.name_of(partition.topic_id) for partition in target}
            return member.topics | (found & assigned)
        may_describe = self._filters[member.member_id]
        if may_describe is None:
            return found
        return member.topics | {name for name in found if may_describe(name)}
