"""What handlers and coordinators expect of the log to go wrong, and the codes they answer with.

Owns: the tuples to catch around appends and reads, and the translation for commits.
Must not know: what was written or read.
"""

from __future__ import annotations

from typing import ClassVar, Final, TypeAlias

from streamz_core.errors import ErrorCode, Retriable
from streamz_core.log.errors import (
    CorruptRecord,
    DamagedDirectory,
    DirectoryDenied,
    InvalidRecords,
    InvalidTxnState,
    OffsetOutOfRange,
    OutOfOrderSequence,
    PartitionFailed,
    ProducerFenced,
    RecordTooLarge,
    StorageFailure,
)


class PartitionDeleted(Retriable):
    """The topic was deleted while somebody waited for its records to become durable."""

    code: ClassVar[ErrorCode] = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


class SyncCancelled(Retriable):
    """The broker stopped while somebody waited for records to become durable."""

    code: ClassVar[ErrorCode] = ErrorCode.KAFKA_STORAGE_ERROR


Stopped: TypeAlias = StorageFailure | CorruptRecord | PartitionFailed
"""Why a partition takes no appends, or serves nothing, until the directory is opened anew."""

STOPPED: Final = (StorageFailure, CorruptRecord, PartitionFailed)
"""``Stopped`` to catch."""

LOG_FAILURES: Final = (
    StorageFailure,
    CorruptRecord,
    PartitionDeleted,
    SyncCancelled,
    PartitionFailed,
    RecordTooLarge,
    InvalidRecords,
    ProducerFenced,
    InvalidTxnState,
    OutOfOrderSequence,
)
"""Everything ``PartitionLog.append`` and a sync raise; catch with ``except LOG_FAILURES as failure``."""

READ_FAILURES: Final = (OffsetOutOfRange, CorruptRecord, StorageFailure, PartitionFailed)
"""Everything a read of a ``PartitionLog`` raises; each carries the ``code`` to answer with."""

DIRECTORY_FAILURES: Final = (StorageFailure, DirectoryDenied, DamagedDirectory)
"""Everything the disk may refuse when topics are made, changed or deleted."""

LogFailure = (
    StorageFailure
    | CorruptRecord
    | PartitionDeleted
    | SyncCancelled
    | PartitionFailed
    | RecordTooLarge
    | InvalidRecords
    | ProducerFenced
    | InvalidTxnState
    | OutOfOrderSequence
)


def code_of(failure: LogFailure) -> ErrorCode:
    """The code a client is answered with; a commit that does not fit has a name of its own."""
    return ErrorCode.INVALID_COMMIT_OFFSET_SIZE if isinstance(failure, RecordTooLarge) else failure.code
