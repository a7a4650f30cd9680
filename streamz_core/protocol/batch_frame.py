"""The header that goes before a batch's records on the way out.

Owns: the bytes of a new header, its checksum.
Must not know: how records are laid out, or who writes them.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from struct import Struct, error
from typing import Final

from streamz_core.errors import Misuse
from streamz_core.protocol.batch_header import HEADER_BYTES, LENGTH_BYTES, MAGIC, BatchHeader
from streamz_core.protocol.compression import Compression, compress
from streamz_core.protocol.crc import crc32c
from streamz_core.protocol.encoded_batches import EncodedBatch
from streamz_core.protocol.varint import INT32_MAX

_COVERED: Final = Struct(">hiqqqhii")


def framed(header: BatchHeader, packed: bytes) -> EncodedBatch:
    """``packed`` records behind ``header``, which is given their length and the checksum of both.

    Raises ``Misuse`` for a number out of range, and where the records are more than the format takes.
    """
    length = HEADER_BYTES - LENGTH_BYTES + len(packed)
    if length > INT32_MAX:
        raise Misuse(f"a batch of {length} bytes; the format ends at {INT32_MAX}: send fewer records at once")
    header.batch_length = length
    covered = _covered_fields(header)
    header.crc = crc32c(packed, crc32c(covered))
    return EncodedBatch(header, covered, packed)


def with_records(header: BatchHeader, records: bytes, count: int, max_timestamp: int) -> bytes:
    """The batch of ``header`` with only ``count`` of its records, as they were laid out, all else as it was."""
    codec = header.compression
    packed = records if codec is Compression.NONE else compress(codec, records)
    less = BatchHeader(
        header.base_offset,
        0,
        header.leader_epoch,
        MAGIC,
        0,
        header.attributes,
        header.last_offset_delta,
        header.base_timestamp,
        max_timestamp,
        header.producer_id,
        header.producer_epoch,
        header.base_sequence,
        count,
    )
    return b"".join(framed(less, packed))


def _covered_fields(header: BatchHeader) -> bytes:
    """The part of the header that the checksum covers."""
    try:
        return _COVERED.pack(
            header.attributes,
            header.last_offset_delta,
            header.base_timestamp,
            header.max_timestamp,
            header.producer_id,
            header.producer_epoch,
            header.base_sequence,
            header.record_count,
        )
    except error as problem:
        producer = (header.producer_id, header.producer_epoch, header.base_sequence)
        raise Misuse(
            f"producer id, epoch, sequence {producer}, time {header.max_timestamp}: {problem}"
        ) from problem
