"""What of a producer's batches is in memory: how much, and with what the next one is filled.

Owns: ``SendBuffer``: the bound on what waits to be sent, and the writers that open batches take turns with.
Must not know: partitions, requests.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mypy_extensions import i64

from streamz_core.model import Header
from streamz_core.protocol.batch_encoder import RawRecords, RecordWriter

# Enough for a program that fills a few partitions. More, and larger ones, are not worth the memory they hold.
_SPARE_WRITERS_MAX: Final = 16
_SPARE_WRITER_BYTES_MAX: Final = 262_144


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

    def take_from(self, writer: RecordWriter) -> RawRecords:
        """What was written; the writer's next batch may be anybody's."""
        taken = writer.take()
        if len(self._spare) < _SPARE_WRITERS_MAX and len(taken) <= _SPARE_WRITER_BYTES_MAX:
            self._spare.append(writer)
        return taken

    def encode(
        self,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        timestamps: Sequence[int],
        headers: Sequence[Sequence[Header]] | None,
        bytes_max: int,
    ) -> RawRecords | None:
        """A whole batch at once, None if it takes more than ``bytes_max``; ``Misuse`` for what cannot be in one."""
        writer = self.writer()
        if not writer.append_columns(keys, values, timestamps, headers, bytes_max=bytes_max):
            return None
        return self.take_from(writer)
