"""Which bytes a topic takes.

Owns: the checks on what a producer hands in, before anything is written.
Must not know: segments, producers' history.
"""

from __future__ import annotations

from streamz_core.errors import ErrorCode
from streamz_core.log.config import NEVER, TopicConfig
from streamz_core.log.errors import InvalidRecords, RecordTooLarge
from streamz_core.log.files import Buffer
from streamz_core.protocol.record_batch import BatchHeader, CorruptBatch, EncodedBatches, decode, split

Batches = list[tuple[int, BatchHeader]]


def validate(name: str, records: Buffer | EncodedBatches, config: TopicConfig, now_ms: int) -> Batches:
    """The batches in ``records``, all of them sound and allowed in this topic.

    ``name`` is the partition's, for messages. Raises ``InvalidRecords`` or ``RecordTooLarge``.
    """
    batches = _encoded(name, records) if isinstance(records, EncodedBatches) else _sound(name, records)
    for _, header in batches:
        _check_batch(name, header, config, now_ms)
    if config.is_compacted:
        content = records.joined() if isinstance(records, EncodedBatches) else records
        for position, _ in batches:
            _check_keys(name, content, position)
    return batches


def _encoded(name: str, records: EncodedBatches) -> Batches:
    """Checksums that this process has just computed, over bytes that nobody can change, are not compared."""
    batches: Batches = []
    position = 0
    for header in records.headers():
        batches.append((position, header))
        position += header.size_bytes
    if not batches or position != len(records):
        raise InvalidRecords(
            f"{name}: refused: {len(records)} bytes in {len(batches)} batches that are not whole"
        )
    return batches


def _sound(name: str, records: Buffer) -> Batches:
    try:
        batches = split(records)
    except CorruptBatch as error:
        code = (
            ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT if "magic" in error.reason else ErrorCode.CORRUPT_MESSAGE
        )
        raise InvalidRecords(f"{name}: refused: {error.reason}; send the batch again", code) from None
    end = batches[-1][0] + batches[-1][1].size_bytes if batches else 0
    if not batches or end != len(records):
        raise InvalidRecords(
            f"{name}: refused: {len(records)} bytes that are not whole record batches",
            ErrorCode.CORRUPT_MESSAGE,
        )
    return batches


def _check_batch(name: str, header: BatchHeader, config: TopicConfig, now_ms: int) -> None:
    if header.size_bytes > config.max_message_bytes:
        raise RecordTooLarge(
            f"{name}: a batch of {header.size_bytes} bytes; max.message.bytes={config.max_message_bytes}; "
            "send fewer records at once or raise that setting"
        )
    if header.record_count != header.last_offset_delta + 1:
        raise InvalidRecords(
            f"{name}: {header.record_count} records, but the last offset delta is {header.last_offset_delta}"
        )
    if header.is_control:
        raise InvalidRecords(f"{name}: control batches are written by the transaction coordinator only")
    if header.is_transactional and header.producer_id < 0:
        raise InvalidRecords(f"{name}: a transactional batch without a producer id")
    if header.producer_id >= 0 and (header.producer_epoch < 0 or header.base_sequence < 0):
        raise InvalidRecords(
            f"{name}: producer {header.producer_id} sends epoch {header.producer_epoch}, "
            f"sequence {header.base_sequence}; both start at 0"
        )
    if config.message_timestamp_type == "CreateTime":
        _check_timestamps(name, header, config, now_ms)


def _check_timestamps(name: str, header: BatchHeader, config: TopicConfig, now_ms: int) -> None:
    if header.timestamp_type:
        raise InvalidRecords(
            f"{name}: the batch claims LogAppendTime, which only the log gives (message.timestamp.type)",
            ErrorCode.INVALID_TIMESTAMP,
        )
    after, before = config.message_timestamp_after_max_ms, config.message_timestamp_before_max_ms
    if after != NEVER and header.max_timestamp - now_ms > after:
        raise InvalidRecords(
            f"{name}: timestamp {header.max_timestamp} is more than message.timestamp.after.max.ms={after} "
            f"ahead of {now_ms}",
            ErrorCode.INVALID_TIMESTAMP,
        )
    if before != NEVER and header.base_timestamp >= 0 and now_ms - header.base_timestamp > before:
        raise InvalidRecords(
            f"{name}: timestamp {header.base_timestamp} is older than allowed at {now_ms}: "
            f"message.timestamp.before.max.ms={before}",
            ErrorCode.INVALID_TIMESTAMP,
        )


def _check_keys(name: str, records: Buffer, position: int) -> None:
    try:
        columns = decode(records, position, check=False)
    except CorruptBatch as error:
        raise InvalidRecords(f"{name}: refused: {error.reason}", ErrorCode.CORRUPT_MESSAGE) from None
    if None in columns.keys:
        place = columns.keys.index(None)
        raise InvalidRecords(f"{name}: record {place} of the batch has no key; a compacted topic needs one")
