"""The lines printed for a ``.log``: batches, and in depth their records.

Owns: the text of a batch and of a record, and finding where the file stops making sense.
Must not know: how keys and values are decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, error
from typing import TYPE_CHECKING, Final

from streamz_core.log.segment_scan import is_blank
from streamz_core.progress import UNHEARD
from streamz_core.protocol.control import read_marker
from streamz_core.protocol.record_batch import (
    HEADER_BYTES,
    BatchHeader,
    CorruptBatch,
    check_crc,
    decode,
    read_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamz_core.cli.dumped_records import RecordParser
    from streamz_core.log.files import File, Files
    from streamz_core.progress import Progress

_MARKER_VALUE: Final = Struct(">hi")
_SEQUENCE_MASK: Final = 0x7FFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpOptions:
    """What of a ``.log`` is printed. Sizes are bytes."""

    parser: RecordParser
    is_deep: bool
    prints_contents: bool
    skips_metadata: bool
    max_message_bytes: int
    max_bytes: int | None
    progress: Progress = UNHEARD
    """Hears of the bytes of the file."""


def dump_log(files: Files, path: str, options: DumpOptions) -> Iterator[str]:
    """The lines of a ``.log``; the last ones tell where offsets are missing, as compaction leaves it."""
    name = path.rpartition("/")[2]
    base = name.partition(".")[0]
    yield f"Log starting offset: {int(base) if base.isdecimal() else 0}"
    file = files.open(path, read_only=True)
    gaps: list[str] = []
    try:
        size = file.size()
        end = size if options.max_bytes is None else min(size, options.max_bytes)
        position = 0
        previous = -1
        while position < end:
            header = _header(file, position, size)
            if header is None:
                if not is_blank(file, position, size):
                    yield f"Found {size - position} invalid bytes at the end of {name}"
                break
            batch = file.read_at(position, header.size_bytes)
            yield batch_line(header, position, is_valid=check_crc(batch, 0, header))
            if options.is_deep:
                for offset, line in _record_lines(batch, header, options):
                    if offset is not None and 0 <= previous != offset - 1:
                        gaps.append(f"  {previous} is followed by {offset}")
                    previous = -1 if offset is None else offset
                    yield line
            position += header.size_bytes
            options.progress.add(header.size_bytes)
    finally:
        file.close()
    if gaps:
        yield f"Non-consecutive offsets in {path}"
        yield from gaps


def _header(file: File, position: int, size: int) -> BatchHeader | None:
    try:
        header = read_header(file.read_at(position, HEADER_BYTES))
    except CorruptBatch:
        return None
    return header if position + header.size_bytes <= size else None


def batch_line(header: BatchHeader, position: int, *, is_valid: bool) -> str:
    """One batch, as Kafka prints it."""
    time = "LogAppendTime" if header.timestamp_type else "CreateTime"
    last_sequence = -1
    if header.base_sequence >= 0:
        last_sequence = (header.base_sequence + header.last_offset_delta) & _SEQUENCE_MASK
    return (
        f"baseOffset: {header.base_offset} lastOffset: {header.last_offset} count: {header.record_count} "
        f"baseSequence: {header.base_sequence} lastSequence: {last_sequence} "
        f"producerId: {header.producer_id} producerEpoch: {header.producer_epoch} "
        f"partitionLeaderEpoch: {header.leader_epoch} isTransactional: {truth(header.is_transactional)} "
        f"isControl: {truth(header.is_control)} deleteHorizonMs: {optional(header.delete_horizon_ms)} "
        f"position: {position} {time}: {header.max_timestamp} size: {header.size_bytes} "
        f"magic: {header.magic} compresscodec: {header.compression.name.lower()} crc: {header.crc} "
        f"isvalid: {truth(is_valid)}"
    )


def truth(value: bool) -> str:
    """``true`` or ``false``."""
    return "true" if value else "false"


def optional(value: int | None) -> str:
    """A number that may not be there."""
    return "OptionalLong.empty" if value is None else f"OptionalLong[{value}]"


def _record_lines(
    batch: bytes, header: BatchHeader, options: DumpOptions
) -> Iterator[tuple[int | None, str]]:
    """(offset, line); no offset where the records cannot be read."""
    if header.size_bytes > options.max_message_bytes:
        text = f"| {header.size_bytes} bytes, more than --max-message-size: its records are not read"
        yield None, text
        return
    try:
        columns = decode(batch, check=False)
    except CorruptBatch as damage:
        yield None, f"| its records cannot be read: {damage.reason}"
        return
    time = "LogAppendTime" if header.timestamp_type else "CreateTime"
    for place, offset in enumerate(columns.offsets):
        key, value = columns.keys[place], columns.values[place]
        headers = columns.headers[place] if columns.headers is not None else ()
        parts = []
        if not options.skips_metadata:
            sequence = -1
            if header.base_sequence >= 0:
                sequence = (header.base_sequence + offset - header.base_offset) & _SEQUENCE_MASK
            parts.append(
                f"offset: {offset} {time}: {columns.timestamps[place]} keySize: {_size(key)} "
                f"valueSize: {_size(value)} sequence: {sequence} "
                f"headerKeys: [{','.join(name for name, _ in headers)}]"
            )
        if header.is_control:
            parts.append(_marker(key, value))
        elif options.prints_contents:
            key_text, payload = options.parser.parse(key, value)
            parts += [] if key_text is None else [f"key: {key_text}"]
            parts += [] if payload is None else [f"payload: {payload}"]
        yield offset, f"| {' '.join(parts)}"


def _size(data: bytes | None) -> int:
    return -1 if data is None else len(data)


def _marker(key: bytes | None, value: bytes | None) -> str:
    try:
        _, coordinator_epoch = _MARKER_VALUE.unpack_from(value or b"")
        return f"endTxnMarker: {read_marker(key).name} coordinatorEpoch: {coordinator_epoch}"
    except (CorruptBatch, error):
        return f"controlType: UNKNOWN({(key or b'').hex()})"
