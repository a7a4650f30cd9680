"""What the runtime makes of failures: dead letters, and errors that name the record and the task.

Owns: the dead-letter record's headers, ``RecordOrigin``, and the errors a task ends with.
Must not know: producers, consumers, processors.

A dead letter carries the source record's raw key, value, timestamp and headers, and these headers:

``__dlq.error.class``    the exception's qualified class name
``__dlq.error.message``  its message, shortened to 4,096 characters
``__dlq.topic``, ``__dlq.partition``, ``__dlq.offset``, ``__dlq.timestamp``  where the record stands
``__dlq.omitted``        the record's size in bytes, where it is too large for a dead letter: then it has no key,
value and headers of its own, and is to be read where it stands
``__dlq.app``, ``__dlq.task``  who failed on it: the app id, and the task's id with the processor's name
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streamz_core.errors import Fatal, Retriable
from streamz_core.streams.error_policy import DEAD_LETTER_SUFFIX

if TYPE_CHECKING:
    from streamz_core.model import Header, TopicPartition
    from streamz_core.streams.error_policy import ErrorPolicy

MESSAGE_CHARACTERS_MAX: Final = 4_096
HEADER_PREFIX: Final = "__dlq."
OMITTED_HEADER: Final = "__dlq.omitted"


class RecordFailed(Fatal):
    """A record could not be processed and its policy says that this is fatal."""


class TaskFailed(Fatal):
    """A task cannot go on; the message says which, and why."""


class TaskInterrupted(Retriable):
    """A task lost what it needs to commit; it may be started again from the last commit."""


class TaskFenced(TaskInterrupted):
    """Someone else owns the task's partitions or its transactional id by now."""


class RecordOrigin(NamedTuple):
    """Where a record stands."""

    partition: TopicPartition
    offset: int

    def __str__(self) -> str:
        """As messages name it."""
        return f"topic {self.partition.topic!r} partition {self.partition.partition} offset {self.offset}"


def dead_letter_topic(policy: ErrorPolicy, source_topic: str) -> str:
    """Where dead letters of ``source_topic`` go."""
    return policy.dead_letter_topic or f"{source_topic}{DEAD_LETTER_SUFFIX}"


def dead_letter_headers(
    error: BaseException,
    origin: RecordOrigin,
    timestamp: int,
    app_id: str,
    task: str,
) -> list[Header]:
    """What a dead letter says in its headers, behind those the record came with."""
    kind = type(error)
    facts = {
        "error.class": f"{kind.__module__}.{kind.__qualname__}",
        "error.message": str(error)[:MESSAGE_CHARACTERS_MAX],
        "topic": origin.partition.topic,
        "partition": str(origin.partition.partition),
        "offset": str(origin.offset),
        "timestamp": str(timestamp),
        "app": app_id,
        "task": task,
    }
    return [(HEADER_PREFIX + name, text.encode(errors="replace")) for name, text in facts.items()]
