"""What of a producer's batches is in memory: how much, and with what the next one is filled.

Owns: ``SendBuffer``: the bound on what waits to be sent, and the writers that open batches take turns with.
Must not know: partitions, requests.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from streamz_core.protocol.batch_encoder import RecordWriter

_SPARE_WRITERS_MAX: Final = 16
"""Enough for a program that fills a few partitions; the memory of more is worth less than what it takes."""


class SendBuffer:
    """Shared by the queues of one producer."""

    __slots__ = ("_spare", "bytes_max", "held_bytes")

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max: i64 = bytes_max
        self.held_bytes: i64 = 0
        """Of sealed batches that are not acknowledged, by estimate."""
        self._spare: list[RecordWriter] = []

    def has_room(self) -> bool:
        """Whether another batch may be opened."""
        return self.held_bytes < self.bytes_max

    def hold(self, size_bytes: i64) -> None:
        """A batch was sealed."""
        self.held_bytes += size_bytes

    def release(self, size_bytes: i64) -> None:
        """A batch is done."""
        self.held_bytes -= size_bytes

    def writer(self) -> RecordWriter:
        """An empty writer, the one used last first: its buffer has grown, and is in the processor's cache."""
        return self._spare.pop() if self._spare else RecordWriter()

    def give_back(self, writer: RecordWriter) -> None:
        """``writer`` is empty and not needed any more."""
        if len(self._spare) < _SPARE_WRITERS_MAX:
            self._spare.append(writer)
