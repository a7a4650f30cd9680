"""Batches that this process has framed itself, on their way to the log.

Owns: ``EncodedBatch``: one batch's header and packed records, with a checksum that is known to be theirs;
``EncodedBatches``: several, as the records of one partition in a request.
Must not know: how records are encoded; where the batches go.

Whoever frames a batch has just computed its checksum over bytes that nobody can change. The log need not read
them again to compare it, and the batches need not be copied side by side: their offsets go into headers made anew.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from mypy_extensions import i64

from streamz_core.protocol.batch_header import LENGTH_BYTES, BatchHeader, read_header

_PLACE: Final = Struct(">qii")
_PLACE_BYTES: Final = LENGTH_BYTES + 4
"""Base offset, length and leader epoch."""


class EncodedBatch:
    """A batch's header and its packed records, not joined. Made by ``RawRecords.framed`` and by nobody else.

    ``b"".join(batch)`` is the batch.
    """

    __slots__ = ("header", "packed")

    def __init__(self, header: bytes, packed: bytes) -> None:
        """The checksum in ``header`` must have been computed over the rest of it and ``packed``."""
        self.header = header
        self.packed = packed

    def __iter__(self) -> Iterator[bytes]:
        return iter((self.header, self.packed))


class EncodedBatches:
    """Whole batches for one partition, in order; ``len`` is their bytes."""

    __slots__ = ("_batches", "_headers", "_size_bytes")

    def __init__(self, batches: list[EncodedBatch]) -> None:
        size: i64 = 0
        headers = []
        for batch in batches:
            size += len(batch.header) + len(batch.packed)
            headers.append(read_header(batch.header))
        self._batches = batches
        self._size_bytes: i64 = size
        self._headers: list[BatchHeader] = headers

    def __len__(self) -> int:
        return self._size_bytes

    def headers(self) -> list[BatchHeader]:
        """One per batch. Where the batches have gone is noted in these: see ``placed``."""
        return self._headers

    def placed(self) -> list[bytes]:
        """The bytes, in turns a header and its records, at the offsets and epochs that ``headers`` have by now.

        >>> from streamz_core.protocol.batch_encoder import RecordWriter
        >>> writer = RecordWriter()
        >>> writer.append(None, b"v", 0, None)
        >>> batches = EncodedBatches([writer.take().framed()])
        >>> batches.headers()[0].base_offset = 7
        >>> read_header(b"".join(batches.placed())).base_offset
        7
        """
        buffers: list[bytes] = []
        for batch, header in zip(self._batches, self._headers, strict=True):
            place = _PLACE.pack(header.base_offset, header.batch_length, header.leader_epoch)
            buffers.append(place + batch.header[_PLACE_BYTES:])
            buffers.append(batch.packed)
        return buffers

    def joined(self) -> bytearray:
        """All of it in one piece, as it was encoded: for who has to look at the records or to change them."""
        whole = bytearray()
        for batch in self._batches:
            whole += batch.header
            whole += batch.packed
        return whole
