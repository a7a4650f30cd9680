"""Consecutive batches at the end of a segment, in one pass.

Owns: what batches add to a segment's size, checksum, greatest timestamp and sparse indexes.
Must not know: files, the rest of what is known of a segment.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from streamz_core.log.files import Buffer
from streamz_core.log.offset_index import OffsetIndex
from streamz_core.log.time_index import TimeIndex
from streamz_core.protocol.batch_header import CONTROL, LENGTH_BYTES, BatchHeader
from streamz_core.protocol.crc import crc32c

FRAME_BYTES: Final = 21
"""What a batch's own checksum leaves out; with the checksum itself in it, a chain over these covers all."""


class BatchRun:
    """A segment's running numbers: made with what they were, read with what they have become."""

    __slots__ = (
        "bytes_since_index",
        "frames_crc",
        "max_timestamp",
        "max_timestamp_offset",
        "size_bytes",
    )

    def __init__(
        self,
        size_bytes: i64,
        frames_crc: int,
        max_timestamp: i64,
        max_timestamp_offset: i64,
        bytes_since_index: i64,
    ) -> None:
        self.size_bytes: i64 = size_bytes
        self.frames_crc = frames_crc
        self.max_timestamp: i64 = max_timestamp
        self.max_timestamp_offset: i64 = max_timestamp_offset
        self.bytes_since_index: i64 = bytes_since_index

    def take(
        self,
        headers: list[BatchHeader],
        batches: list[Buffer],
        index_interval_bytes: i64,
        offsets: OffsetIndex | None = None,
        times: TimeIndex | None = None,
    ) -> None:
        """Add ``batches``, which begin with ``headers``; their places to the indexes, one an interval."""
        crc = self.frames_crc
        for header, batch in zip(headers, batches, strict=True):
            crc = crc32c(batch[:FRAME_BYTES], crc)
            last_offset: i64 = header.base_offset
            last_offset += header.last_offset_delta
            latest: i64 = header.max_timestamp
            if latest > self.max_timestamp and header.attributes & CONTROL == 0:
                self.max_timestamp = latest
                self.max_timestamp_offset = last_offset
            if self.bytes_since_index > index_interval_bytes and offsets is not None and times is not None:
                offsets.add(last_offset, self.size_bytes)
                times.add(self.max_timestamp, self.max_timestamp_offset)
                self.bytes_since_index = 0
            size: i64 = header.batch_length + LENGTH_BYTES
            self.bytes_since_index += size
            self.size_bytes += size
        self.frames_crc = crc
