"""``Pieces``: a round, cut into rows that may be in hand together.

Owns: where the cuts are, and turning records into rows.
Must not know: steps, why records must not be in hand together (``plan`` does).

Records are decoded piece by piece. A piece ends before a record that does not decode, and so does the round.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Any, Final

from mypy_extensions import i64

from streamz_core.streams.round import Round
from streamz_core.streams.rows import Rows, merge

PIECE_RECORDS: Final = 128
"""Records that pass one operator before the next one: enough to spread the cost of a call, few enough
that what one operator makes is still in the processor's cache when the next one reads it."""


class Pieces:
    """The pieces of a round, one after the other."""

    def __init__(
        self,
        round_: Round,
        sources: list[int],
        apart: list[int],
        start: int,
        stop: int,
        records_max: int = PIECE_RECORDS,
    ) -> None:
        """The places ``start`` to ``stop``, up to ``records_max`` at once.

        ``sources[n]`` is the source of part n, as a number; ``apart[source]`` has a bit for every source whose
        rows must not be in hand together with its own.
        """
        self._round = round_
        self._sources = sources
        self._apart = apart
        self._records_max: i64 = min(records_max, PIECE_RECORDS)
        self.next: i64 = start
        """The place of the first record that was not handed out."""
        self._stop: i64 = stop
        self._turn: i64 = 0
        self._used: i64 = 0
        self._nexts = [part.start for part in round_.parts]
        if start:
            self._skip(start)

    @property
    def has_more(self) -> bool:
        """Whether there is another piece to take."""
        bad = self._round.bad
        return self.next < self._stop and (bad is None or self.next < bad.order)

    def take(self) -> list[tuple[int, Rows]]:
        """The rows of the next piece by source; none where the very first record does not decode."""
        orders: list[list[int]] = [[] for _ in self._nexts]
        end = self._gather(orders)
        found: list[list[Rows]] = [[] for _ in self._apart]
        for part, of_part in enumerate(orders):
            if of_part:
                found[self._sources[part]].append(self._rows(part, of_part))
        bad = self._round.bad
        if bad is not None and bad.order < end:
            end = bad.order
            found = [[_before(rows, end) for rows in of_source] for of_source in found]
        self.next = end
        taken: list[tuple[int, Rows]] = []
        for source, parts in enumerate(found):
            if parts:
                rows = merge(parts)
                if len(rows):
                    taken.append((source, rows))
        return taken

    def _gather(self, orders: list[list[int]]) -> i64:
        """The places of the next piece's records, by part; returns the place behind it."""
        turns, counts = self._round.turns, self._round.counts
        most = self.next + self._records_max
        stop = self._stop if self._stop < most else most
        place: i64 = self.next
        forbidden = 0
        while place < stop:
            part = turns[self._turn]
            source = self._sources[part]
            if forbidden >> source & 1:
                break
            forbidden |= self._apart[source]
            count: i64 = counts[self._turn] - self._used
            if count <= stop - place:
                self._turn += 1
                self._used = 0
            else:
                count = stop - place
                self._used += count
            orders[part] += _places(place, place + count)
            place += count
        return place

    def _rows(self, part: int, orders: list[int]) -> Rows:
        chunk, start = self._round.parts[part].chunk, self._nexts[part]
        stop = start + len(orders)
        self._nexts[part] = stop
        keys, values = chunk.decoded(start, stop)
        if len(keys) < len(orders):
            good = len(keys)
            self._round.note_bad(orders[good], part, start + good)
            stop = start + good
            orders = orders[:good]
        headers = chunk.columns.headers
        of_rows: list[Any] | None = None
        if headers is not None:
            of_rows = [tuple(headers[index]) for index in range(start, stop)]
        return Rows(keys, values, chunk.times[start:stop], orders, of_rows)

    def _skip(self, places: i64) -> None:
        """Begin behind so many records."""
        turns, counts = self._round.turns, self._round.counts
        left = places
        while left > 0:
            count: i64 = counts[self._turn]
            part = turns[self._turn]
            if count > left:
                self._used = count = left
            else:
                self._turn += 1
            self._nexts[part] += count
            left -= count


_PLACES: list[int] = list(range(1_000))
"""The first places, as the objects they are: none of them is made anew for every round."""


def _places(start: int, stop: int) -> list[int]:
    """The numbers from ``start`` to ``stop``."""
    if stop > len(_PLACES):
        _PLACES.extend(range(len(_PLACES), stop))
    return _PLACES[start:stop]


def _before(rows: Rows, order: i64) -> Rows:
    """The rows that come before the place ``order``."""
    return rows.pick([index for index in range(len(rows)) if rows.orders[index] < order])
