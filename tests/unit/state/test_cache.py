"""The write-back cache against a plain dict, through commits, aborts and evictions."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.errors import Misuse
from streamz_core.serde.failure import DecodeFailure
from streamz_core.state.cache import CachedStore
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.memory import MemoryStore
from streamz_core.state.store import StoreUndecodable


class Json:
    def decode(self, column):
        decoded = []
        for raw in column:
            try:
                decoded.append(orjson.loads(raw))
            except orjson.JSONDecodeError as error:
                decoded.append(DecodeFailure(error))
        return decoded

    def encode(self, value):
        return None if value is None else orjson.dumps(value)


def cached(store=None, **options) -> CachedStore:
    return CachedStore(store or MemoryStore("counts"), Json(), Json(), **options)


def test_changes_are_collected_once_per_key_and_sorted() -> None:
    cache = cached()
    for n in range(5):
        cache.put("b", n)
        cache.put("a", n)
    cache.delete("c")

    assert cache.dirty_records == 3
    assert cache.collect() == [(b'"a"', b"4"), (b'"b"', b"4"), (b'"c"', None)]
    cache.committed(3)
    assert cache.collect() == []


def test_what_is_put_during_a_commit_belongs_to_the_next() -> None:
    store = MemoryStore("counts")
    cache = cached(store)
    cache.put("a", 1)
    cache.collect()
    cache.put("a", 2)
    cache.put("b", 1)

    cache.committed(1)

    assert store.get(b'"a"') == b"1"
    assert cache.get("a") == 2
    assert cache.collect() == [(b'"a"', b"2"), (b'"b"', b"1")]


def test_a_second_collect_without_an_outcome_is_refused() -> None:
    cache = cached()
    cache.put("a", 1)
    cache.collect()

    with pytest.raises(Misuse, match="collected twice"):
        cache.collect()


def test_discard_goes_back_to_the_store_even_for_values_changed_in_place() -> None:
    cache = cached()
    cache.put("a", [1])
    cache.collect()
    cache.committed(1)
    cache.get("a").append(2)
    cache.put("b", 1)

    cache.discard()

    assert cache.get("a") == [1]
    assert "b" not in cache


def test_an_entry_of_another_type_is_an_error_that_names_the_remedy() -> None:
    store = MemoryStore("counts")
    store.write([(b'"a"', b"{broken")], 1)

    with pytest.raises(StoreUndecodable, match="give the table a new name"):
        cached(store).get("a")


def test_clean_entries_are_bounded_and_dirty_ones_kept() -> None:
    cache = cached(budget=CacheBudget(4_000))
    for n in range(100):
        cache.put(n, n)
    assert len(cache._values) == 100
    cache.collect()
    cache.committed(100)
    assert 5 <= len(cache._values) <= 15

    assert [cache.get(n) for n in range(100)] == list(range(100))
    assert 5 <= len(cache._values) <= 15


keys = st.integers(0, 12)
steps = st.lists(
    st.tuples(st.just("put"), keys, st.integers(0, 9) | st.none())
    | st.tuples(st.just("get"), keys, st.none())
    | st.tuples(st.sampled_from(["commit", "begin", "discard", "items"]), st.none(), st.booleans()),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(steps=steps)
def test_a_cached_store_does_what_a_dict_does(steps) -> None:
    store = MemoryStore("counts")
    cache = cached(store, budget=CacheBudget(800))
    model: dict[int, int] = {}
    stored: dict[int, int] = {}
    pending: dict[int, int] | None = None
    for step, key, value in steps:
        if step == "put":
            cache.put(key, value)
            model.pop(key, None) if value is None else model.update({key: value})
        elif step == "get":
            assert cache.get(key, "none") == model.get(key, "none")
            assert (key in cache) == (key in model)
        elif step == "begin" and pending is None:
            cache.collect()
            pending = dict(model)
        elif step == "commit" and pending is not None:
            cache.committed(store.position() + 2)
            stored, pending = pending, None
            assert {orjson.loads(k): orjson.loads(v) for k, v in store.scan()} == stored
        elif step == "discard":
            cache.discard()
            model, pending = dict(stored), None
        elif step == "items":
            expected = sorted(model.items(), key=lambda row: orjson.dumps(row[0]), reverse=value)
            assert list(cache.items(reverse=value)) == expected
    assert dict(cache.items()) == model


def test_scans_encode_each_changed_key_once() -> None:
    class Counting(Json):
        calls = 0

        def encode(self, value):
            Counting.calls += 1
            return super().encode(value)

    store = CachedStore(MemoryStore("scanned"), Counting(), Json())
    for number in range(500):
        store.put(number, number)
    for number in range(500, 600):
        store.put(number, number)
        assert len(list(store.scan())) == number + 1
    store.put(3, "changed")
    store.delete(4)

    assert dict(store.scan(b"3", b"5")) == {
        number: "changed" if number == 3 else number
        for number in range(600)
        if b"3" <= str(number).encode() < b"5" and number != 4
    }
    assert Counting.calls == 600
