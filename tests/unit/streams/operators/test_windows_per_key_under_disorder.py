"""Windows that close by each key's own time, under disorder and restarts, equal what follows from all rows at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamz_core.serde.codecs import JsonCodec, TextCodec
from streamz_core.serde.stamped import StampedCodec
from streamz_core.serde.stored import StoredValueCodec
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.expiring import ExpiringStore
from streamz_core.state.memory import MemoryStore
from streamz_core.state.windowed import WindowedStore
from streamz_core.streams.operators.key_times import KeyTimes
from streamz_core.streams.operators.window_aggregate import WindowAggregate
from streamz_core.streams.operators.windows import hopping_starts
from tests.unit.streams.operators.crashing_task import CrashingTask
from tests.unit.streams.operators.recomputed import Row, Table

BELIEVED_MS = 500
POISON_MS = 900
FOREVER = 10_000
times = st.one_of(st.integers(0, 60), st.integers(100, 120), st.just(POISON_MS))
rows = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), times), min_size=1, max_size=30)
pieces = st.lists(st.tuples(st.integers(1, 8), st.sampled_from(["commit", "go on", "crash"])), max_size=12)


def expected_of(
    given_rows: list[Row], size_ms: int, advance_ms: int, grace_ms: int, behind_max_ms: int | None
) -> tuple[Table, int]:
    """Sums by key and window, and how many rows came too late for one."""
    found: Table = {}
    late = latest = 0
    key_times: dict[str, int] = {}
    for key, value, time in given_rows:
        if time <= BELIEVED_MS:
            key_times[key] = max(key_times.get(key, -1), time)
            latest = max(latest, time)
        passed = key_times.get(key, -1)
        if behind_max_ms is not None:
            passed = max(passed, latest - behind_max_ms)
        for start in hopping_starts(time, size_ms, advance_ms):
            if start + size_ms + grace_ms > passed:
                place = (key, start, start + size_ms)
                found[place] = found.get(place, 0) + value
            else:
                late += 1
    return found, late


class Task(CrashingTask):
    """A store of windows and one of times; it is its operator's context too."""

    def __init__(
        self, make: Callable[[], WindowAggregate], size_ms: int, grace_ms: int, retention_ms: int
    ) -> None:
        self._make = make
        self._sizes = (size_ms, grace_ms, retention_ms)
        self._backends = MemoryStore("windows"), MemoryStore("times")
        self._believed_ms = BELIEVED_MS
        super().__init__()

    def close_all(self) -> None:
        self._believed_ms = FOREVER
        self.run([(key, 0, FOREVER) for key in "abc"], [])

    def start(self) -> None:
        size_ms, grace_ms, retention_ms = self._sizes
        self.windows = WindowedStore(
            self._backends[0],
            TextCodec("key"),
            StampedCodec(JsonCodec("value")),
            own_time=True,
            budget=CacheBudget(600),
            size_ms=size_ms,
            grace_ms=grace_ms,
            retention_ms=retention_ms,
        )
        self.times = ExpiringStore(
            self._backends[1],
            TextCodec("key"),
            StampedCodec(StoredValueCodec("time")),
            latest_ms=self.latest_timestamp_ms,
            budget=CacheBudget(600),
        )
        self.operator = self._make()
        self.operator.open(self)  # type: ignore[arg-type]

    def commit_stores(self) -> None:
        self.windows.drop_expired(-1)
        self.times.drop_expired()
        for store in (self.windows, self.times):
            store.collect()
            store.committed(store.position() + 1)

    def store(self, name: str) -> Any:
        return self.windows if name == "windows" else self.times

    def latest_timestamp_ms(self) -> int:
        return self._believed_ms


@given(
    rows,
    pieces,
    st.sampled_from([(10, 10), (10, 5), (7, 3)]),
    st.sampled_from([0, 4, 30]),
    st.sampled_from([0, 25]),
    st.sampled_from([None, 0, 5, 50]),
    st.booleans(),
)
def test_windows_per_key(
    given_rows: list[Row],
    plan: list[tuple[int, str]],
    shape: tuple[int, int],
    grace_ms: int,
    kept_ms: int,
    behind_max_ms: int | None,
    caching: bool,
) -> None:
    size_ms, advance_ms = shape

    def task(**more: Any) -> Task:
        def make() -> WindowAggregate:
            return WindowAggregate(
                "windows",
                "windows",
                lambda time: list(hopping_starts(time, size_ms, advance_ms)),
                lambda _key, value, total: total + value,
                lambda: 0,
                tumbling_ms=size_ms if size_ms == advance_ms else 0,
                by_key=KeyTimes("times", behind_max_ms),
                **more,
            )

        return Task(make, size_ms, grace_ms, grace_ms + kept_ms)

    expected, late_count = expected_of(given_rows, size_ms, advance_ms, grace_ms, behind_max_ms)

    updates = task(caching=caching)
    updates.run(given_rows, plan)
    assert updates.table() == expected
    assert updates.windows.late_count == late_count

    final = task(final=True)
    final.run(given_rows, plan)
    final.close_all()
    assert final.table() == expected
    assert len(final.committed) == len(expected)
    assert final.windows.starts() == list(hopping_starts(FOREVER, size_ms, advance_ms))
