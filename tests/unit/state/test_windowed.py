"""Windows: closed once with the right contents, dropped in time, through commits, aborts and restarts."""

from __future__ import annotations

from collections import defaultdict

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.errors import Misuse
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.memory import MemoryStore
from streamz_core.state.store import StoreCorrupt
from streamz_core.state.windowed import MARKS_KEY, WindowedStore


class Json:
    def decode(self, column):
        return [orjson.loads(raw) for raw in column]

    def encode(self, value):
        return None if value is None else orjson.dumps(value)


def windowed(store=None, **options) -> WindowedStore:
    options = {"size_ms": 10, "grace_ms": 5, **options}
    return WindowedStore(store or MemoryStore("counts"), Json(), Json(), **options)


def commit(windows: WindowedStore, stream_time: int) -> list[tuple[bytes, bytes | None]]:
    windows.drop_expired(stream_time)
    changes = windows.collect()
    windows.committed(windows.position() + 1 + len(changes))
    return changes


def test_a_window_is_handed_out_once_when_its_grace_is_over() -> None:
    windows = windowed()
    windows.put("b", 0, 1)
    windows.put("a", 0, 2)
    windows.put("a", 10, 3)

    assert list(windows.expire(14)) == []
    assert not windows.late(0, 14)
    assert list(windows.expire(15)) == [("a", 0, 2), ("b", 0, 1)]
    assert windows.late(0, 15)
    assert list(windows.expire(15)) == []
    assert list(windows.expire(1000)) == [("a", 10, 3)]


def test_windows_that_come_and_go_between_commits_leave_no_trace_in_the_changelog() -> None:
    windows = windowed()
    for start in range(0, 1000, 10):
        windows.put("a", start, 1)
    list(windows.expire(960))

    changes = commit(windows, 960)

    starts = [int.from_bytes(key[:8], "big") for key, _ in changes if key != MARKS_KEY]
    assert starts == [950, 960, 970, 980, 990]
    assert all(value is not None for _, value in changes)


def test_dropping_a_stored_window_leaves_tombstones() -> None:
    store = MemoryStore("counts")
    windows = windowed(store)
    windows.put("a", 0, 1)
    windows.put("b", 10, 1)
    commit(windows, 12)
    list(windows.expire(15))

    changes = commit(windows, 15)

    assert [key for key, value in changes if value is None] == [bytes(8) + b'"a"']
    assert windows.get("a", 0) is None
    assert windows.starts() == [10]
    with pytest.raises(Misuse, match=r"dropped .* ask late\(\)"):
        windows.put("a", 0, 1)


def test_windows_closed_unread_take_no_more_and_are_not_handed_out() -> None:
    windows = windowed(retention_ms=100)
    windows.put("a", 0, 1)

    windows.close_unread(15)

    assert windows.late(0, -1)
    assert not windows.late(10, 15)
    assert list(windows.expire(15)) == []
    windows.close_unread(-1)
    assert windows.late(0, -1)
    assert windows.get("a", 0) == 1


@pytest.mark.parametrize("is_evicted", [False, True])
def test_a_stored_window_is_dropped_to_the_last_key(is_evicted: bool) -> None:
    store = MemoryStore("counts")
    windows = windowed(store, budget=CacheBudget(1 if is_evicted else 100_000))
    for key in "abc":
        windows.put(key, 0, 1)
    commit(windows, 0)
    windows.put("d", 0, 1)
    windows.delete("a", 0)
    commit(windows, 1)

    windows.put("e", 0, 1)
    commit(windows, 15)

    assert list(store.scan(stop=MARKS_KEY)) == []


def test_keys_that_are_equal_but_written_differently_keep_their_own_bytes() -> None:
    windows = windowed()
    windows.put(1, 0, "number")
    windows.put(True, 10, "truth")
    windows.put("text", 0, 1)
    windows.put("text", 10, 1)

    written = {key[8:] + key[7:8] for key, _ in commit(windows, 0) if key != MARKS_KEY}

    assert written == {b"1\x00", b"true\n", b'"text"\x00', b'"text"\n'}


def test_retention_keeps_closed_windows_readable() -> None:
    windows = windowed(retention_ms=100)
    windows.put("a", 0, 1)
    assert len(list(windows.expire(50))) == 1
    commit(windows, 50)

    assert windows.get("a", 0) == 1
    assert list(windows.items(0)) == [("a", 1)]
    commit(windows, 110)
    assert windows.get("a", 0) is None
    with pytest.raises(Misuse, match="shorter than its grace"):
        windowed(retention_ms=4)


def test_marks_survive_and_damaged_ones_are_reported() -> None:
    store = MemoryStore("counts")
    windows = windowed(store)
    windows.put("a", 100, 1)
    windows.count_late(3)
    list(windows.expire(115))
    commit(windows, 115)

    again = windowed(store)
    assert (again.stream_time_ms, again.late_count, list(again.expire(115))) == (115, 3, [])

    store.write([(MARKS_KEY, b"?")], 99)
    with pytest.raises(StoreCorrupt, match="marks"):
        windowed(store)


def test_an_abandoned_expire_hands_the_unfinished_window_out_again() -> None:
    windows = windowed()
    windows.put("a", 0, 1)
    windows.put("a", 10, 1)
    windows.put("b", 10, 1)
    closing = windows.expire(100)
    assert [next(closing), next(closing)] == [("a", 0, 1), ("a", 10, 1)]

    assert list(windows.expire(100)) == [("a", 10, 1), ("b", 10, 1)]


def test_clean_entries_are_bounded() -> None:
    windows = windowed(budget=CacheBudget(2_000), size_ms=1000, retention_ms=10_000)
    for n in range(50):
        windows.put(n, n % 3 * 1000, n)
    commit(windows, 0)

    assert sum(len(window.values) for window in windows._windows.values()) in range(3, 9)
    assert all(windows.get(n, n % 3 * 1000) == n for n in range(50))


records = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 120)), max_size=40)


@settings(max_examples=150, deadline=None)
@given(
    records=records,
    commits=st.sets(st.integers(0, 40)),
    aborts=st.sets(st.integers(0, 40)),
    restarts=st.sets(st.integers(0, 40)),
    grace=st.integers(0, 12),
)
def test_finals_equal_the_fold_over_any_commits_aborts_and_restarts(
    records, commits, aborts, restarts, grace
) -> None:
    store = MemoryStore("counts")
    windows = windowed(store, grace_ms=grace, retention_ms=grace + 20, budget=CacheBudget(600))
    finals: list = []
    uncommitted: list = []
    at, committed_at, stream_time, committed_time = 0, 0, -1, -1
    aborts = set(aborts)
    while at < len(records):
        key, timestamp = records[at]
        stream_time = max(stream_time, timestamp)
        start = timestamp - timestamp % 10
        if not windows.late(start, stream_time):
            windows.put(key, start, windows.get(key, start, 0) + 1)
        else:
            windows.count_late()
        uncommitted += windows.expire(stream_time)
        at += 1
        if at in aborts:
            aborts.discard(at)
            windows.discard()
            uncommitted.clear()
            at, stream_time = committed_at, committed_time
        elif at in commits or at == len(records):
            commit(windows, stream_time)
            finals += uncommitted
            uncommitted = []
            committed_at, committed_time = at, stream_time
            if at in restarts:
                windows = windowed(store, grace_ms=grace, retention_ms=grace + 20)

    expected: defaultdict[tuple[int, int], int] = defaultdict(int)
    time, late = -1, 0
    for key, timestamp in records:
        time = max(time, timestamp)
        start = timestamp - timestamp % 10
        if start + 10 + grace <= time:
            late += 1
        else:
            expected[key, start] += 1
    closed = {(key, start, n) for (key, start), n in expected.items() if start + 10 + grace <= time}
    assert sorted(finals) == sorted(closed)
    assert windows.late_count == late
    kept = {(key, start): n for start in windows.starts() for key, n in windows.items(start)}
    assert kept == {row: n for row, n in expected.items() if row[1] + 30 + grace > time}


def test_add_is_late_get_and_put_in_one() -> None:
    windows = windowed()

    assert windows.add("a", 0, 2, 3, int)
    assert windows.add("a", 0, 3, 14, int)
    assert not windows.add("a", 0, 1, 15, int)
    assert windows.get("a", 0) == 5
    with pytest.raises(KeyError):
        windows.add("b", 10, 1, 15)


def test_add_goes_on_with_what_was_committed_and_begins_anew_after_a_deletion() -> None:
    store = MemoryStore("counts")
    windows = windowed(store)
    windows.add("a", 0, 2, 3, int)
    commit(windows, 3)

    again = windowed(store)
    again.add("a", 0, 3, 4, int)
    assert again.get("a", 0) == 5
    again.delete("a", 0)
    again.add("a", 0, 1, 4, int)
    assert again.get("a", 0) == 1


def test_a_window_handed_out_ahead_of_stream_time_takes_no_more() -> None:
    windows = windowed()
    windows.put("a", 0, 1)
    assert list(windows.expire(15)) == [("a", 0, 1)]

    assert windows.late(0, 3)
    assert not windows.add("a", 0, 1, 3, int)
    assert windows.add("a", 10, 1, 3, int)


def test_a_store_of_its_own_time_does_not_follow_the_tasks() -> None:
    store = MemoryStore("counts")
    windows = windowed(store, own_time=True)
    windows.put("a", 0, 1)

    assert windows.observe(7) == 7
    assert windows.observe(3) == 7
    commit(windows, 1_000_000)
    assert windows.get("a", 0) == 1
    assert windowed(store, own_time=True).stream_time_ms == 7


def test_marks_alone_are_something_to_commit() -> None:
    windows = windowed()
    assert windows.dirty_records == 0

    windows.count_late()
    assert windows.dirty_records == 1
    commit(windows, 0)
    assert windows.dirty_records == 0
