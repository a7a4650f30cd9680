"""From which offset on a timestamp can first be met.

Owns: the sparse time index of one segment, in Kafka's format: per entry int64 timestamp (ms) and uint32
offset relative to the segment's base. An entry says: up to here this is the largest timestamp, and it is
in the batch whose last offset this is.
Must not know: files. The same bytes are in memory and on disk.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

ENTRY_BYTES: Final = 12
_ENTRY: Final = Struct(">qI")


class TimeEntry(NamedTuple):
    """No batch before the one that ends at ``offset`` has a timestamp as late as ``timestamp``."""

    timestamp: int
    offset: int


class TimeIndex:
    """Entries in ascending order of timestamp and offset."""

    __slots__ = ("_base_offset", "_last_timestamp", "data")

    def __init__(self, base_offset: int, data: bytes = b"") -> None:
        self._base_offset = base_offset
        self.data = bytearray(data[: len(data) - len(data) % ENTRY_BYTES])
        self._last_timestamp = self.entry(len(self) - 1).timestamp if self.data else -1

    def __len__(self) -> int:
        return len(self.data) // ENTRY_BYTES

    def add(self, timestamp: int, last_offset: int) -> None:
        """Append an entry if ``timestamp`` is later than all before."""
        if timestamp > self._last_timestamp:
            self._last_timestamp = timestamp
            self.data += _ENTRY.pack(timestamp, last_offset - self._base_offset)

    def entry(self, number: int) -> TimeEntry:
        """The entry at place ``number``."""
        timestamp, relative = _ENTRY.unpack_from(self.data, number * ENTRY_BYTES)
        return TimeEntry(timestamp, self._base_offset + relative)

    def floor(self, timestamp: int) -> TimeEntry | None:
        """The last entry at or before ``timestamp``; None means: look from the start."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if _ENTRY.unpack_from(self.data, middle * ENTRY_BYTES)[0] <= timestamp:
                low = middle + 1
            else:
                high = middle
        return self.entry(low - 1) if low else None

    def truncate(self, offset: int) -> None:
        """Drop the entries whose offset is at or beyond ``offset``."""
        while self.data and self.entry(len(self) - 1).offset >= offset:
            del self.data[-ENTRY_BYTES:]
        self._last_timestamp = self.entry(len(self) - 1).timestamp if self.data else -1
