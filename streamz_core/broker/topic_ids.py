"""Which topic a request means.

Owns: the one rule for topics that are named by an id or by a name.
Must not know: requests, what is done with the topic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.errors import ErrorCode

if TYPE_CHECKING:
    from uuid import UUID

    from streamz_core.log.directory import LogDirectory


def resolve(directory: LogDirectory, name: str, topic_id: UUID | None) -> str | None:
    """The name of the topic: that of ``topic_id`` where one is given, else ``name`` as it is.

    None where no topic has the id: one that was deleted, or deleted and made anew, is not there (KIP-516).
    """
    return name if topic_id is None else directory.name_of(topic_id)


def missing(topic_id: UUID | None) -> ErrorCode:
    """How to say that the topic is not there, to who asked by an id or, with None, by a name."""
    return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if topic_id is None else ErrorCode.UNKNOWN_TOPIC_ID
