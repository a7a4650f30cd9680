"""The topics there are, as groups see them.

Owns: ids and numbers of partitions by name, and which names a regular expression means.
Must not know: groups, the log.

A value for one state of the catalog: what was found out about it stays true.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from streamz_core.broker.patterns.pattern import Pattern
from streamz_core.broker.patterns.syntax import InvalidPattern
from streamz_core.broker.topic_rules import is_internal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.broker.groups.consumer.state import ConsumerMember
    from streamz_core.log.catalog import TopicEntry

_log = logging.getLogger(__name__)


class ReadTopics(Protocol):
    """The topics there are, as members read them."""

    def described(self, names: Iterable[str]) -> dict[str, tuple[bytes, int]]:
        """Id and number of partitions of those that are there, by name."""

    def matching(self, regex: str) -> frozenset[str]:
        """The topics of users that match as a whole. Raises ``InvalidPattern``."""

    def read_by_member(self, member: ConsumerMember) -> frozenset[str]:
        """The names that a member's subscription means."""


class Topics:
    """The topics at one moment; see ``ReadTopics``."""

    def __init__(self, entries: Mapping[str, TopicEntry]) -> None:
        self.entries = entries
        """The catalog that this is about."""
        self._matching: dict[str, frozenset[str]] = {}
        self._names: dict[bytes, str] | None = None

    def name_of(self, topic_id: bytes) -> str | None:
        """What the topic with this id is called; None if there is none."""
        if self._names is None:
            self._names = {entry.topic_id.bytes: name for name, entry in self.entries.items()}
        return self._names.get(topic_id)

    def described(self, names: Iterable[str]) -> dict[str, tuple[bytes, int]]:
        """Id and number of partitions of those that are there, by name."""
        found = ((name, self.entries.get(name)) for name in sorted(names))
        return {name: (entry.topic_id.bytes, entry.partitions) for name, entry in found if entry is not None}

    def matching(self, regex: str) -> frozenset[str]:
        """The topics of users that match as a whole. Raises ``InvalidPattern``."""
        if not regex:
            return frozenset()
        found = self._matching.get(regex)
        if found is None:
            names = [name for name in self.entries if not is_internal(name)]
            found = self._matching[regex] = frozenset(Pattern(regex).matching(names))
        return found

    def read_by_member(self, member: ConsumerMember) -> frozenset[str]:
        """The names that a member's subscription means."""
        return self.read_by(member.topics, member.regex)

    def read_by(self, names: frozenset[str], regex: str | None) -> frozenset[str]:
        """The names that a subscription means; a regular expression that costs too much by now means none."""
        if not regex:
            return names
        try:
            return names | self.matching(regex)
        except InvalidPattern as wrong:
            _log.warning("a subscription is without its regular expression: %s", wrong)
            return names
