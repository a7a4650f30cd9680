"""Asof joins under disorder and restarts, against looking through all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.serde.stored import StoredKeyCodec, StoredValueCodec
from streamz_core.serde.subscription import PackedCodec
from streamz_core.serde.timed_key import TimedKeyCodec
from streamz_core.state.cache import CachedStore
from streamz_core.state.memory import MemoryStore
from streamz_core.state.versioned import VersionedStore
from streamz_core.streams.operator import Operator
from streamz_core.streams.operators.asof_join import AsofJoin, Strategy
from tests.unit.streams.operators.two_sides import (
    CUTS,
    LEFT,
    RIGHT,
    JoinTask,
    Made,
    Row,
    commit_store,
    streams,
)

HISTORY_MS = 1_000


@dataclass(frozen=True)
class How:
    strategy: Strategy
    tolerance: int | None
    grace: int
    left: bool

    @property
    def waits(self) -> int:
        return self.grace + (0 if self.strategy is Strategy.BACKWARD else self.tolerance or 0)


class Task(JoinTask):
    """A join over stores that outlive it."""

    def __init__(self, how: How, history_ms: int = HISTORY_MS) -> None:
        self._how = how
        self._history_ms = history_ms
        self._backends = {name: MemoryStore(name) for name in ("quotes", "waiting")}
        super().__init__()

    def make_join(self) -> Operator:
        how, keys, values = self._how, StoredKeyCodec("key"), StoredValueCodec("value")
        self.versions = VersionedStore(
            self._backends["quotes"], keys, values, retention_ms=self._history_ms + how.waits
        )
        held = CachedStore(self._backends["waiting"], TimedKeyCodec(keys), PackedCodec(values, 0))
        self._stores: dict[str, Any] = {"quotes": self.versions, "waiting": held}
        return AsofJoin(
            "join",
            "quotes",
            lambda left, right: (left, right),
            strategy=how.strategy,
            tolerance_ms=how.tolerance,
            grace_ms=how.grace,
            left=how.left,
            waiting="waiting" if how.waits else None,
            encode_key=keys.encode,
        )

    def store(self, name: str) -> Any:
        return self._stores[name]

    def commit(self) -> None:
        self.versions.drop_expired()
        for store in self._stores.values():
            commit_store(store)


@st.composite
def hows(draw: st.DrawFn) -> How:
    strategy = draw(st.sampled_from(Strategy))
    tolerances = st.integers(0, 6)
    if strategy is Strategy.BACKWARD:
        tolerances = st.none() | tolerances  # type: ignore[assignment]
    return How(strategy, draw(tolerances), draw(st.integers(0, 5)), draw(st.booleans()))


def expected(rows: list[Row], how: How) -> list[Made]:
    """By hand: a left row waits until the join's time has passed it far enough, and then sees all that came."""
    made: list[Made] = []
    waiting: list[Row] = []
    came: list[Row] = []
    now = -1
    for row in rows:
        if row.value is None:
            continue
        now = max(now, row.time)
        if row.side == RIGHT:
            came.append(row)
        elif row.key is None or row.time + how.waits < now:
            made += decided(row, came, how)
        else:
            waiting.append(row)
        due = [one for one in waiting if one.time + how.waits <= now]
        waiting = [one for one in waiting if one.time + how.waits > now]
        for one in sorted(due, key=lambda one: (one.time, one.key)):
            made += decided(one, came, how)
    return made


def decided(row: Row, came: list[Row], how: How) -> list[Made]:
    # Of one time the last one counts: it is the one in place.
    mine = {one.time: one for one in came if one.key == row.key and row.key is not None}
    reach = 10**9 if how.tolerance is None else how.tolerance
    before = [mine[time] for time in sorted(mine) if row.time - reach <= time <= row.time][-1:]
    after = [mine[time] for time in sorted(mine) if row.time <= time <= row.time + reach][:1]
    if how.strategy is Strategy.BACKWARD:
        after = []
    elif how.strategy is Strategy.FORWARD:
        before = []
    nearest = sorted(before + after, key=lambda one: abs(one.time - row.time))
    if nearest:
        return [(row.key, (row.value, nearest[0].value), row.time)]
    return [(row.key, (row.value, None), row.time)] if how.left else []


@settings(max_examples=300, deadline=None)
@given(streams(), hows())
def test_results_are_those_of_a_recomputation(rows: list[Row], how: How) -> None:
    assert Task(how).take(rows) == expected(rows, how)


@settings(max_examples=200, deadline=None)
@given(streams(), hows(), CUTS)
def test_restarts_change_nothing(rows: list[Row], how: How, cuts: list[tuple[int, bool]]) -> None:
    task = Task(how)
    assert task.take_in_pieces(rows, cuts) == expected(rows, how)


def test_what_was_before_the_history_is_not_known_any_more() -> None:
    task = Task(How(Strategy.BACKWARD, None, 0, left=True), history_ms=100)
    quotes = [Row(RIGHT, "a", 10, "old"), Row(RIGHT, "a", 200, "new"), Row(RIGHT, "a", 50, "too late")]
    assert task.take(quotes) == []
    assert task.versions.late_count == 1
    assert task.take([Row(LEFT, "a", 150, "t"), Row(LEFT, "a", 99, "u"), Row(LEFT, "a", 250, "w")]) == [
        ("a", ("t", "old"), 150),
        ("a", ("u", None), 99),
        ("a", ("w", "new"), 250),
    ]
