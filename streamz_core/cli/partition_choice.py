"""Which partitions ``--topic-partitions``, or ``--topic`` with ``--partitions``, mean.

Owns: Kafka's notation of them.
Must not know: what is done with the partitions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamz_core.cli.options import OptionError
from streamz_core.cli.topic_choice import TopicChoice
from streamz_core.model import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.protocol.messages.metadata import MetadataTopic

_RULE: Final = re.compile(r"(?P<topic>[^:]*)(?::(?P<first>\d*)(?P<to>-)?(?P<end>\d*))?")


@dataclass(frozen=True, slots=True)
class _Rule:
    """Topics, and of each the partitions from ``first`` up to and without ``end``, or those in ``only``."""

    topics: TopicChoice
    first: int = 0
    end: int | None = None
    only: frozenset[int] | None = None

    def partitions(self, topic: MetadataTopic) -> list[int]:
        """The partitions of one of the topics that are meant."""
        there = [part.partition_index for part in topic.partitions]
        if self.only is not None:
            return [index for index in there if index in self.only]
        return [index for index in there if index >= self.first and (self.end is None or index < self.end)]


@dataclass(frozen=True, slots=True)
class PartitionChoice:
    """A choice among partitions; what any of its rules means is chosen."""

    rules: tuple[_Rule, ...]

    @classmethod
    def of_topics(cls, topic: str | None, partitions: str | None) -> PartitionChoice:
        """``--topic`` and ``--partitions``."""
        only = None if partitions is None else frozenset(_indexes(partitions))
        return cls((_Rule(TopicChoice.of(topic, exclude_internal=False), only=only),))

    @classmethod
    def of_list(cls, text: str) -> PartitionChoice:
        """``--topic-partitions``.

        >>> PartitionChoice.of_list("views:0,clicks:1-3").rules[1].end
        3
        """
        return cls(tuple(_rule(part.strip()) for part in text.split(",")))

    @property
    def names_something(self) -> bool:
        """Whether some were asked for, rather than all there are."""
        return any(rule.topics.names_something or rule.only is not None for rule in self.rules)

    def among(self, topics: Iterable[MetadataTopic]) -> list[TopicPartition]:
        """The partitions that are meant, in order."""
        there = list(topics)
        return sorted(
            {
                TopicPartition(topic.name, index)
                for rule in self.rules
                for topic in rule.topics.among(there)
                for index in rule.partitions(topic)
            }
        )


def _rule(text: str) -> _Rule:
    found = _RULE.fullmatch(text)
    if not text or found is None:
        raise OptionError(f"--topic-partitions takes T, T:0, T:1-3, T:-3 or T:2-, got {text!r}")
    topics = TopicChoice.of(found["topic"] or None, exclude_internal=False)
    first = int(found["first"] or 0)
    if found["to"]:
        return _Rule(topics, first, int(found["end"]) if found["end"] else None)
    return _Rule(topics, first, first + 1 if found["first"] else None)


def _indexes(text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
        raise OptionError(f"--partitions takes numbers with commas, got {text!r}")
    return [int(part) for part in parts]
