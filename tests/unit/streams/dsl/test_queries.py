"""Stores read from outside: by key, range and window, over partitions; what is committed, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.options import Materialized
from streamz_core.streams.dsl.windows import SessionWindows, TimeWindows
from streamz_core.streams.runtime.store_parts import StoreUnavailable
from streamz_core.streams.windowed_key import Window, Windowed

WORDS = [chr(ord("a") + n) for n in range(20)]


@pytest.fixture
def counts(bench: Any) -> Any:
    """A store of three partitions with a count for each of 20 words."""
    bench.stream().group_by_key().count("counts").to_stream().to("out")
    bench.run(*((word, "x", 10 + n) for n, word in enumerate(WORDS)), ("a", "x", 50), partitions=3)
    return bench.driver.app.store("counts")


def test_keys_are_found_in_whichever_partition_they_are(counts: Any) -> None:
    assert counts.get("a") == 2
    assert counts.get_many(["b", "nobody", "t"]) == [1, None, 1]
    assert counts.get("nobody", default=0) == 0
    assert "c" in counts
    assert "nobody" not in counts


def test_ranges_are_in_the_order_of_their_keys_over_all_partitions(counts: Any) -> None:
    assert [key for key, _ in counts.all()] == WORDS
    assert [key for key, _ in counts.all(reverse=True)] == WORDS[::-1]
    assert list(counts.range("c", "f")) == [("c", 1), ("d", 1), ("e", 1)]
    assert [key for key, _ in counts.range(stop="c", reverse=True)] == ["b", "a"]
    assert list(counts.prefix("t")) == [("t", 1)]
    assert counts.approximate_count() == 20


def test_values_come_with_their_times_where_that_is_asked_for(bench: Any, counts: Any) -> None:
    assert bench.driver.app.store("counts", timestamps=True).get("a") == (2, 50)


def test_windows_are_fetched_by_key_and_time(bench: Any) -> None:
    windows = TimeWindows.of_size_and_grace(10, 1_000)
    bench.stream().group_by_key().windowed_by(windows).count("views").to_stream().to("out")
    bench.run(("a", "x", 5), ("b", "x", 7), ("a", "x", 12), ("a", "x", 31), ("a", "x", 32), partitions=2)
    views = bench.driver.app.store("views")

    assert views.fetch("a") == [(Window(0, 10), 1), (Window(10, 20), 1), (Window(30, 40), 2)]
    assert views.fetch("a", 10, 30) == [(Window(10, 20), 1)]
    assert views.fetch("nobody") == []
    assert list(views.fetch_all(0, 11)) == [
        (Windowed("a", Window(0, 10)), 1),
        (Windowed("b", Window(0, 10)), 1),
        (Windowed("a", Window(10, 20)), 1),
    ]


def test_sessions_are_fetched_by_key_and_time(bench: Any) -> None:
    windows = SessionWindows.of_inactivity_gap_and_grace(10, 1_000)
    bench.stream().group_by_key().windowed_by(windows).count("visits")
    bench.pipe("in", ("a", "x", 100), ("a", "x", 105), ("ab", "x", 102), ("a", "x", 200))
    visits = bench.driver.app.store("visits")

    assert visits.fetch("a") == [(Window(100, 105), 2), (Window(200, 200), 1)]
    assert visits.fetch("a", 101, 150) == [(Window(100, 105), 2)]
    assert sorted(visits.fetch_all(0, 150)) == [
        (Windowed("a", Window(100, 105)), 2),
        (Windowed("ab", Window(102, 102)), 1),
    ]


def test_versions_are_asked_for_as_of_a_time(bench: Any) -> None:
    rates = Materialized.as_versioned("rates", timedelta(hours=1))
    bench.builder.table("in", key_type=str, value_type=str, materialized=rates)
    bench.run(("eur", "1.1", 100), ("eur", "1.2", 200), ("usd", "1.0", 150), partitions=2)
    rates = bench.driver.app.store("rates")

    assert (rates.get("eur"), rates.get("eur", 150), rates.get("eur", 50)) == ("1.2", "1.1", None)
    assert rates.version("eur", 150) == ("1.1", 100, 200)
    assert [record.value for record in rates.history("eur")] == ["1.2", "1.1"]
    assert list(rates.all()) == [("eur", "1.2"), ("usd", "1.0")]


def test_entries_that_have_ended_are_not_found(bench: Any) -> None:
    seen = Materialized.as_("seen").with_ttl(100)
    bench.builder.table("in", key_type=str, value_type=str, materialized=seen)
    bench.run(("a", "x", 0), ("b", "x", 99), ("c", "x", 150))
    store = bench.driver.app.store("seen")

    assert store.get_many(["a", "b", "c"]) == [None, "x", "x"]
    assert [key for key, _ in store.all()] == ["b", "c"]


def test_subscribers_are_told_what_is_committed(bench: Any) -> None:
    bench.builder.table("in", key_type=str, value_type=str, materialized="users")
    bench.run(("a", "before"))
    store = bench.driver.app.store("users")
    everything, of_b = store.subscribe(), store.subscribe("b")

    bench.pipe("in", ("a", "x"), ("b", "y"), ("a", None))
    told = [bench.driver.run(anext(everything))[:2] for _ in range(3)]

    assert told == [("a", "x"), ("b", "y"), ("a", None)]
    assert bench.driver.run(anext(of_b))[:2] == ("b", "y")
    everything.close()
    with pytest.raises(StopAsyncIteration):
        bench.driver.run(anext(everything))


def test_subscriptions_end_with_the_app(bench: Any) -> None:
    bench.builder.table("in", key_type=str, value_type=str, materialized="users")
    bench.run(("a", "before"))
    changes = bench.driver.app.store("users").subscribe()
    loop = bench.driver.app.running.runtime

    bench.driver.run(loop.stop())

    with pytest.raises(StopAsyncIteration):
        bench.driver.run(anext(changes))
    with pytest.raises(StoreUnavailable, match="not running"):
        bench.driver.app.store("users")


def test_what_is_not_committed_is_not_seen(bench: Any, counts: Any) -> None:
    for task in bench.driver.app.running.runtime.tasks.values():
        if task.stores.spec("counts") is not None:
            task.any_store("counts").put("zzz", (7, 1))

    assert counts.get("zzz") is None
    assert [key for key, _ in counts.all()] == WORDS


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda store: store.fetch("a"), "window and session stores"),
        (lambda store: store.history("a"), "versioned stores"),
        (lambda store: store.get("a", as_of=5), "versioned stores"),
    ],
)
def test_what_a_kind_of_store_cannot_answer_is_said(counts: Any, ask: Any, message: str) -> None:
    with pytest.raises(Misuse, match=message):
        ask(counts)


def test_an_unknown_store_is_named_with_those_there_are(bench: Any, counts: Any) -> None:
    with pytest.raises(Misuse, match=r"no store 'count' \(it has: counts\)"):
        bench.driver.app.store("count")


def test_a_partition_that_is_restored_is_named(bench: Any, counts: Any) -> None:
    from streamz_core.streams.runtime.task import TaskState

    tasks = bench.driver.app.running.runtime.tasks
    (name,) = [name for name, task in tasks.items() if task.stores.spec("counts") and task.partition == 1]
    tasks[name].state.set(TaskState.RESTORING)

    with pytest.raises(StoreUnavailable, match="partition 1 of store 'counts' is restoring"):
        list(counts.all())
    tasks[name].state.set(TaskState.RUNNING)
