"""Every store backend, one suite: what the interface of ``state.store`` promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamz_core.state.store import NO_POSITION, StoreClosed, prefix_end
from tests.contract.store_backends import BACKENDS, NAMES, Backend

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=BACKENDS, ids=NAMES)
def backend(request: pytest.FixtureRequest, tmp_path: Path):
    backend = request.param(tmp_path)
    yield backend
    backend.close()


def test_a_new_store_is_empty_and_at_no_position(backend: Backend) -> None:
    store = backend.open()

    assert store.position() == NO_POSITION
    assert store.get(b"a") is None
    assert list(store.scan()) == []
    assert store.approximate_count() == 0


def test_puts_deletes_and_the_position_are_applied(backend: Backend) -> None:
    store = backend.open()

    store.write([(b"", b"empty key"), (b"a", b"1"), (b"b", b"2")], 3)
    store.write([(b"a", None), (b"b", b""), (b"z", None)], 6)

    assert store.position() == 6
    assert store.get_many([b"a", b"b", b"", b"z"]) == [None, b"", b"empty key", None]
    assert store.get_many([]) == []
    assert list(store.scan()) == [(b"", b"empty key"), (b"b", b"")]


def test_scans_keep_their_bounds_in_both_directions(backend: Backend) -> None:
    store = backend.open()
    rows = [(bytes([i // 256, i % 256]), b"%d" % i) for i in range(5000)]
    store.write(rows, 1)

    assert list(store.scan()) == rows
    assert list(store.scan(reverse=True)) == rows[::-1]
    assert list(store.scan(rows[17][0], rows[4000][0])) == rows[17:4000]
    assert list(store.scan(rows[17][0], rows[4000][0], reverse=True)) == rows[17:4000][::-1]
    assert list(store.scan(b"\x02", prefix_end(b"\x02"))) == rows[512:768]
    assert list(store.scan(b"\x05", b"\x05")) == []


def test_a_write_larger_than_a_batch_is_whole(backend: Backend) -> None:
    store = backend.open()

    store.write([(i.to_bytes(4, "big"), b"v") for i in range(25_000)], 25_000)

    assert sum(1 for _ in store.scan()) == 25_000
    assert store.position() == 25_000


def test_clearing_forgets_data_and_position(backend: Backend) -> None:
    store = backend.open()
    store.write([(b"", b"1"), (b"\xff\xff", b"2")], 9)

    store.clear()

    assert (list(store.scan()), store.position()) == ([], NO_POSITION)
    store.write([(b"a", b"1")], 1)
    assert (list(store.scan()), store.position()) == ([(b"a", b"1")], 1)


def test_a_scan_left_unfinished_keeps_nothing_open(backend: Backend) -> None:
    store = backend.open()
    store.write([(bytes([i]), b"v") for i in range(100)], 100)
    scan = store.scan()
    next(scan)

    again = backend.reopen()

    assert again.position() in (100, NO_POSITION)  # a dangling iterator would have kept the lock
    with pytest.raises(StoreClosed, match="given up"):
        list(scan)
    with pytest.raises(StoreClosed):
        store.write([(b"a", b"b")], 101)


def test_after_a_crash_the_store_is_some_state_it_was_written_in(backend: Backend) -> None:
    store = backend.open()
    store.write([(b"a", b"1")], 1)
    store.flush()
    store.write([(b"a", b"2"), (b"b", b"2")], 3)

    store = backend.crash()

    states = {NO_POSITION: [], 1: [(b"a", b"1")], 3: [(b"a", b"2"), (b"b", b"2")]}
    assert list(store.scan()) == states[store.position()]


keys = st.binary(max_size=4)
changes = st.lists(
    st.tuples(keys, st.none() | st.binary(max_size=3)), max_size=8, unique_by=lambda row: row[0]
)
steps = st.lists(
    changes | st.sampled_from(["flush", "reopen", "crash"]) | st.tuples(keys, keys, st.booleans()),
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
@pytest.mark.parametrize("kind", BACKENDS, ids=NAMES)
def test_a_store_does_what_a_dict_does(kind, steps, tmp_path_factory: pytest.TempPathFactory) -> None:
    backend = kind(tmp_path_factory.mktemp("store"))
    history: dict[int, dict[bytes, bytes]] = {NO_POSITION: {}}
    store, model, position = backend.open(), {}, NO_POSITION
    for step in steps:
        if step == "flush":
            store.flush()
        elif step in ("reopen", "crash"):
            store = getattr(backend, step)()
            position = store.position()
            model = dict(history[position])  # a position always comes with exactly its data
        elif isinstance(step, tuple):
            low, high, reverse = step
            expected = sorted(((k, v) for k, v in model.items() if low <= k < high), reverse=reverse)
            assert list(store.scan(low, high, reverse=reverse)) == expected
        else:
            position = max(history) + 1
            for key, value in step:
                model.pop(key, None) if value is None else model.update({key: value})
            store.write(sorted(step, key=lambda row: row[0]), position)
            history[position] = dict(model)
        assert store.position() == position
        assert dict(store.scan()) == model
    backend.close()
