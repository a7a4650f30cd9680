"""Where in a segment an offset is, nearly.

Owns: the sparse offset index of one segment, in Kafka's format: per entry uint32 offset relative to the
segment's base and uint32 byte position; the offset is the last one of the batch at that position.
Must not know: files. The same bytes are in memory and on disk.

It is a cache: who looks an entry up compares it with the batch it finds there.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

ENTRY_BYTES: Final = 8
_ENTRY: Final = Struct(">II")


class OffsetEntry(NamedTuple):
    """``offset`` (absolute) is the last offset of the batch at byte ``position``."""

    offset: int
    position: int


class OffsetIndex:
    """Entries in ascending order of offset and position."""

    __slots__ = ("_base_offset", "data")

    def __init__(self, base_offset: int, data: bytes = b"") -> None:
        self._base_offset = base_offset
        self.data = bytearray(data[: len(data) - len(data) % ENTRY_BYTES])

    def __len__(self) -> int:
        return len(self.data) // ENTRY_BYTES

    def add(self, last_offset: int, position: int) -> None:
        """Append an entry for the batch at ``position``."""
        self.data += _ENTRY.pack(last_offset - self._base_offset, position)

    def entry(self, number: int) -> OffsetEntry:
        """The entry at place ``number``."""
        relative, position = _ENTRY.unpack_from(self.data, number * ENTRY_BYTES)
        return OffsetEntry(self._base_offset + relative, position)

    def floor(self, offset: int) -> OffsetEntry | None:
        """The last entry whose offset is at or below ``offset``; None means: look from the start."""
        number = self.count_below(offset + 1)
        return self.entry(number - 1) if number else None

    def count_below(self, offset: int) -> int:
        """How many entries have an offset below ``offset``."""
        target = offset - self._base_offset
        low, high = 0, len(self)
        data = self.data
        while low < high:
            middle = (low + high) // 2
            if _ENTRY.unpack_from(data, middle * ENTRY_BYTES)[0] < target:
                low = middle + 1
            else:
                high = middle
        return low

    def truncate(self, position: int) -> None:
        """Drop the entries of batches at or beyond byte ``position``."""
        while self.data and self.entry(len(self) - 1).position >= position:
            del self.data[-ENTRY_BYTES:]
