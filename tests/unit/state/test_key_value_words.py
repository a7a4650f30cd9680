"""Kafka Streams' names on key-value stores, and the driver's for each kind of store."""

from __future__ import annotations

import pytest

from streamz_core.errors import Misuse
from streamz_core.serde.codecs import JsonCodec, TextCodec
from streamz_core.state.cache import CachedStore
from streamz_core.state.memory import MemoryStore
from streamz_core.streams import Processor, Stores, StreamsBuilder
from streamz_core.testing import TopologyTestDriver


@pytest.fixture
def store() -> CachedStore:
    made = CachedStore(MemoryStore("s"), TextCodec("key"), JsonCodec("value"))
    made.put_all({"a": 1, "b": 2})
    made.collect()
    made.committed(1)
    made.put_all([("ab", 3), ("c", 4)])
    return made


def test_entries_in_order_and_in_reverse(store):
    everything = [("a", 1), ("ab", 3), ("b", 2), ("c", 4)]

    assert list(store.all()) == everything
    assert list(store.reverse_all()) == everything[::-1]
    assert list(store.range("ab", "c")) == [("ab", 3), ("b", 2)]
    assert list(store.reverse_range("ab")) == [("c", 4), ("b", 2), ("ab", 3)]
    assert list(store.prefix_scan("a")) == list(store.prefix_scan(b"a")) == everything[:2]
    assert store.approximate_num_entries() == 4


def test_what_was_there_is_given_back(store):
    assert store.put_if_absent("a", 9) == 1
    assert store.put_if_absent("z", 9) is None
    assert (store.get("a"), store.get("z")) == (1, 9)
    assert store.pop("a") == 1
    assert store.pop("a", "gone") == "gone"
    assert "a" not in store


class Fill(Processor):
    def process(self, record):
        self.context.get_state_store("plain").put("a", 1)
        windows = self.context.get_state_store("windows")
        windows.put("a", 0, 1)
        windows.put("a", 10, 2)
        sessions = self.context.get_state_store("sessions")
        sessions.put("a", 0, 5, 1)
        sessions.put("a", 20, 25, 2)
        self.context.get_state_store("history").put("a", 1, 10)


NAMES = ("plain", "windows", "sessions", "history")


@pytest.fixture
def driver():
    builder = StreamsBuilder()
    types = {"key_type": str, "value_type": int}
    for made in (
        Stores.key_value_store("plain", **types),
        Stores.window_store("windows", 10, 1_000, **types),
        Stores.session_store("sessions", 1_000, **types),
        Stores.versioned_key_value_store("history", 1_000, **types),
    ):
        builder.add_state_store(made)
    builder.stream("in", key_type=str, value_type=str).process(Fill, *NAMES)
    with TopologyTestDriver(builder) as driver:
        driver.create_input_topic("in", str, str).pipe_input("k", "v")
        yield driver


def test_the_driver_gives_each_kind_by_its_name(driver):
    assert driver.get_key_value_store("plain").get("a") == 1
    windows = driver.get_window_store("windows")
    assert windows.fetch("a") == [(0, 10, 1), (10, 20, 2)]
    assert windows.backward_fetch("a") == [(10, 20, 2), (0, 10, 1)]
    assert list(windows.all()) == [("a", 0, 10, 1), ("a", 10, 20, 2)]
    sessions = driver.get_session_store("sessions")
    assert sessions.find_sessions("a", 3, 30) == [(0, 5, 1), (20, 25, 2)]
    assert sessions.fetch_session("a", 20, 25) == 2
    sessions.delete("a", 20, 25)
    sessions.delete("a", 20, 25)
    assert sessions.find_sessions("a", 0, 30) == [(0, 5, 1)]
    assert driver.get_versioned_key_value_store("history").get("a").value == 1


def test_another_kind_is_refused(driver):
    with pytest.raises(Misuse, match="'windows' is a WindowedStore, not a CachedStore"):
        driver.get_key_value_store("windows")
    with pytest.raises(Misuse, match="no store 'absent'"):
        driver.get_window_store("absent")
