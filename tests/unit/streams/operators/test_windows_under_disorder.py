"""Windows under disorder, duplicates and restarts equal what follows from all rows at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamz_core.serde.codecs import JsonCodec, TextCodec
from streamz_core.serde.stamped import StampedCodec
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.memory import MemoryStore
from streamz_core.state.sessions import SessionStore
from streamz_core.state.windowed import WindowedStore
from streamz_core.streams.operator import Operator
from streamz_core.streams.operators.session_aggregate import SessionAggregate
from streamz_core.streams.operators.sliding_aggregate import SlidingAggregate
from streamz_core.streams.operators.window_aggregate import WindowAggregate
from streamz_core.streams.operators.windows import hopping_starts
from tests.unit.streams.operators.crashing_task import CrashingTask
from tests.unit.streams.operators.recomputed import Row, sessions_of, sliding_of, time_windows_of

rows = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.integers(0, 60)), min_size=1, max_size=30
)
pieces = st.lists(st.tuples(st.integers(1, 8), st.sampled_from(["commit", "go on", "crash"])), max_size=12)
FOREVER = 10_000


class Context:
    """A task without idleness, that believes every time."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def store(self, name: str) -> Any:
        return self._store

    def latest_timestamp_ms(self) -> int:
        return 1 << 62

    def watch_idle(self) -> None:
        pass

    def idle_ms(self) -> int:
        return 0


class Task(CrashingTask):
    """One store."""

    def __init__(self, make: Callable[[], Operator], reopen: Callable[[MemoryStore], Any]) -> None:
        self._make = make
        self._reopen = reopen
        self._backend = MemoryStore("store")
        super().__init__()

    def start(self) -> None:
        self.store = self._reopen(self._backend)
        self.operator = self._make()
        self.operator.open(Context(self.store))

    def commit_stores(self) -> None:
        self.store.drop_expired(self.store.stream_time_ms)
        self.store.collect()
        self.store.committed(self.store.position() + 1)


def _windows(size_ms: int, grace_ms: int) -> Callable[[MemoryStore], WindowedStore]:
    return lambda backend: WindowedStore(
        backend,
        TextCodec("key"),
        StampedCodec(JsonCodec("value")),
        size_ms=size_ms,
        grace_ms=grace_ms,
        own_time=True,
        budget=CacheBudget(600),
    )


def _spans(*, stamped: bool, retention_ms: int) -> Callable[[MemoryStore], SessionStore]:
    values = JsonCodec("value")
    return lambda backend: SessionStore(
        backend,
        TextCodec("key"),
        StampedCodec(values) if stamped else values,
        retention_ms=retention_ms,
        budget=CacheBudget(600),
    )


def _add(_key: Any, value: int, total: int) -> int:
    return total + value


@given(
    rows, pieces, st.sampled_from([(10, 10), (10, 5), (7, 3)]), st.sampled_from([0, 4, 100]), st.booleans()
)
def test_time_windows(
    given_rows: list[Row], plan: list[tuple[int, str]], shape: tuple[int, int], grace_ms: int, caching: bool
) -> None:
    size_ms, advance_ms = shape
    expected = time_windows_of(given_rows, size_ms, advance_ms, grace_ms)

    def make(**more: Any) -> Operator:
        return WindowAggregate(
            "windows",
            "store",
            lambda time: list(hopping_starts(time, size_ms, advance_ms)),
            _add,
            lambda: 0,
            tumbling_ms=size_ms if size_ms == advance_ms else 0,
            **more,
        )

    task = Task(lambda: make(caching=caching), _windows(size_ms, grace_ms))
    task.run(given_rows, plan)
    assert task.table() == expected

    final = Task(lambda: make(final=True), _windows(size_ms, grace_ms))
    final.run([*given_rows, ("z", 0, FOREVER)], plan)
    assert final.table() == expected
    assert len(final.committed) == len(expected)


@given(rows, pieces, st.sampled_from([2, 6]), st.sampled_from([0, 4, 100]), st.booleans())
def test_sessions(
    given_rows: list[Row], plan: list[tuple[int, str]], gap_ms: int, grace_ms: int, caching: bool
) -> None:
    def make(**more: Any) -> Operator:
        return SessionAggregate(
            "sessions",
            "store",
            gap_ms,
            grace_ms,
            aggregator=_add,
            initializer=lambda: 0,
            merger=lambda _key, one, other: one + other,
            **more,
        )

    reopen = _spans(stamped=False, retention_ms=gap_ms + grace_ms)
    expected = sessions_of(given_rows, gap_ms, grace_ms)

    task = Task(lambda: make(caching=True), reopen)
    task.run(given_rows, plan)
    assert task.table() == expected

    if not caching:
        task = Task(lambda: make(caching=False), reopen)
        task.run(given_rows, plan)
        folded = {(key.key, *key.window): new for key, _, new in task.committed}
        assert {place: new for place, new in folded.items() if new is not None} == expected

    final = Task(lambda: make(final=True), reopen)
    final.run([*given_rows, ("z", 0, FOREVER)], plan)
    assert {place: new for place, new in final.table().items() if place[0] != "z"} == expected


@given(rows, pieces, st.sampled_from([1, 5, 20]), st.booleans())
def test_sliding_windows(
    given_rows: list[Row], plan: list[tuple[int, str]], difference_ms: int, caching: bool
) -> None:
    later = [(key, value, time + difference_ms) for key, value, time in given_rows]

    def make(**more: Any) -> Operator:
        return SlidingAggregate(
            "sliding", "store", difference_ms, 1_000, aggregator=_add, initializer=lambda: 0, **more
        )

    reopen = _spans(stamped=True, retention_ms=1_000 + 2 * difference_ms)
    expected = sliding_of(later, difference_ms)

    task = Task(lambda: make(caching=caching), reopen)
    task.run(later, plan)
    assert task.table() == expected

    final = Task(lambda: make(final=True), reopen)
    final.run([*later, ("z", 0, FOREVER)], plan)
    assert final.table() == expected
