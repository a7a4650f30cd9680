"""What the coordinators expect of the log to go wrong, and the codes they answer with.

Owns: the tuple to catch around writes to internal topics, and its translation.
Must not know: what was written.
"""

from __future__ import annotations

from typing import Final

from streamz_core.errors import ErrorCode
from streamz_core.log.errors import (
    InvalidRecords,
    InvalidTxnState,
    OutOfOrderSequence,
    PartitionFailed,
    ProducerFenced,
    RecordTooLarge,
    StorageFailure,
)

LOG_FAILURES: Final = (
    StorageFailure,
    PartitionFailed,
    RecordTooLarge,
    InvalidRecords,
    ProducerFenced,
    InvalidTxnState,
    OutOfOrderSequence,
)
"""Everything ``PartitionLog.append`` and a sync raise; catch with ``except LOG_FAILURES as failure``."""

LogFailure = (
    StorageFailure
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
