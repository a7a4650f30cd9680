"""Interval joins under disorder, restarts and evictions, against all pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.serde.stored import StoredKeyCodec, StoredValueCodec
from streamz_core.state.join_buffer import JoinBuffer
from streamz_core.state.memory import MemoryStore
from streamz_core.streams.operators.interval_join import IntervalJoin, retention_ms
from streamz_core.streams.rows import Rows

LEFT, RIGHT = 0, 1
LATEST_MS = 10_000


@dataclass(frozen=True)
class Bounds:
    lower: int
    upper: int
    grace: int

    def has(self, left_ms: int, right_ms: int) -> bool:
        return self.lower <= right_ms - left_ms <= self.upper

    def closes(self, side: int, time: int) -> int:
        """The join's time up to which a row waits."""
        return time + (self.upper if side == LEFT else -self.lower) + self.grace


@dataclass(frozen=True)
class Row:
    side: int
    key: str | None
    time: int
    value: str | None


class Task:
    """A join over a store that outlives it."""

    def __init__(self, bounds: Bounds, how: str, *, cache: int = 100) -> None:
        self._backend = MemoryStore("join")
        self._bounds = bounds
        self._how = how
        self._cache = cache
        self.open()

    def open(self) -> None:
        """As after a failure: all that was not committed is gone."""
        bounds = self._bounds
        self.buffer = JoinBuffer(
            self._backend,
            StoredKeyCodec("key"),
            StoredValueCodec("left"),
            StoredValueCodec("right"),
            retention_ms=retention_ms(bounds.lower, bounds.upper, bounds.grace),
            clean_entries_max=self._cache,
        )
        self._join = IntervalJoin(
            "join",
            "join",
            lambda left, right: (left, right),
            lower_ms=bounds.lower,
            upper_ms=bounds.upper,
            grace_ms=bounds.grace,
            left=self._how != "inner",
            right=self._how == "outer",
        )
        self._join.open(self)  # type: ignore[arg-type]

    def store(self, _name: str) -> JoinBuffer:
        return self.buffer

    def latest_timestamp_ms(self) -> int:
        return LATEST_MS

    def take(self, rows: list[Row]) -> list[tuple[Any, Any, int]]:
        found: list[tuple[Any, Any, int]] = []
        for row in rows:
            given = Rows([row.key], [row.value], [row.time], [0])
            made = self._join.process_ports([given, None] if row.side == LEFT else [None, given])
            if made is not None:
                found += zip(made.keys, made.values, made.timestamps, strict=True)
        return found

    def commit(self) -> None:
        self.buffer.drop_expired()
        changes = self.buffer.collect()
        self.buffer.committed(max(0, self.buffer.position()) + len(changes))


@st.composite
def streams(draw: st.DrawFn) -> list[Row]:
    now = 0
    rows: list[Row] = []
    for number in range(draw(st.integers(1, 25))):
        now += draw(st.integers(0, 4))
        late = draw(st.sampled_from((0, 0, 0, 1, 3, 8)))
        rows.append(
            Row(
                draw(st.sampled_from((LEFT, RIGHT))),
                draw(st.sampled_from(("a", "a", "b", None))),
                max(0, now - late),
                draw(st.sampled_from((f"v{number}", f"v{number}", f"v{number}", None))),
            )
        )
    return rows


@st.composite
def all_bounds(draw: st.DrawFn) -> Bounds:
    lower = draw(st.integers(-6, 6))
    return Bounds(lower, lower + draw(st.integers(0, 8)), draw(st.integers(0, 5)))


def expected(rows: list[Row], bounds: Bounds, how: str) -> list[tuple[Any, Any, int]]:
    """By hand: every row waits until it closes; at each row first those go on that closed alone."""
    made: list[tuple[Any, Any, int]] = []
    waiting: list[tuple[Row, bool]] = []
    now = -1
    for row in rows:
        if row.value is None:
            continue
        now = max(now, row.time)
        closed = [(one, met) for one, met in waiting if bounds.closes(one.side, one.time) < now]
        waiting = [(one, met) for one, met in waiting if bounds.closes(one.side, one.time) >= now]
        alone = [one for one, met in closed if not met and may_be_alone(one, how)]
        made += [lonely(one) for one in sorted(alone, key=lambda one: (one.time, -one.side, one.key))]
        if row.key is None:
            made += [lonely(row)] if may_be_alone(row, how) else []
            continue
        partners = [n for n, (one, _) in enumerate(waiting) if meet(one, row, bounds)]
        made += [pair(waiting[n][0], row) for n in sorted(partners, key=lambda n: waiting[n][0].time)]
        waiting = [(one, met or n in partners) for n, (one, met) in enumerate(waiting)]
        if bounds.closes(row.side, row.time) >= now:
            waiting.append((row, bool(partners)))
        elif not partners and may_be_alone(row, how):
            made.append(lonely(row))
    return made


def may_be_alone(row: Row, how: str) -> bool:
    return how == "outer" or (how == "left" and row.side == LEFT)


def meet(one: Row, other: Row, bounds: Bounds) -> bool:
    left, right = (one, other) if one.side == LEFT else (other, one)
    return one.side != other.side and one.key == other.key and bounds.has(left.time, right.time)


def pair(one: Row, other: Row) -> tuple[Any, Any, int]:
    left, right = (one, other) if one.side == LEFT else (other, one)
    return one.key, (left.value, right.value), max(one.time, other.time)


def lonely(row: Row) -> tuple[Any, Any, int]:
    return row.key, (row.value, None) if row.side == LEFT else (None, row.value), row.time


HOWS = st.sampled_from(("inner", "left", "outer"))


@settings(max_examples=300, deadline=None)
@given(streams(), all_bounds(), HOWS)
def test_results_are_those_of_a_recomputation(rows: list[Row], bounds: Bounds, how: str) -> None:
    assert Task(bounds, how).take(rows) == expected(rows, bounds, how)


@settings(max_examples=200, deadline=None)
@given(
    streams(),
    all_bounds(),
    HOWS,
    st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=8),
    st.sampled_from((0, 2, 100)),
)
def test_restarts_and_evictions_change_nothing(
    rows: list[Row], bounds: Bounds, how: str, cuts: list[tuple[int, bool]], cache: int
) -> None:
    task = Task(bounds, how, cache=cache)
    found: list[Any] = []
    start = 0
    for length, fails in [*cuts, (len(rows), False)]:
        if fails:
            task.take(rows[start : start + length])
            task.open()
        found += task.take(rows[start : start + length])
        task.commit()
        start += length
    assert found == expected(rows, bounds, how)


def test_a_time_of_the_far_future_makes_no_time_pass() -> None:
    task = Task(Bounds(0, 5, 0), "left")
    assert task.take([Row(LEFT, "a", 10, "l"), Row(LEFT, "a", LATEST_MS + 1, "wrong")]) == [
        ("a", ("wrong", None), LATEST_MS + 1)
    ]
    assert task.take([Row(RIGHT, "a", 12, "r")]) == [("a", ("l", "r"), 12)]
