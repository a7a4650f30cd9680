"""Which topics ``--topic``, ``--topic-id`` and ``--exclude-internal`` mean.

Owns: Kafka's rule for names that are lists or regular expressions, and its text form of topic ids.
Must not know: what is done with the topics.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamz_core.cli.options import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from streamz_core.protocol.messages.metadata import MetadataTopic

_COMMA_OUTSIDE_BRACES: Final = re.compile(r",(?![^{]*\})")


@dataclass(frozen=True, slots=True)
class TopicChoice:
    """A choice among topics. A name that exists means that topic, also where it could be read as a pattern."""

    name: str | None
    pattern: re.Pattern[str] | None
    topic_id: str | None
    exclude_internal: bool

    @classmethod
    def of(cls, name: str | None, topic_id: str | None = None, *, exclude_internal: bool) -> TopicChoice:
        """Read the options' texts."""
        try:
            pattern = re.compile(_COMMA_OUTSIDE_BRACES.sub("|", name)) if name else None
        except re.error as error:
            raise OptionError(f"--topic {name!r} is no regular expression: {error}") from error
        return cls(name, pattern, topic_id, exclude_internal)

    @property
    def names_something(self) -> bool:
        """Whether a topic was asked for, rather than all."""
        return bool(self.name or self.topic_id)

    def among(self, topics: Iterable[MetadataTopic]) -> list[MetadataTopic]:
        """The topics that are meant, by name."""
        visible = [topic for topic in topics if not (self.exclude_internal and topic.is_internal)]
        exact = [topic for topic in visible if topic.name == self.name]
        return sorted(exact or filter(self._is_meant, visible), key=lambda topic: topic.name)

    def _is_meant(self, topic: MetadataTopic) -> bool:
        if self.topic_id is not None:
            return id_text(topic.topic_id) == self.topic_id
        return self.pattern is None or self.pattern.fullmatch(topic.name) is not None


def id_text(topic_id: UUID | None) -> str:
    """A topic id as Kafka writes it: 22 letters of URL-safe base64.

    >>> from uuid import UUID
    >>> id_text(UUID("d1a5e4a0-5d2b-4f9e-8f3c-000000000001"))
    '0aXkoF0rT56PPAAAAAAAAQ'
    """
    return "" if topic_id is None else base64.urlsafe_b64encode(topic_id.bytes).decode().rstrip("=")
