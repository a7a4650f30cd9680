"""The session store: spans by key, across commits, restarts and the passing of time."""

from __future__ import annotations

import pytest

from streamz_core.errors import Misuse
from streamz_core.serde.codecs import JsonCodec, TextCodec
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.due import Due, Span
from streamz_core.state.memory import MemoryStore
from streamz_core.state.sessions import SessionStore
from streamz_core.state.store import StoreUndecodable


def opened(backend: MemoryStore, retention_ms: int | None = 100) -> SessionStore:
    return SessionStore(
        backend, TextCodec("key"), JsonCodec("value"), retention_ms=retention_ms, budget=CacheBudget(300)
    )


def commit(store: SessionStore) -> list[tuple[bytes, bytes | None]]:
    store.drop_expired(store.stream_time_ms)
    changes = store.collect()
    store.committed(store.position() + 1)
    return list(changes)


@pytest.fixture
def backend() -> MemoryStore:
    return MemoryStore("sessions")


def test_spans_that_touch_a_time_are_found_by_their_ends(backend: MemoryStore) -> None:
    store = opened(backend)
    store.put("a", 20, 30, 2)
    store.put("a", 0, 10, 1)
    store.put("b", 0, 99, 3)

    assert [(span.start, span.end) for span in store.find("a", 10, 20)] == [(0, 10), (20, 30)]
    assert [(span.start, span.end) for span in store.find("a", 11, 20)] == [(20, 30)]
    assert store.find("c", 0, 99) == []


def test_what_was_committed_is_there_after_a_restart(backend: MemoryStore) -> None:
    store = opened(backend)
    store.observe(50)
    store.count_late()
    store.put("a", 0, 10, {"n": 1})
    commit(store)
    store.put("a", 0, 10, {"n": 2})
    store.put("b", 5, 5, {"n": 9})

    again = opened(backend)

    assert list(again.fetch_all()) == [("a", 0, 10, {"n": 1})]
    assert (again.stream_time_ms, again.late_count) == (50, 1)


def test_a_stored_key_is_kafkas(backend: MemoryStore) -> None:
    store = opened(backend)
    store.put("a", 3, 7, 1)

    assert commit(store) == [(b"a" + (7).to_bytes(8, "big") + (3).to_bytes(8, "big"), b"1")]


def test_a_span_that_comes_and_goes_between_commits_is_not_written(backend: MemoryStore) -> None:
    store = opened(backend)
    span = store.begin("a", 0, 5, 1)
    store.extend(span, 0, 9, 2)
    gone = store.begin("b", 0, 5, 1)
    store.remove(gone)

    assert [key[:1] for key, _ in commit(store)] == [b"a"]
    assert store.fetch("a") == [(0, 9, 2)]


def test_a_removed_span_is_deleted_from_the_changelog(backend: MemoryStore) -> None:
    store = opened(backend)
    store.put("a", 0, 5, 1)
    ((key, _),) = commit(store)
    store.put("a", 0, 5, None)

    assert commit(store) == [(key, None)]
    assert list(opened(backend).fetch_all()) == []


def test_discard_goes_back_to_the_last_commit(backend: MemoryStore) -> None:
    store = opened(backend)
    store.put("a", 0, 5, 1)
    commit(store)
    store.put("a", 0, 5, None)
    store.observe(9)

    store.discard()

    assert store.fetch("a") == [(0, 5, 1)]
    assert store.stream_time_ms == -1


def test_ended_spans_are_handed_out_once_across_restarts(backend: MemoryStore) -> None:
    store = opened(backend)
    for key, start, end in [("b", 0, 5), ("a", 1, 5), ("c", 0, 9), ("d", 0, 4)]:
        store.put(key, start, end, 1)

    assert [found[0] for found in store.expire(6)] == ["d", "b", "a"]
    commit(store)
    again = opened(backend)
    assert [found[0] for found in again.expire(20)] == ["c"]
    assert list(again.expire(30)) == []


def test_spans_past_the_retention_are_hidden_at_once_and_dropped_with_the_commit(
    backend: MemoryStore,
) -> None:
    store = opened(backend, retention_ms=10)
    store.put("a", 0, 5, 1)
    store.put("a", 7, 8, 2)
    commit(store)
    store.observe(16)

    assert [span.start for span in store.find("a", 0, 100)] == [7]
    assert (b"a" + (5).to_bytes(8, "big") + (0).to_bytes(8, "big"), None) in commit(store)


def test_without_retention_spans_stay(backend: MemoryStore) -> None:
    store = opened(backend, retention_ms=None)
    store.put("a", 0, 5, 1)
    store.observe(1 << 50)
    commit(store)

    assert store.get("a", 0, 5) == 1


def test_collecting_twice_is_refused(backend: MemoryStore) -> None:
    store = opened(backend)
    store.collect()

    with pytest.raises(Misuse, match="collected twice"):
        store.collect()


def test_a_value_that_does_not_decode_is_named(backend: MemoryStore) -> None:
    store = opened(backend)
    store.put("a", 0, 5, 1)
    ((key, _),) = commit(store)
    backend.write([(key, b"{")], 2)

    with pytest.raises(StoreUndecodable, match="session store 'sessions' holds an entry"):
        opened(backend).fetch("a")


def test_an_end_that_moved_is_found_where_it_went() -> None:
    due = Due(10)
    spans = [Span("a", 0, 5, 1), Span("b", 0, 5, 1), Span("c", 0, 5, 1)]
    for span in spans:
        due.file(span)
    spans[0].end = 500
    spans[1].is_gone = True

    assert due.ended(6) == [spans[2]]
    assert due.ended(500) == []
    assert due.ended(501) == [spans[0]]
