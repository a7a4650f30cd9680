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

_FRONT: Final = Struct(">qiibI")
_COVERED: Final = Struct(">hiqqqhii")


def covered_fields(
    attributes: int,
    last_delta: int,
    base_timestamp: int,
    max_timestamp: int,
    producer: tuple[int, int, int],
    count: int,
) -> bytes:
    """The part of the header that the checksum covers. Raises ``Misuse`` for a number out of range."""
    try:
        return _COVERED.pack(attributes, last_delta, base_timestamp, max_timestamp, *producer, count)
    except error as problem:
        raise Misuse(f"producer id, epoch, sequence {producer}, time {max_timestamp}: {problem}") from problem


def framed(base_offset: int, leader_epoch: int, covered: bytes, packed: bytes) -> EncodedBatch:
    """The batch's whole header, and its records. Raises ``Misuse`` where they are more than the format takes."""
    length = HEADER_BYTES - LENGTH_BYTES + len(packed)
    if length > INT32_MAX:
        raise Misuse(f"a batch of {length} bytes; the format ends at {INT32_MAX}: send fewer records at once")
    crc = crc32c(packed, crc32c(covered))
    return EncodedBatch(_FRONT.pack(base_offset, length, leader_epoch, MAGIC, crc) + covered, packed)


def with_records(header: BatchHeader, records: bytes, count: int, max_timestamp: int) -> bytes:
    """The batch of ``header`` with only ``count`` of its records, as they were laid out, all else as it was."""
    covered = covered_fields(
        header.attributes,
        header.last_offset_delta,
        header.base_timestamp,
        max_timestamp,
        (header.producer_id, header.producer_epoch, header.base_sequence),
        count,
    )
    codec = header.compression
    packed = records if codec is Compression.NONE else compress(codec, records)
    return b"".join(framed(header.base_offset, header.leader_epoch, covered, packed))
