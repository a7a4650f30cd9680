"""Whatever an app is made of, and wherever it is killed, its outputs are those of one that was not, once each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from streamz_core import App, per_key
from streamz_core.streams import (
    BufferConfig,
    CloseStrategy,
    EmitStrategy,
    JoinWindows,
    Materialized,
    Processor,
    PunctuationType,
    Record,
    SessionWindows,
    SlidingWindows,
    Stores,
    StreamJoined,
    StreamsBuilder,
    Suppressed,
    TimeWindows,
)
from streamz_core.testing import TestRecord, kill_at_every_commit
from tests.harness_form import Form, chosen_form

POINTS = {Form.SHORT: 25, Form.CI: 1_000, Form.LONG: 10_000}[chosen_form()]
LEFT = [
    TestRecord("a", "x1", 0),
    TestRecord("b", "y1", 1),
    TestRecord("a", "x2", 3),
    TestRecord("a", "y3", 12),
    TestRecord("b", "x4", 9),
    TestRecord("a", "x5", 30),
    TestRecord("b", "x6", 4),
    TestRecord("b", "y7", 44),
]
RIGHT = [
    TestRecord("a", "X", 2),
    TestRecord("x", "Y", 3),
    TestRecord("y", "Z", 5),
    TestRecord("b", "W", 8),
    TestRecord("x", "V", 31),
    TestRecord("a", None, 40),
]


def windowed(windows: Any, finish: Callable[[Any], Any] = lambda windowed: windowed.count("counts")) -> Any:
    def make() -> StreamsBuilder:
        builder = StreamsBuilder()
        groups = builder.stream("left", key_type=str, value_type=str).group_by_key()
        table = finish(groups.windowed_by(windows))
        table.to_stream(lambda key, _: f"{key.key} {key.window.start}-{key.window.end}").to("out")
        return builder

    return make


def final(windowed: Any) -> Any:
    return windowed.emit_strategy(EmitStrategy.on_window_close()).count("counts")


def counted_per_key(windowed: Any) -> Any:
    return windowed.close_strategy(CloseStrategy.per_key()).count("counts")


def final_per_key(windowed: Any) -> Any:
    late = windowed.close_strategy(CloseStrategy.per_key(behind_max=20)).late_to("late")
    return late.emit_strategy(EmitStrategy.on_window_close()).count("counts")


def suppressed(windowed: Any) -> Any:
    counts = windowed.count("counts")
    counts.to_stream(lambda key, _: key.key).to("updates")
    return counts.suppress(Suppressed.until_window_closes(BufferConfig.unbounded()).with_name("closed"))


def streams_joined() -> StreamsBuilder:
    builder = StreamsBuilder()
    left = builder.stream("left", key_type=str, value_type=str)
    right = builder.stream("right", key_type=str, value_type=str)
    within = JoinWindows.of_time_difference_and_grace(5, 3)
    joined = left.outer_join(right, lambda one, other: [one, other], within, StreamJoined(store_name="near"))
    joined.to("out")
    return builder


def tables_joined() -> StreamsBuilder:
    builder = StreamsBuilder()
    left = builder.table("left", key_type=str, value_type=str)
    right = builder.table("right", key_type=str, value_type=str)
    left.outer_join(right, lambda one, other: [one, other], Materialized("both")).to_stream().to("out")
    return builder


def foreign_key() -> StreamsBuilder:
    builder = StreamsBuilder()
    left = builder.table("left", key_type=str, value_type=str)
    right = builder.table("right", key_type=str, value_type=str)
    named = left.left_join(
        right, lambda value: value[0], lambda one, other: [one, other], "names", Materialized("n")
    )
    named.to_stream().to("out")
    return builder


def dealt_out() -> StreamsBuilder:
    builder = StreamsBuilder()
    stream = builder.stream("left", key_type=str, value_type=str)
    groups = stream.group_by(lambda _, value: value[0], "by-letter", key_type=str, value_type=str)
    groups.count("counts").to_stream().to("out")
    return builder


class Alarm(Processor):
    """Tells every 7 ms of stream time what has been, and forgets it."""

    def init(self, context: Any) -> None:
        super().init(context)
        self.seen = context.get_state_store("seen")
        context.schedule(7, PunctuationType.STREAM_TIME, self.tell, name="tell")

    def process(self, record: Record) -> None:
        self.seen.put(record.key, self.seen.get(record.key, 0) + 1)

    def tell(self, now_ms: int) -> None:
        for key, count in list(self.seen.items()):
            self.context.forward(Record(key, count, now_ms))
            self.seen.delete(key)


def processed() -> StreamsBuilder:
    builder = StreamsBuilder()
    builder.add_state_store(Stores.key_value_store("seen", key_type=str, value_type=int))
    stream = builder.stream("left", key_type=str, value_type=str)
    stream.process(Alarm, "seen", timers="times").to("out", value_type=int)
    return builder


def agents() -> App:
    app = App("agents")
    left = app.topic("left", key_type=str, value_type=str)
    out = app.topic("out", key_type=str, value_type=int)
    finals = app.topic("finals", key_type=str, value_type=int)
    counts = app.Table("counts", default=int)

    async def closed(key: Any, count: int) -> None:
        await finals.send(key=f"{key[0]} {key[1][0]}", value=count)

    windows = app.Table("windows", default=int, on_window_close=closed).tumbling(0.01)

    @app.agent(left)
    async def count(stream: Any) -> None:
        async for key, _ in stream.items():  # noqa: PERF102 - a stream of pairs, no dict
            counts[key] += 1
            windows[key] += 1
            await out.send(key=key, value=counts[key])

    return app


def agents_per_key() -> App:
    app = App("agents")
    left = app.topic("left", key_type=str, value_type=str)
    finals = app.topic("finals", key_type=str, value_type=int)
    late = app.topic("late", key_type=str, value_type=str)

    async def closed(key: Any, count: int) -> None:
        await finals.send(key=f"{key[0]} {key[1][0]}", value=count)

    table = app.Table("windows", default=int, on_window_close=closed)
    windows = table.hopping(0.01, 0.005, grace=0, close=per_key(behind_max=0.02), on_late=late)

    @app.agent(left)
    async def count(stream: Any) -> None:
        async for key, _ in stream.items():  # noqa: PERF102 - a stream of pairs, no dict
            windows[key] += 1

    return app


TOPOLOGIES = {
    "tumbling windows": windowed(TimeWindows.of_size_and_grace(10, 5)),
    "final results": windowed(TimeWindows.of_size_and_grace(10, 5), final),
    "windows that close per key": windowed(TimeWindows.of_size_and_grace(10, 5), counted_per_key),
    "final results per key": windowed(TimeWindows.of_size_and_grace(10, 5).advance_by(5), final_per_key),
    "suppressed": windowed(TimeWindows.of_size_and_grace(10, 5), suppressed),
    "sessions": windowed(SessionWindows.of_inactivity_gap_and_grace(5, 5)),
    "sliding windows": windowed(SlidingWindows.of_time_difference_and_grace(5, 5)),
    "streams joined": streams_joined,
    "tables joined": tables_joined,
    "dealt out anew": dealt_out,
    "a processor with a timer": processed,
    "agents": agents,
    "agents per key": agents_per_key,
}


def inputs(make: Any) -> dict[str, list[TestRecord]]:
    return {
        "left": LEFT,
        **({"right": RIGHT} if make in (streams_joined, tables_joined, foreign_key) else {}),
    }


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_each_output_comes_out_once(name: str) -> None:
    make = TOPOLOGIES[name]

    report = kill_at_every_commit(make, inputs(make), points_max=POINTS)

    assert report.points > 40
    assert report.kills == 2 * min(report.points, POINTS)


@pytest.mark.parametrize("name", ["tumbling windows", "final results per key", "tables joined", "agents"])
def test_tables_end_up_the_same_where_commits_hold_several_records(name: str) -> None:
    make = TOPOLOGIES[name]

    assert kill_at_every_commit(
        make, inputs(make), compare="latest", commit_every=3, partitions=2, points_max=POINTS
    )


def test_a_foreign_key_join_ends_up_the_same() -> None:
    """Of two answers that are on their way at once either may come first: intermediate results may differ."""
    assert kill_at_every_commit(foreign_key, inputs(foreign_key), compare="latest", points_max=POINTS)


@pytest.mark.parametrize("name", ["streams joined", "sessions", "final results per key"])
def test_stores_on_disk_are_gone_on_from(name: str, tmp_path: Any) -> None:
    make = TOPOLOGIES[name]

    assert kill_at_every_commit(make, inputs(make), state_directory=tmp_path, points_max=POINTS // 3)
