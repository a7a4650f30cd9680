"""What clients did and were told: the operations a history is made of.

Owns: the operations as values. Calls that take time are two operations, the call and its end; a call
without an end is unknown: it may have happened or not.
Must not know: who writes histories down, or what is wrong with one.

A history is one sequence: one process at a time owns a data directory, all actors of a life are tasks
of that process, and lives follow each other. So of any two operations one came first.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec


class Partition(NamedTuple):
    """A partition. A topic made anew under an old name is another one: ``name@id``."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


class Kind(StrEnum):
    """How a topic's records come and go."""

    KEPT = "kept"
    """Every record is written down as it is sent, and stays unless deletion was asked for."""
    COMPACTED = "compacted"
    """The same, but a record may go once a later one has its key."""
    DERIVED = "derived"
    """An app's output: its records are known from what they were made of."""


class Operation(msgspec.Struct, frozen=True, tag=True, tag_field="op"):
    """Any operation."""


class Declared(Operation):
    """``topic`` is of ``kind``; ``group`` makes it from ``source``, exactly once for each record there."""

    topic: str
    kind: Kind = Kind.KEPT
    source: str = ""
    group: str = ""


class Opening(Operation):
    """A process begins to open the directory: whatever had no end until here never gets one."""

    life: int


class Opened(Operation):
    """The directory is open, and these topics are there."""

    topics: tuple[str, ...]


class Creating(Operation):
    """A topic is about to be created; its ``name`` is without an id, which it has not yet."""

    name: str


class Created(Operation):
    """The topic was created."""

    topic: str


class Deleting(Operation):
    """The topic is about to be deleted."""

    topic: str


class Deleted(Operation):
    """The topic was deleted."""

    topic: str


class Sending(Operation):
    """Records are about to be sent, in this order. A value is sent once in a partition's life."""

    call: str
    producer: str
    partition: Partition
    values: tuple[str, ...]
    keys: tuple[str, ...] = ()
    transaction: str = ""


class Sent(Operation):
    """The records were acknowledged, at these offsets."""

    call: str
    offsets: tuple[int, ...]


class SendFailed(Operation):
    """The records were refused, so that they are not in the log."""

    call: str


class Begun(Operation):
    """A transaction began; a producer has one at a time, and the one before is decided by now."""

    transaction: str
    producer: str


class OffsetsAdded(Operation):
    """``offset`` is to be committed for ``group`` when the transaction is."""

    transaction: str
    group: str
    partition: Partition
    offset: int


class Ending(Operation):
    """The transaction is about to be committed, or aborted."""

    transaction: str
    commit: bool


class Ended(Operation):
    """The transaction ended as was asked."""

    transaction: str


class Positioned(Operation):
    """``consumer`` reads on from ``offset``: it began there, was given the partition, or went there."""

    consumer: str
    partition: Partition
    offset: int


class Polled(Operation):
    """``consumer`` was given these records."""

    consumer: str
    partition: Partition
    offsets: tuple[int, ...]
    values: tuple[str, ...]
    keys: tuple[str, ...] = ()
    is_committed: bool = True
    """Whether it reads what is committed only."""
    group: str = ""


class Assigned(Operation):
    """A member of ``group`` was given all of ``partitions``, and no others, in this generation."""

    consumer: str
    group: str
    generation: int
    partitions: tuple[Partition, ...]


class Committing(Operation):
    """An offset is about to be committed; ``generation`` is -1 outside of a membership."""

    call: str
    consumer: str
    group: str
    partition: Partition
    offset: int
    generation: int = -1


class Committed(Operation):
    """The commit was acknowledged."""

    call: str


class CommitFailed(Operation):
    """The commit was refused."""

    call: str


class CommittedSeen(Operation):
    """The group's offset was asked for: None where there is none."""

    group: str
    partition: Partition
    offset: int | None


class Trimming(Operation):
    """Records below ``offset`` may go from here on: deletion, or a retention, was asked for."""

    partition: Partition
    offset: int


class Bounds(Operation):
    """The log starts and ends at these offsets; ``reader`` polled all that is in between."""

    partition: Partition
    start: int
    end: int
    reader: str = ""


AnyOperation = (
    Declared
    | Opening
    | Opened
    | Creating
    | Created
    | Deleting
    | Deleted
    | Sending
    | Sent
    | SendFailed
    | Begun
    | OffsetsAdded
    | Ending
    | Ended
    | Positioned
    | Polled
    | Assigned
    | Committing
    | Committed
    | CommitFailed
    | CommittedSeen
    | Trimming
    | Bounds
)

History = tuple[AnyOperation, ...]
