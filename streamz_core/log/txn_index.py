"""The aborted transactions that ended in a segment.

Owns: the transaction index of one segment, in Kafka's format: per entry int16 version, int64 producer id,
first offset, last offset (that of the abort marker) and last stable offset after it.
Must not know: files. The same bytes are in memory and on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

ENTRY_BYTES: Final = 34
_ENTRY: Final = Struct(">hqqqq")
_VERSION: Final = 0


class AbortedTxn(NamedTuple):
    """Records of ``producer_id`` from ``first_offset`` to ``last_offset`` (the marker) never happened."""

    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int
    """Every transaction that began below it had ended when this one ended."""


class TxnIndex:
    """Entries in ascending order of their last offset."""

    __slots__ = ("data",)

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data[: len(data) - len(data) % ENTRY_BYTES])

    def __len__(self) -> int:
        return len(self.data) // ENTRY_BYTES

    def add(self, aborted: AbortedTxn) -> None:
        """Append a transaction that has just ended."""
        self.data += _ENTRY.pack(_VERSION, *aborted)

    def entry(self, number: int) -> AbortedTxn:
        """The entry at place ``number``."""
        return AbortedTxn(*_ENTRY.unpack_from(self.data, number * ENTRY_BYTES)[1:])

    def ending_from(self, offset: int) -> Iterator[AbortedTxn]:
        """The transactions whose marker is at or beyond ``offset``."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.entry(middle).last_offset < offset:
                low = middle + 1
            else:
                high = middle
        return (self.entry(number) for number in range(low, len(self)))

    def truncate(self, offset: int) -> None:
        """Drop the transactions whose marker is at or beyond ``offset``."""
        while self.data and self.entry(len(self) - 1).last_offset >= offset:
            del self.data[-ENTRY_BYTES:]
