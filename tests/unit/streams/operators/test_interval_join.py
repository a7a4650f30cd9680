"""Interval joins under disorder, restarts and evictions, against all pairs."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.serde.stored import StoredKeyCodec, StoredValueCodec
from streamz_core.state.join_buffer import JoinBuffer
from streamz_core.state.memory import MemoryStore
from streamz_core.streams.operator import Operator
from streamz_core.streams.operators.interval_join import IntervalJoin, retention_ms
from tests.unit.streams.operators.two_sides import (
    CUTS,
    HOWS,
    LEFT,
    RIGHT,
    JoinTask,
    Made,
    Row,
    commit_store,
    streams,
)

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


class Task(JoinTask):
    """A join over a store that outlives it."""

    def __init__(self, bounds: Bounds, how: str, *, cache: int = 100) -> None:
        self._backend = MemoryStore("join")
        self._bounds = bounds
        self._how = how
        self._cache = cache
        super().__init__()

    def make_join(self) -> Operator:
        bounds = self._bounds
        self.buffer = JoinBuffer(
            self._backend,
            StoredKeyCodec("key"),
            StoredValueCodec("left"),
            StoredValueCodec("right"),
            retention_ms=retention_ms(bounds.lower, bounds.upper, bounds.grace),
            clean_entries_max=self._cache,
        )
        return IntervalJoin(
            "join",
            "join",
            lambda left, right: (left, right),
            lower_ms=bounds.lower,
            upper_ms=bounds.upper,
            grace_ms=bounds.grace,
            left=self._how != "inner",
            right=self._how == "outer",
        )

    def store(self, _name: str) -> JoinBuffer:
        return self.buffer

    def latest_timestamp_ms(self) -> int:
        return LATEST_MS

    def commit(self) -> None:
        self.buffer.drop_expired()
        commit_store(self.buffer)


@st.composite
def all_bounds(draw: st.DrawFn) -> Bounds:
    lower = draw(st.integers(-6, 6))
    return Bounds(lower, lower + draw(st.integers(0, 8)), draw(st.integers(0, 5)))


def expected(rows: list[Row], bounds: Bounds, how: str) -> list[Made]:
    """By hand: every row waits until it closes; at each row first those go on that closed alone."""
    made: list[Made] = []
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


def pair(one: Row, other: Row) -> Made:
    left, right = (one, other) if one.side == LEFT else (other, one)
    return one.key, (left.value, right.value), max(one.time, other.time)


def lonely(row: Row) -> Made:
    return row.key, (row.value, None) if row.side == LEFT else (None, row.value), row.time


@settings(max_examples=300, deadline=None)
@given(streams(), all_bounds(), HOWS)
def test_results_are_those_of_a_recomputation(rows: list[Row], bounds: Bounds, how: str) -> None:
    assert Task(bounds, how).take(rows) == expected(rows, bounds, how)


@settings(max_examples=200, deadline=None)
@given(
    streams(),
    all_bounds(),
    HOWS,
    CUTS,
    st.sampled_from((0, 2, 100)),
)
def test_restarts_and_evictions_change_nothing(
    rows: list[Row], bounds: Bounds, how: str, cuts: list[tuple[int, bool]], cache: int
) -> None:
    task = Task(bounds, how, cache=cache)
    assert task.take_in_pieces(rows, cuts) == expected(rows, bounds, how)


def test_a_time_of_the_far_future_makes_no_time_pass() -> None:
    task = Task(Bounds(0, 5, 0), "left")
    assert task.take([Row(LEFT, "a", 10, "l"), Row(LEFT, "a", LATEST_MS + 1, "wrong")]) == [
        ("a", ("wrong", None), LATEST_MS + 1)
    ]
    assert task.take([Row(RIGHT, "a", 12, "r")]) == [("a", ("l", "r"), 12)]
