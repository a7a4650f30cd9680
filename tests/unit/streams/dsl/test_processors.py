"""The processor API, by the driver."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.builder import StreamsBuilder
from streamz_core.streams.dsl.processing import (
    FixedKeyProcessor,
    Processor,
    ProcessorContext,
    PunctuationType,
    Record,
    ValueTransformer,
    ValueTransformerWithKey,
)
from streamz_core.streams.dsl.stores import Stores
from streamz_core.streams.operators.timers import Timers
from streamz_core.testing import TopologyTestDriver

STREAM, WALL = PunctuationType.STREAM_TIME, PunctuationType.WALL_CLOCK_TIME


class Counter(Processor):
    """Counts keys in a store, and forwards every second one."""

    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self.counts = context.get_state_store("counts")

    def process(self, record: Record) -> None:
        count = self.counts.get(record.key, 0) + 1
        self.counts.put(record.key, count)
        if count % 2 == 0:
            self.context.forward(record.with_value(count))


def test_a_processor_with_a_store(bench: Any) -> None:
    bench.builder.add_state_store(Stores.key_value_store("counts", key_type=str, value_type=int))
    bench.stream().process(Counter, "counts").to("out")

    assert bench.run(("a", "x"), ("b", "x"), ("a", "x"), ("a", "x"), ("a", "x")) == [("a", 2), ("a", 4)]
    assert bench.driver.get_state_store("counts").get("a") == 4


def test_a_supplier_brings_its_stores(bench: Any) -> None:
    class Supplier:
        def get(self) -> Processor:
            return Counter()

        def stores(self) -> Any:
            return [Stores.key_value_store("counts", key_type=str, value_type=int)]

    bench.stream().process(Supplier()).to("out")

    assert bench.run(("a", "x"), ("a", "x")) == [("a", 2)]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda record: record.with_key("z").with_value(record.value * 2), [("z", "xx")]),
        (lambda record: None, []),
        (lambda record: [record, record.with_value("y")], [("k", "x"), ("k", "y")]),
        (lambda record: (record.with_value(c) for c in "pq"), [("k", "p"), ("k", "q")]),
    ],
)
def test_a_function_as_a_processor(bench: Any, function: Any, expected: Any) -> None:
    bench.stream().process(function).to("out")

    assert bench.run(("k", "x")) == expected


def test_records_have_time_headers_and_metadata(bench: Any) -> None:
    seen: list[Any] = []

    class Look(Processor):
        def process(self, record: Record) -> None:
            context = self.context
            seen.append((record, context.record_metadata, context.current_stream_time_ms))
            assert context.application_id == "driver"
            assert context.task_id.endswith("_0")
            assert context.partition == 0
            self.context.forward(record.with_timestamp(7).with_headers([("h", b"2")]))

    bench.stream().process(Look).to("out")
    driver = bench.driver = TopologyTestDriver(bench.builder)
    given = driver.create_input_topic("in", str, str)
    given.pipe_input("a", "x", 100, headers=[("h", b"1")])
    given.pipe_input("b", "y", 50)

    assert [(tuple(found[0].headers), found[1], found[2]) for found in seen] == [
        ((("h", b"1"),), ("in", 0, 0), 100),
        ((), ("in", 0, 1), 100),
    ]
    found = driver.create_output_topic("out", str, str).read_records_to_list()
    assert [(record.timestamp, tuple(record.headers)) for record in found] == [(7, (("h", b"2"),))] * 2


def test_forward_to_one_child_by_name(bench: Any) -> None:
    class Route(Processor):
        def process(self, record: Record) -> None:
            self.context.forward(record, "upper" if record.value == "u" else "both")
            self.context.forward(record.with_value("all"))

    routed = bench.stream().process(Route)
    routed.map_values(str.upper, "upper").to("out")
    routed.map_values(lambda value: value + value, "both").to("twice")

    assert bench.run(("k", "u"), ("k", "l")) == [("k", "U"), ("k", "ALL"), ("k", "ALL")]
    assert bench.output("twice") == [("k", "allall"), ("k", "ll"), ("k", "allall")]


def test_a_child_that_is_not_there_is_named(bench: Any) -> None:
    class Lost(Processor):
        def process(self, record: Record) -> None:
            self.context.forward(record, "nowhere")

    bench.stream().process(Lost, named="lost").to("out", "sink")
    with pytest.raises(Exception, match="'lost' has no child 'nowhere'; behind it are: sink"):
        bench.run(("k", "v"))


def test_process_values_keeps_keys(bench: Any) -> None:
    class Shout(FixedKeyProcessor):
        def process(self, record: Any) -> None:
            self.context.forward(record.with_value(record.value + "!"))

    stream = bench.stream().process_values(Shout)
    assert not stream.is_rekeyed
    stream.group_by_key().count("n").to_stream().to("out")

    assert bench.run(("k", "a"), ("k", "b")) == [("k", 1), ("k", 2)]


def test_process_values_refuses_another_key(bench: Any) -> None:
    bench.stream().process_values(lambda record: Record("other", 1, 0), named="fixed").to("out")
    with pytest.raises(Exception, match="process_values\\(\\) keeps keys"):
        bench.run(("k", "a"))


def test_transform_values_with_and_without_key(bench: Any) -> None:
    class Total(ValueTransformer):
        def init(self, context: ProcessorContext) -> None:
            self.store = context.get_state_store("total")

        def transform(self, value: str) -> int:
            total = self.store.get("all", 0) + int(value)
            self.store.put("all", total)
            return int(total)

    class Tagged(ValueTransformerWithKey):
        def transform(self, key: str, value: int) -> str:
            return f"{key}{value}"

    bench.builder.add_state_store(Stores.key_value_store("total", key_type=str, value_type=int))
    bench.stream().transform_values(Total, "total").transform_values(Tagged).to("out")

    assert bench.run(("a", "1"), ("b", "2")) == [("a", "a1"), ("b", "b3")]


def test_a_table_of_transformed_values(bench: Any) -> None:
    class Versions(ValueTransformerWithKey):
        def init(self, context: ProcessorContext) -> None:
            self.counts = context.get_state_store("versions")

        def transform(self, key: str, value: str | None) -> str | None:
            if value is None:
                return None
            self.counts.put(key, self.counts.get(key, 0) + 1)
            return f"{value}v{self.counts.get(key)}"

    bench.builder.add_state_store(Stores.key_value_store("versions", key_type=str, value_type=int))
    table = bench.stream().to_table("latest").transform_values(Versions, "marked", "versions", value_type=str)
    table.to_stream().to("out")
    bench.stream("asks").join(table, lambda ask, value: f"{ask}:{value}").to("answers")

    assert bench.run(("k", "a"), ("k", "b"), ("k", None)) == [("k", "av1"), ("k", "bv2"), ("k", None)]
    bench.pipe("in", ("k", "c"))
    bench.pipe("asks", ("k", "?"))
    assert bench.output("answers") == [("k", "?:cv3")]


class Ticking(Processor):
    """Forwards the time of each call of its timer."""

    kind = STREAM
    options: dict[str, Any] = {}

    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self.timer = context.schedule(10, self.kind, self.tick, **self.options)

    def process(self, record: Record) -> None:
        self.context.forward(record)
        if record.value == "stop":
            self.timer.cancel()

    def tick(self, now_ms: int) -> None:
        assert self.context.record_metadata is None or self.kind is STREAM
        self.context.forward(Record("tick", str(now_ms), now_ms))


def ticks(found: list[Any]) -> list[Any]:
    return [int(value) for key, value in found if key == "tick"]


def test_stream_time_fires_with_the_first_record_then_once_for_each_interval_passed(bench: Any) -> None:
    bench.stream().process(Ticking).to("out")
    found = bench.run(*(("k", "v", at) for at in (3, 5, 9, 10, 11, 19, 47, 40, 50)), ("k", "stop", 51))
    bench.run(("k", "v", 90))

    assert ticks(found) == [3, 10, 47, 50]
    assert ticks(bench.output()) == [3, 10, 47, 50]
    # Right behind the record that made it their time.
    assert [(key, str(value)) for key, value in found[:3]] == [("k", "v"), ("tick", "3"), ("k", "v")]


def test_wall_clock_fires_by_the_clock(bench: Any) -> None:
    class Wall(Ticking):
        kind = WALL

        def init(self, context: ProcessorContext) -> None:
            self.context = context
            self.timer = context.schedule(timedelta(seconds=1), WALL, self.tick)

    bench.stream().process(Wall).to("out")
    bench.run(("k", "v"), initial_wall_clock_time=1_000_000)
    driver = bench.driver
    driver.advance_wall_clock_time(900)
    assert ticks(bench.output()) == []
    driver.advance_wall_clock_time(200)
    assert len(ticks(bench.output())) == 1
    driver.advance_wall_clock_time(timedelta(seconds=10))
    fired = ticks(bench.output())
    assert all(later > earlier for earlier, later in pairwise(fired))
    assert fired[-1] >= 1_010_000


@pytest.mark.parametrize("start", [1_005_000, datetime.fromtimestamp(1_005, tz=UTC), 5_000])
def test_an_anchored_timer_keeps_to_its_start(bench: Any, start: Any) -> None:
    fired: list[int] = []

    class Anchored(Processor):
        def init(self, context: ProcessorContext) -> None:
            context.schedule(timedelta(seconds=60), WALL, fired.append, start_time=start)

        def process(self, record: Record) -> None:
            pass

    bench.stream().process(Anchored)
    driver = bench.driver = TopologyTestDriver(bench.builder, initial_wall_clock_time=1_000_000)
    for _ in range(140):
        driver.advance_wall_clock_time(500)

    # 5 s, and each whole minute after it: never much after the time that was meant.
    assert [at // 1_000 for at in fired] == [1_025] if start == 5_000 else [1_005, 1_065]


def test_what_a_timer_may_not(bench: Any) -> None:
    context: list[ProcessorContext] = []

    class Idle(Processor):
        def init(self, given: ProcessorContext) -> None:
            context.append(given)

        def process(self, record: Record) -> None:
            pass

    bench.stream().process(Idle, named="idle")
    bench.run(("k", "v"))
    (given,) = context
    with pytest.raises(Misuse, match="process\\(supplier, timers="):
        given.schedule(1, WALL, print, name="t")
    with pytest.raises(Misuse, match="no time zone"):
        given.schedule(1, WALL, print, start_time=datetime(2026, 1, 1))
    with pytest.raises(Misuse, match="PunctuationType"):
        given.schedule(1, "wall", print)  # type: ignore[arg-type]
    with pytest.raises(Misuse, match="outside of process"):
        given.forward(Record("a", 1, 0))
    with pytest.raises(Misuse, match="not connected with store 'x'"):
        given.get_state_store("x")


@pytest.mark.parametrize(("named", "expected"), [(True, 1_060_000), (False, None)])
def test_a_timer_with_a_name_goes_on_after_a_restart(bench: Any, named: bool, expected: int | None) -> None:
    fired: list[int] = []

    class Minute(Processor):
        def init(self, context: ProcessorContext) -> None:
            context.schedule(60_000, WALL, fired.append, name="minute" if named else None)

        def process(self, record: Record) -> None:
            pass

    bench.stream().process(Minute, timers="timers")
    driver = bench.driver = TopologyTestDriver(bench.builder, initial_wall_clock_time=1_000_000)
    driver.advance_wall_clock_time(40_000)
    driver.run(driver.app.stop())
    driver.run(driver.app.start())
    for _ in range(30):
        driver.advance_wall_clock_time(1_000)

    assert [at // 1_000 * 1_000 for at in fired] == ([] if expected is None else [expected])


def test_a_cancelled_timer_is_forgotten_and_one_of_another_interval_begins_anew() -> None:
    store: dict[str, Any] = {}

    class Store:
        get = store.get
        put = store.__setitem__

    fired: list[Any] = []
    Timers(lambda _: None, Store()).add(WALL, 10, fired.append, 100, "t")
    timers = Timers(lambda _: None, Store())
    timer = timers.add(WALL, 20, fired.append, 50, "t")
    timers.fire(WALL, 49)
    timers.fire(WALL, 50)
    assert (fired, store) == ([50], {"t": [20, 70]})
    timer.cancel()
    timers.fire(WALL, 1_000)
    assert (fired, store) == ([50], {"t": None})


def test_a_failing_row_is_named_and_passed_over(bench: Any) -> None:
    bench.stream().process(lambda record: record.with_value(1 // int(record.value)), named="div").to("out")
    with pytest.raises(Exception, match="offset 1: ZeroDivisionError"):
        bench.run(("k", "1000"), ("k", "0"))


def test_a_failing_timer_says_whose_it_was(bench: Any) -> None:
    class Bad(Processor):
        def init(self, context: ProcessorContext) -> None:
            context.schedule(1_000, WALL, lambda now_ms: 1 // 0)

        def process(self, record: Record) -> None:
            pass

    bench.stream().process(Bad, named="bad")
    bench.driver = driver = TopologyTestDriver(bench.builder)
    with pytest.raises(Exception, match="step 'bad' failed as time passed"):
        driver.advance_wall_clock_time(2_000)


def test_what_is_no_supplier() -> None:
    stream = StreamsBuilder().stream("in")
    with pytest.raises(Misuse, match="a class, a function"):
        stream.process(Counter())
    with pytest.raises(Misuse, match=r"it belongs into process\(\)"):
        stream.process_values(Counter)
    with pytest.raises(Misuse, match="declared twice"):
        builder = StreamsBuilder()
        builder.add_state_store(Stores.key_value_store("s"))
        builder.add_state_store(Stores.key_value_store("s", value_type=int))


class Ticks(Processor):
    def init(self, context: Any) -> None:
        super().init(context)
        begin_ms = context.current_system_time_ms
        for interval_ms in (70, 25):
            context.schedule(interval_ms, WALL, partial(self.tick, interval_ms, begin_ms))

    def tick(self, interval_ms: int, begin_ms: int, now_ms: int) -> None:
        self.context.forward(Record(str(interval_ms), str(now_ms - begin_ms), now_ms))

    def process(self, record: Record) -> None:
        pass


def test_timers_by_the_clock_fire_when_they_are_due_however_seldom_is_committed(bench: Any) -> None:
    bench.stream().process(Ticks).to("out", key_type=str, value_type=str)
    bench.run(config={"broker_commit_interval": 10})
    assert bench.driver is not None

    bench.driver.advance_wall_clock_time(150)

    ticks = bench.driver.create_output_topic("out", str, str).read_key_values_to_list()
    assert [int(at) for key, at in ticks if key == "25"] == [25, 50, 75, 100, 125, 150]
    assert [int(at) for key, at in ticks if key == "70"] == [70, 140]
