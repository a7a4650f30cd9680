"""What Kafka Streams does not have: deduplication, batches, awaited lookups and their kin, by the driver."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.builder import StreamsBuilder
from streamz_core.streams.dsl.options import Named
from streamz_core.testing import TopologyTestDriver


def test_filter_map_drops_what_becomes_none(bench: Any) -> None:
    stream = bench.stream()
    stream.filter_map(lambda value: int(value) if value.isdigit() else None).to("out")
    stream.filter_map(lambda key, value: key + value if value != "2" else None, with_key=True).to("keyed")

    assert bench.run(("k", "1"), ("k", "x"), ("k", "2")) == [("k", 1), ("k", 2)]
    assert bench.output("keyed") == [("k", "k1"), ("k", "kx")]


def test_timestamps_and_headers(bench: Any) -> None:
    stream = bench.stream().with_timestamp(lambda key, value: int(value))
    stream.with_headers(lambda key, value, headers: {"v": value.encode(), **dict(headers)}).to("out")
    bench.driver = driver = TopologyTestDriver(bench.builder, {"broker_commit_every": 1_000})
    driver.create_input_topic("in", str, str).pipe_input("k", "7", 100, headers=[("old", b"1")])

    (found,) = driver.create_output_topic("out", str, str).read_records_to_list()
    assert found.timestamp == 7
    assert dict(found.headers) == {"v": b"7", "old": b"1"}


def test_a_timestamp_that_is_none_names_the_record(bench: Any) -> None:
    bench.stream().with_timestamp(lambda key, value: -1, "time").to("out")
    with pytest.raises(
        Exception, match=r"step 'time'.*offset 0.*expected milliseconds since the epoch, got -1"
    ):
        bench.run(("k", "v"))


def test_deduplicate_by_key_and_by_identity(bench: Any) -> None:
    stream = bench.stream()
    stream.deduplicate(timedelta(milliseconds=10), "seen").to("out")
    stream.deduplicate(10, "seen-values", by=lambda key, value: value).to("values")

    pairs = [("a", "x", 0), ("a", "y", 9), ("b", "x", 9), ("a", "z", 10), ("a", "z", 19), ("a", "z", 20)]
    assert bench.run(*pairs) == [("a", "x"), ("b", "x"), ("a", "z"), ("a", "z")]
    assert bench.output("values") == [("a", "x"), ("a", "y"), ("a", "z"), ("a", "z")]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 60)), max_size=25))
def test_deduplicate_is_what_it_says(rows: list[tuple[str, int]]) -> None:
    builder = StreamsBuilder()
    builder.stream("in", key_type=str, value_type=str).deduplicate(10, "seen", grace=100).to("out")
    kept: list[tuple[str, int]] = []
    for key, at in rows:
        if all(key != other or abs(at - time) >= 10 for other, time in kept):
            kept.append((key, at))

    with TopologyTestDriver(builder) as driver:
        driver.create_input_topic("in", str, str).pipe_key_value_list([])
        given_topic = driver.create_input_topic("in", str, str)
        for key, at in rows:
            given_topic.pipe_input(key, "v", at)
        found = driver.create_output_topic("out", str, str).read_records_to_list()
        assert [(record.key, record.timestamp) for record in found] == kept


@pytest.mark.parametrize("value_type", [str, None])
def test_batches_are_full_or_have_waited_long_enough(bench: Any, value_type: Any) -> None:
    stream = bench.builder.stream("in", key_type=str, value_type=value_type)
    stream.batch(3, "open", within=timedelta(seconds=10)).to("out")
    driver = bench.driver = TopologyTestDriver(bench.builder)
    given_topic = driver.create_input_topic("in", str, value_type)
    for key, value in (("a", "1"), ("b", "2"), ("a", "3"), ("a", "4"), ("a", "5")):
        given_topic.pipe_input(key, value, int(value))
        driver.advance_wall_clock_time(1)

    assert bench.output() == [("a", ["1", "3", "4"])]
    # What waits is not lost with the process.
    driver.run(driver.app.stop())
    driver.run(driver.app.start())
    for _ in range(12):
        driver.advance_wall_clock_time(1_000)
    assert bench.output() == [("a", ["1", "3", "4"]), ("b", ["2"]), ("a", ["5"])]


def test_map_async_runs_side_by_side_and_keeps_the_order(bench: Any) -> None:
    running, most = 0, 0

    async def look_up(value: str) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(10 - int(value)):
            await asyncio.sleep(0)
        running -= 1
        return f"n{value}"

    bench.stream().map_async(look_up, concurrency=3).to("out")
    bench.driver = driver = TopologyTestDriver(bench.builder, {"broker_commit_every": 1_000})
    together(driver, [("k", str(n)) for n in range(10)])

    assert bench.output() == [("k", f"n{n}") for n in range(10)]
    assert most == 3


def test_map_async_remembers_for_a_time(bench: Any) -> None:
    asked: list[str] = []

    async def look_up(key: str, value: str) -> str:
        asked.append(value)
        return f"{key}-{value}"

    bench.stream().map_async(look_up, with_key=True, cache_ttl=60_000).to("out")
    bench.run(("a", "x"), ("a", "x"), ("a", "y"))
    assert asked == ["x", "y"]
    bench.driver.advance_wall_clock_time(61_000)
    bench.run(("a", "x"))
    assert asked == ["x", "y", "x"]


def test_a_call_that_fails_or_takes_too_long_names_its_record(bench: Any) -> None:
    async def look_up(value: str) -> str:
        if value == "late":
            await asyncio.Event().wait()
        if value == "bad":
            raise ValueError(value)
        return value

    policy = Named.as_("ask").with_error_policy("dead_letter")
    bench.stream().map_async(look_up, policy, timeout=500).to("out")
    bench.driver = driver = TopologyTestDriver(bench.builder, {"broker_commit_every": 1_000})
    together(driver, [("k", "a"), ("k", "bad"), ("k", "b"), ("k", "late"), ("k", "c")])
    for _ in range(10):
        driver.advance_wall_clock_time(300)

    assert bench.output() == [("k", "a"), ("k", "b"), ("k", "c")]
    letters = driver.create_output_topic("in-dlq", bytes, bytes).read_key_values_to_list()
    assert [value for _, value in letters] == [b"bad", b"late"]


@pytest.mark.parametrize("deep", [False, True])
def test_what_waits_works_behind_held_back_updates_and_row_by_row(bench: Any, deep: bool) -> None:
    async def shout(value: str) -> str:
        await asyncio.sleep(0)
        return value.upper()

    table = bench.stream().to_table("latest")
    stream = table.to_stream().map_async(shout)
    stream.to("out")
    if deep:
        stream.filter(lambda key, value: value == "B").to("out")

    expected = [("k", "A"), ("k", "B"), ("k", "B")] if deep else [("k", "A"), ("k", "B")]
    assert bench.run(("k", "a"), ("k", "b")) == expected


def test_throttle_lets_no_more_through_than_it_says(bench: Any) -> None:
    times: list[int] = []
    bench.stream().throttle(2, timedelta(seconds=1)).foreach(lambda key, value: times.append(clock.now_ms()))
    driver = TopologyTestDriver(bench.builder, {"broker_commit_every": 1_000})
    clock = driver.clock
    bench.driver = driver
    together(driver, [("k", str(n)) for n in range(7)])
    for _ in range(60):
        driver.advance_wall_clock_time(100)

    assert len(times) == 7
    assert all(later - earlier >= 1_000 for earlier, later in zip(times, times[2:], strict=False))


def test_unordered_calls_hold_up_nobody_and_are_committed_under_way(bench: Any) -> None:
    asked: list[str] = []
    gate: dict[str, asyncio.Event] = {}

    async def look_up(value: str) -> str:
        asked.append(value)
        if value == "slow":
            await gate.setdefault(value, asyncio.Event()).wait()
        return value.upper()

    bench.stream().map_async(look_up, ordered=False, store="under-way", value_type=str).to("out")
    bench.driver = TopologyTestDriver(bench.builder)
    given = bench.driver.create_input_topic("in", str, str)
    given.pipe_input("k", "slow", 17, headers=[("h", b"1")])
    given.pipe_input(None, "b", 18)
    given.pipe_input("k", "c", 19)
    assert bench.output() == [(None, "B"), ("k", "C")]
    assert len(dict(bench.driver.app.store("under-way").all())) == 1, (
        "it is committed with its call under way"
    )

    gate["slow"].set()
    bench.driver.advance_wall_clock_time(200)
    found = bench.driver.create_output_topic("out", str, str).read_records_to_list()[-1]
    assert (found.key, found.value, found.timestamp, list(found.headers)) == ("k", "SLOW", 17, [("h", b"1")])
    assert asked == ["slow", "b", "c"]
    assert dict(bench.driver.app.store("under-way").all()) == {}


def test_no_more_unordered_calls_than_may_be(bench: Any) -> None:
    running, most = 0, 0

    async def look_up(value: str) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(10 - int(value)):
            await asyncio.sleep(0)
        running -= 1
        return f"n{value}"

    bench.stream().map_async(look_up, concurrency=3, ordered=False, store="calls").to("out")
    bench.driver = driver = TopologyTestDriver(bench.builder, {"broker_commit_every": 1_000})
    together(driver, [("k", str(n)) for n in range(10)])

    assert sorted(bench.output()) == [("k", f"n{n}") for n in range(10)]
    assert most == 3


def test_what_stands_in_for_a_failed_unordered_call(bench: Any) -> None:
    async def look_up(key: str, value: str) -> str:
        if value == "late":
            await asyncio.Event().wait()
        raise ValueError(value)

    def on_error(key: str, value: str, error: Exception) -> str:
        return f"{key} {value} {type(error).__name__}"

    asking = {"with_key": True, "timeout": 500, "ordered": False, "store": "calls", "on_error": on_error}
    bench.stream().map_async(look_up, **asking).to("out")
    bench.run(("k", "late"), ("k", "bad"))
    bench.driver.advance_wall_clock_time(600)
    assert bench.output() == [("k", "k bad ValueError"), ("k", "k late TimeoutError")]


def test_a_failed_unordered_call_stops_the_app_where_nothing_stands_in(bench: Any) -> None:
    async def look_up(value: str) -> str:
        raise ValueError(value)

    bench.stream().map_async(look_up, "ask", ordered=False, store="calls").to("out")
    with pytest.raises(Exception, match=r"'ask' failed for key 'k': ValueError.*on_error=function"):
        bench.run(("k", "bad"))


def test_unordered_answers_serve_for_a_time(bench: Any) -> None:
    asked: list[str] = []

    async def look_up(value: str) -> str:
        asked.append(value)
        return value.upper()

    bench.stream().map_async(look_up, ordered=False, store="calls", cache_ttl=60_000).to("out")
    assert bench.run(("a", "x"), ("b", "x")) == [("a", "X"), ("b", "X")]
    assert asked == ["x"]


def test_a_throttle_with_a_store_lets_others_go_on(bench: Any) -> None:
    stream = bench.stream()
    stream.throttle(2, timedelta(seconds=1), store="waiting").to("slow")
    stream.to("fast")
    bench.run(*[("k", str(n)) for n in range(7)])
    assert bench.output("fast") == [("k", n) for n in range(7)]
    seen: list[int] = []
    for _ in range(8):
        seen.append(len(bench.output("slow")))
        bench.driver.advance_wall_clock_time(500)
    assert seen == [2, 2, 4, 4, 6, 6, 7, 7]
    assert bench.output("slow") == [("k", n) for n in range(7)]


@pytest.mark.parametrize(
    ("options", "says"),
    [({"ordered": False}, "needs the name of a store"), ({"store": "s"}, "are for ordered=False")],
)
def test_options_of_map_async_that_do_not_go_together(options: Any, says: str) -> None:
    with pytest.raises(Misuse, match=says):
        StreamsBuilder().stream("in").map_async(print, **options)  # type: ignore[arg-type]


def together(driver: TopologyTestDriver, pairs: list[tuple[str, str]]) -> None:
    """Pipe all records before anything is handled."""

    async def pipe() -> None:
        producer = driver._driven.producer
        assert producer is not None
        sent = await producer.send_columns(
            "in", 0, [k.encode() for k, _ in pairs], [v.encode() for _, v in pairs], [0] * len(pairs), None
        )
        await driver.clock.settle()
        await sent
        await driver._driven.complete()

    driver.create_input_topic("in", str, str)
    driver.run(pipe())


@pytest.mark.parametrize(
    ("word", "arguments"),
    [("batch", (0, "s")), ("throttle", (0, 10)), ("throttle", (1, 0)), ("deduplicate", (0, "s"))],
)
def test_numbers_that_make_no_sense(word: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(Misuse, match=word):
        getattr(StreamsBuilder().stream("in"), word)(*arguments)


def test_records_under_changed_keys_are_brought_together_first() -> None:
    builder = StreamsBuilder()
    rekeyed = builder.stream("in", key_type=str, value_type=str).select_key(lambda _k, _v: "x", key_type=str)
    rekeyed.deduplicate(1_000, "seen").to("once")
    rekeyed.batch(4, "lists").to("four")
    with TopologyTestDriver(builder, partitions=3) as driver:
        given_topic = driver.create_input_topic("in", str, str)
        given_topic.pipe_key_value_list([(key, key) for key in "abcd"], 0, 1)
        assert driver.create_output_topic("once", str, str).queue_size == 1
        (found,) = driver.create_output_topic("four", str, list).read_values_to_list()
        assert sorted(found) == ["a", "b", "c", "d"]


def test_records_without_a_key_or_a_value_are_in_no_batch(bench: Any) -> None:
    bench.stream().batch(2, "lists").to("out")
    rows = ((None, "1"), ("a", "2"), (None, "3"), ("a", None), ("a", "4"))
    assert bench.run(*rows) == [("a", ["2", "4"])]
