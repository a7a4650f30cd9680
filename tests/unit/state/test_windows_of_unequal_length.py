"""Window stores whose windows have ends of their own, and reading windows of one key."""

from __future__ import annotations

import pytest

from streamz_core.errors import Misuse
from streamz_core.serde.codecs import JsonCodec, TextCodec
from streamz_core.state.memory import MemoryStore
from streamz_core.state.windowed import WindowedStore

ENDS = {0: 28, 28: 59, 59: 90}


def opened(backend: MemoryStore, ends: dict[int, int] = ENDS) -> WindowedStore:
    return WindowedStore(
        backend,
        TextCodec("key"),
        JsonCodec("value"),
        size_ms=1,
        grace_ms=2,
        retention_ms=40,
        own_time=True,
        end=ends.__getitem__,
    )


def test_each_window_closes_and_goes_by_its_own_end() -> None:
    backend = MemoryStore("months")
    store = opened(backend)
    for start in ENDS:
        store.put("a", start, start + 1)

    assert not store.late(0, 29)
    assert store.late(0, 30)
    assert list(store.expire(29)) == []
    assert list(store.expire(61)) == [("a", 0, 1), ("a", 28, 29)]
    store.observe(68)
    store.drop_expired(68)
    store.collect()
    store.committed(1)
    again = opened(backend)
    assert again.starts() == [28, 59]
    assert list(again.expire(92)) == [("a", 59, 60)]


def test_the_windows_of_one_key_are_read_by_their_starts() -> None:
    store = opened(MemoryStore("months"))
    store.put("a", 0, "x")
    store.put("b", 0, "other")
    store.put("a", 59, "y")

    assert store.fetch("a") == [(0, 28, "x"), (59, 90, "y")]
    assert store.fetch("a", 1) == [(59, 90, "y")]
    assert store.fetch("a", 0, 59) == [(0, 28, "x")]
    assert list(store.fetch_all(0, 1)) == [("a", 0, 28, "x"), ("b", 0, 28, "other")]


def test_a_later_window_must_not_end_earlier() -> None:
    store = opened(MemoryStore("odd"), {0: 50, 10: 40})
    store.put("a", 0, 1)

    with pytest.raises(Misuse, match="one that starts later not before"):
        store.put("a", 10, 1)
