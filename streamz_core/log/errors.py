"""What can go wrong in the log, named by what its reader must do.

Owns: every exception the log raises to its callers, each with the protocol's ``code`` for it.
Must not know: how the log is laid out; a message is told topic, partition, offsets and file.

Callers above answer with ``error.code``; people read the message, which names the thing and the remedy.
"""

from __future__ import annotations

import errno
import os
from typing import ClassVar

from streamz_core.errors import ErrorCode, Fatal, Misuse, Retriable


class InvalidRecords(Misuse):
    """The bytes handed to ``append`` are not record batches this topic takes.

    ``code`` is CORRUPT_MESSAGE (checksum or framing), INVALID_RECORD, INVALID_TIMESTAMP or
    UNSUPPORTED_FOR_MESSAGE_FORMAT (old magic).
    """

    code: ErrorCode

    def __init__(self, message: str, code: ErrorCode = ErrorCode.INVALID_RECORD) -> None:
        super().__init__(message)
        self.code = code


class RecordTooLarge(Misuse):
    """A batch is larger than the topic's ``max.message.bytes``."""

    code: ClassVar[ErrorCode] = ErrorCode.MESSAGE_TOO_LARGE


class OutOfOrderSequence(Fatal):
    """An idempotent producer's batch does not follow the last one of it: a batch was lost on the way."""

    code: ClassVar[ErrorCode] = ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER


class ProducerFenced(Fatal):
    """A newer epoch of this producer id has written: this producer has been replaced."""

    code: ClassVar[ErrorCode] = ErrorCode.INVALID_PRODUCER_EPOCH


class InvalidTxnState(Fatal):
    """The write does not fit the transaction the producer has, or has not, open in this partition."""

    code: ClassVar[ErrorCode] = ErrorCode.INVALID_TXN_STATE


class OffsetOutOfRange(Misuse):
    """The offset is below the log's start or beyond its end. Attributes: ``offset``, ``start``, ``end``."""

    code: ClassVar[ErrorCode] = ErrorCode.OFFSET_OUT_OF_RANGE

    def __init__(self, name: str, offset: int, start: int, end: int) -> None:
        super().__init__(
            f"{name}: offset {offset} is outside [{start}, {end}]; "
            "read from the start or the end of what is kept (seek_to_beginning, seek_to_end)"
        )
        self.offset = offset
        self.start = start
        self.end = end


class CorruptRecord(Fatal):
    """Bytes on disk are not what was written: offsets ``start`` up to ``stop`` cannot be read.

    Nothing is deleted or truncated because of it. ``path`` is the damaged file, ``position`` the byte.
    """

    code: ClassVar[ErrorCode] = ErrorCode.CORRUPT_MESSAGE

    def __init__(self, name: str, path: str, start: int, stop: int, position: int, reason: str) -> None:
        super().__init__(
            f"{name}: offsets {start} to {stop - 1} are damaged: {path} at byte {position}: {reason}; "
            "restore that file from a backup, or give them up: with 'streamz repair' while nobody has the "
            f"directory open, or with delete_records before {stop}"
        )
        self.path = path
        self.start = start
        self.stop = stop
        self.position = position
        self.reason = reason


class StorageFailure(Retriable):
    """The operating system refused a read, a write or a sync. ``errno`` and ``path`` say which.

    Nothing of the failed append is in the log. After a failed sync (``poisoned``) the partition takes
    no more appends until it is opened anew: what a failed fsync lost cannot be known.
    """

    code: ClassVar[ErrorCode] = ErrorCode.KAFKA_STORAGE_ERROR

    def __init__(self, name: str, action: str, path: str, cause: OSError, *, poisoned: bool = False) -> None:
        number = cause.errno if cause.errno is not None else errno.EIO
        why = os.strerror(number)
        super().__init__(f"{name}: {action} failed on {path}: {why}; {_remedy(number, poisoned)}")
        self.errno = number
        self.path = path
        self.poisoned = poisoned


def _remedy(number: int, poisoned: bool) -> str:
    if poisoned:
        return "the partition takes no appends any more: mend the disk and restart"
    if number in (errno.ENOSPC, errno.EDQUOT):
        return "free disk space or lower retention.bytes; appends resume by themselves"
    if number in (errno.EMFILE, errno.ENFILE):
        return "raise the limit of open files (ulimit -n)"
    if number == errno.EFBIG:
        return "raise the limit of a file's size (ulimit -f) or lower segment.bytes"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "give this user write access to the data directory"
    if number in (errno.ENOENT, errno.ENOTDIR):
        return "somebody removed what was there, or the path is wrong"
    return "look at the disk's health"


class PartitionFailed(Fatal):
    """The partition stopped when it was opened; ``cause`` says why, other partitions serve."""

    code: ClassVar[ErrorCode] = ErrorCode.CORRUPT_MESSAGE


class AfterFork(Misuse):
    """This log was opened before a fork; the child process must open its own address."""

    code: ClassVar[ErrorCode] = ErrorCode.KAFKA_STORAGE_ERROR


class DirectoryOwned(Retriable):
    """Another process (or another log of this one) holds the data directory. ``pid`` names it."""

    def __init__(self, path: str, pid: int | None, note: str = "") -> None:
        owner = f"process {pid}" if pid is not None else "another process"
        super().__init__(
            f"{path} is in use by {owner}, which does not serve others: have it listen (App(listen=...), or "
            "streamz server instead of it), stop it, or work inside it (one process's clients and apps share a "
            "directory)"
        )
        self.path = path
        self.pid = pid
        self.note = note


class ForeignDirectory(Misuse):
    """The directory holds files that are not a streamz data directory; nothing was written to it."""


class NewerFormat(Fatal):
    """A newer version of streamz wrote this directory; nothing was written to it."""


class DamagedDirectory(Fatal):
    """A file that describes the whole directory (format or catalog) is missing or damaged."""


class DirectoryDenied(Misuse):
    """This user may not create, read or write the data directory."""


class InvalidTopic(Misuse):
    """The topic's name is outside the rules."""

    code: ClassVar[ErrorCode] = ErrorCode.INVALID_TOPIC_EXCEPTION


class TopicExists(Misuse):
    """A topic of that name is there already."""

    code: ClassVar[ErrorCode] = ErrorCode.TOPIC_ALREADY_EXISTS


class UnknownTopic(Misuse):
    """No topic of that name is there."""

    code: ClassVar[ErrorCode] = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


class InvalidPartitions(Misuse):
    """The number of partitions is below one, above the limit, or lower than it was."""

    code: ClassVar[ErrorCode] = ErrorCode.INVALID_PARTITIONS


class InvalidConfig(Misuse):
    """A topic setting has an unknown name or a value outside what is allowed."""

    code: ClassVar[ErrorCode] = ErrorCode.INVALID_CONFIG
