"""How far readers may see, and how far the disk is known to hold.

Owns: log end, durable offset, high watermark, last stable offset of one partition, and the rules that
move them.
Must not know: files, bytes.

The high watermark never passes the first append at level SYNC that is not durable. The last stable offset
never passes a transaction whose end marker is not below the high watermark: a power cut could take that
marker back.
"""

from __future__ import annotations

from collections import deque


class Visibility:
    """The offsets of one partition; each one is the next, not the last, it speaks of."""

    __slots__ = (
        "_ended",
        "_first_open",
        "_sync_runs",
        "durable_offset",
        "high_watermark",
        "last_stable_offset",
        "log_end_offset",
    )

    def __init__(self, end_offset: int, first_open_offset: int | None) -> None:
        """Everything below ``end_offset`` is durable: so recovery leaves it."""
        self.log_end_offset = end_offset
        self.durable_offset = end_offset
        self.high_watermark = end_offset
        self.last_stable_offset = end_offset
        self._sync_runs: deque[list[int]] = deque()  # [start, stop) of SYNC appends that are not durable
        self._ended: deque[tuple[int, int]] = deque()  # (marker offset, first offset) of ended transactions
        self._first_open = first_open_offset
        self._advance()

    def appended(self, next_offset: int, *, sync: bool, first_open_offset: int | None) -> None:
        """The log now ends at ``next_offset``; ``sync``: what was added waits for the disk."""
        if sync:
            runs = self._sync_runs
            if runs and runs[-1][1] == self.log_end_offset:
                runs[-1][1] = next_offset
            else:
                runs.append([self.log_end_offset, next_offset])
        self.log_end_offset = next_offset
        self._first_open = first_open_offset
        self._advance()

    def transaction_ended(self, marker_offset: int, first_offset: int) -> None:
        """A marker at ``marker_offset`` (being appended) ended the transaction from ``first_offset``."""
        self._ended.append((marker_offset, first_offset))

    def synced(self, offset: int) -> None:
        """All below ``offset`` is durable."""
        self.durable_offset = max(self.durable_offset, offset)
        runs = self._sync_runs
        while runs and runs[0][1] <= offset:
            runs.popleft()
        if runs and runs[0][0] < offset:
            runs[0][0] = offset
        self._advance()

    def _advance(self) -> None:
        high = self._sync_runs[0][0] if self._sync_runs else self.log_end_offset
        self.high_watermark = high
        ended = self._ended
        while ended and ended[0][0] < high:
            ended.popleft()
        stable = high if self._first_open is None else min(high, self._first_open)
        for _, first_offset in ended:
            stable = min(stable, first_offset)
        self.last_stable_offset = stable
