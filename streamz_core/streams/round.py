"""``Round``: records of some partitions, in the order in which they are to be handled.

Owns: the order between partitions, by timestamp; which record has which place in it.
Must not know: who handles them, commits.

The order of a round is Kafka's: the partition whose next record is the oldest has its turn, and each keeps its own
order. Of equal timestamps the partition that is named first goes first: the order depends on the records alone,
not on where rounds begin and end.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, Final

from mypy_extensions import i64

from streamz_core.model import TopicPartition
from streamz_core.streams.chunk import Chunk


class Part:
    """Records ``start`` to ``stop`` of a chunk: those that a round may have of its partition."""

    def __init__(self, chunk: Chunk, start: int, stop: int) -> None:
        """There may be none, where the next one must not come into this round."""
        self.chunk: Final = chunk
        self.start: Final = start
        self.stop: Final = stop

    @property
    def source(self) -> TopicPartition:
        """The partition."""
        return self.chunk.source

    @property
    def first_offset(self) -> int:
        """The offset of the first record."""
        return self.chunk.columns.offsets[self.start]


class BadRecord:
    """The first record of a round that did not decode: its place, its part, its index in the part's chunk."""

    def __init__(self, order: int, part: int, index: int) -> None:
        """``part`` is the part's index in the round."""
        self.order: Final = order
        self.part: Final = part
        self.index: Final = index


class Round:
    """Parts, and their turns: ``counts[n]`` records of the part ``turns[n]``, one turn after the other."""

    def __init__(self, parts: list[Part], turns: list[int], counts: list[int]) -> None:
        """Made by ``interleaved``, or ``alone`` of a single part."""
        self.parts: Final = parts
        self.turns: Final = turns
        self.counts: Final = counts
        self.count: Final = sum(counts)
        self.bad: BadRecord | None = None
        """Found while the round is handled, which ends before it."""
        self._starts: list[int] = []
        self._firsts: list[int] = []

    @property
    def first(self) -> tuple[TopicPartition, int]:
        """Partition and offset of the first record."""
        part = self.parts[self.turns[0]]
        return part.chunk.source, part.first_offset

    def origin(self, order: int) -> tuple[TopicPartition, int]:
        """Partition and offset of the record at a place."""
        if not self._starts:
            self._locate()
        turn = bisect_right(self._starts, order) - 1
        chunk = self.parts[self.turns[turn]].chunk
        return chunk.source, chunk.columns.offsets[self._firsts[turn] + order - self._starts[turn]]

    def taken(self, stop: int) -> list[int]:
        """How many records of each part come before the place ``stop``."""
        taken = [0] * len(self.parts)
        left = stop
        for turn, count in enumerate(self.counts):
            taken[self.turns[turn]] += min(count, left)
            left -= count
            if left <= 0:
                break
        return taken

    def note_bad(self, order: int, part: int, index: int) -> None:
        """The record at ``order`` does not decode."""
        if self.bad is None or order < self.bad.order:
            self.bad = BadRecord(order, part, index)

    def _locate(self) -> None:
        """Where each turn begins, in the round and in its chunk."""
        start, nexts = 0, [part.start for part in self.parts]
        for turn, count in enumerate(self.counts):
            part = self.turns[turn]
            self._starts.append(start)
            self._firsts.append(nexts[part])
            start += count
            nexts[part] += count


def alone(part: Part) -> Round:
    """All records of one part."""
    return Round([part], [0], [part.stop - part.start])


def interleaved(parts: list[Part], records_max: int) -> Round:
    """Up to ``records_max`` records by their times, as far as it is known which one is next.

    Known it is up to the end of a chunk: what comes behind it has to be looked at first.
    """
    turns: list[int] = []
    counts: list[int] = []
    nexts = [part.start for part in parts]
    left: i64 = records_max
    while left > 0:
        chosen = _oldest(parts, nexts, -1)
        part = parts[chosen]
        start = nexts[chosen]
        if start == part.stop:
            break
        other = _oldest(parts, nexts, chosen)
        stop: i64 = min(part.stop, start + left)
        if other >= 0:
            stop = _end_of_turn(
                part.chunk.times, start, stop, parts[other].chunk.times[nexts[other]], chosen < other
            )
        nexts[chosen] = stop
        turns.append(chosen)
        counts.append(stop - start)
        left -= stop - start
        if stop == len(part.chunk.times):
            break
    return Round(parts, turns, counts)


def _oldest(parts: list[Part], nexts: list[int], besides: i64) -> int:
    """The part whose next record is the oldest, of those ``besides`` one; -1 where there is none."""
    found = -1
    oldest: Any = None
    index: i64 = 0
    while index < len(parts):
        if index != besides:
            time = parts[index].chunk.times[nexts[index]]
            if found < 0 or time < oldest:
                found, oldest = index, time
        index += 1
    return found


def _end_of_turn(times: list[Any], start: i64, stop: i64, other: i64, is_first: bool) -> i64:
    """Where the first record stands whose turn comes after that of one with the time ``other``."""
    index = start
    while index < stop:
        time: i64 = times[index]
        if time > other or (time == other and not is_first):
            break
        index += 1
    return index
