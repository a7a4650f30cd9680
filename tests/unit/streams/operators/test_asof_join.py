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
from streamz_core.streams.operators.asof_join import AsofJoin, Strategy
from streamz_core.streams.rows import Rows

LEFT, RIGHT = 0, 1
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


@dataclass(frozen=True)
class Row:
    side: int
    key: str | None
    time: int
    value: str | None


class Task:
    """A join over stores that outlive it."""

    def __init__(self, how: How, history_ms: int = HISTORY_MS) -> None:
        self._how = how
        self._history_ms = history_ms
        self._backends = {name: MemoryStore(name) for name in ("quotes", "waiting")}
        self.open()

    def open(self) -> None:
        """As after a failure: all that was not committed is gone."""
        how, keys, values = self._how, StoredKeyCodec("key"), StoredValueCodec("value")
        self.versions = VersionedStore(
            self._backends["quotes"], keys, values, retention_ms=self._history_ms + how.waits
        )
        held = CachedStore(self._backends["waiting"], TimedKeyCodec(keys), PackedCodec(values, 0))
        self._stores: dict[str, Any] = {"quotes": self.versions, "waiting": held}
        self._join = AsofJoin(
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
        self._join.open(self)  # type: ignore[arg-type]

    def store(self, name: str) -> Any:
        return self._stores[name]

    def take(self, rows: list[Row]) -> list[tuple[Any, Any, int]]:
        found: list[tuple[Any, Any, int]] = []
        for row in rows:
            given = Rows([row.key], [row.value], [row.time], [0])
            made = self._join.process_ports([given, None] if row.side == LEFT else [None, given])
            if made is not None:
                found += zip(made.keys, made.values, made.timestamps, strict=True)
        return found

    def commit(self) -> None:
        self.versions.drop_expired()
        for store in self._stores.values():
            changes = store.collect()
            store.committed(max(0, store.position()) + len(changes))


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
def hows(draw: st.DrawFn) -> How:
    strategy = draw(st.sampled_from(Strategy))
    tolerances = st.integers(0, 6)
    if strategy is Strategy.BACKWARD:
        tolerances = st.none() | tolerances  # type: ignore[assignment]
    return How(strategy, draw(tolerances), draw(st.integers(0, 5)), draw(st.booleans()))


def expected(rows: list[Row], how: How) -> list[tuple[Any, Any, int]]:
    """By hand: a left row waits until the join's time has passed it far enough, and then sees all that came."""
    made: list[tuple[Any, Any, int]] = []
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


def decided(row: Row, came: list[Row], how: How) -> list[tuple[Any, Any, int]]:
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
@given(streams(), hows(), st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=8))
def test_restarts_change_nothing(rows: list[Row], how: How, cuts: list[tuple[int, bool]]) -> None:
    task = Task(how)
    found: list[Any] = []
    start = 0
    for length, fails in [*cuts, (len(rows), False)]:
        if fails:
            task.take(rows[start : start + length])
            task.open()
        found += task.take(rows[start : start + length])
        task.commit()
        start += length
    assert found == expected(rows, how)


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
