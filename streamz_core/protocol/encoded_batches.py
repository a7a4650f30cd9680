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

from streamz_core.protocol.batch_header import BatchHeader

_FRONT: Final = Struct(">qiibI")


class EncodedBatch:
    """A batch's header and its packed records, not joined. Made by ``RawRecords.framed`` and by nobody else.

    ``b"".join(batch)`` is the batch as it was framed.
    """

    __slots__ = ("_base_offset", "_covered", "_leader_epoch", "header", "packed", "size_bytes")

    def __init__(self, header: BatchHeader, covered: bytes, packed: bytes) -> None:
        """``covered`` is what of the header the checksum in it covers, with ``packed``."""
        self.header = header
        self._covered = covered
        self.packed = packed
        self.size_bytes: i64 = header.size_bytes
        self._base_offset = header.base_offset
        self._leader_epoch = header.leader_epoch

    def __iter__(self) -> Iterator[bytes]:
        return iter((self._headed(self._base_offset, self._leader_epoch), self.packed))

    def placed_header(self) -> bytes:
        """The header's bytes with the offset and the epoch that ``header`` has by now."""
        return self._headed(self.header.base_offset, self.header.leader_epoch)

    def _headed(self, base_offset: int, leader_epoch: int) -> bytes:
        header = self.header
        front = _FRONT.pack(base_offset, header.batch_length, leader_epoch, header.magic, header.crc)
        return front + self._covered


class EncodedBatches:
    """Whole batches for one partition, in order; ``len`` is their bytes."""

    __slots__ = ("_batches", "_headers", "_size_bytes")

    def __init__(self, batches: list[EncodedBatch]) -> None:
        size: i64 = 0
        headers = []
        for batch in batches:
            size += batch.size_bytes
            headers.append(batch.header)
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
        >>> from streamz_core.protocol.batch_header import read_header
        >>> writer = RecordWriter()
        >>> writer.append(None, b"v", 0, None)
        >>> batches = EncodedBatches([writer.take().framed()])
        >>> batches.headers()[0].base_offset = 7
        >>> read_header(b"".join(batches.placed())).base_offset
        7
        """
        buffers: list[bytes] = []
        for batch in self._batches:
            buffers.append(batch.placed_header())
            buffers.append(batch.packed)
        return buffers

    def joined(self) -> bytearray:
        """All of it in one piece, as it was encoded: for who has to look at the records or to change them."""
        whole = bytearray()
        for batch in self._batches:
            for piece in batch:
                whole += piece
        return whole
