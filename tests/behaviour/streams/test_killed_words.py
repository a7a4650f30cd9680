"""What came later, and what Kafka Streams has not: wherever an app is killed, outputs are those of one that was not."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.streams import (
    Materialized,
    SessionWindows,
    StreamsBuilder,
    TimeWindows,
)
from streamz_core.testing import TestRecord, kill_at_every_commit
from tests.harness_form import Form, chosen_form

POINTS = {Form.SHORT: 20, Form.CI: 1_000, Form.LONG: 10_000}[chosen_form()]
LEFT = [
    TestRecord("a", "x1", 0),
    TestRecord("b", "y1", 1),
    TestRecord("a", "x2", 3),
    TestRecord("a", "y3", 12),
    TestRecord("b", "x4", 9),
    TestRecord("a", "x5", 30),
    TestRecord("b", "y7", 44),
]
RIGHT = [TestRecord("a", "X", 2), TestRecord("b", "W", 8), TestRecord("a", "V", 29), TestRecord("a", "U", 40)]


def both(builder: StreamsBuilder) -> tuple[Any, Any]:
    return (
        builder.stream("left", key_type=str, value_type=str),
        builder.stream("right", key_type=str, value_type=str),
    )


def cogrouped(windows: Any, *merger: Any) -> Any:
    def make() -> StreamsBuilder:
        builder = StreamsBuilder()
        left, right = (stream.group_by_key() for stream in both(builder))
        members = left.cogroup(lambda _, value, total: f"{total}{value}")
        members = members.cogroup(right, lambda _, value, total: f"{total}{value}")
        table = members.windowed_by(windows).aggregate(str, *merger, "totals")
        table.to_stream(lambda key, _: f"{key.key} {key.window.start}-{key.window.end}").to("out")
        return builder

    return make


def nearest() -> StreamsBuilder:
    builder = StreamsBuilder()
    left, right = both(builder)
    left.join_asof(
        right,
        lambda one, other: [one, other],
        "nearest",
        how="left",
        strategy="nearest",
        tolerance=5,
        grace=2,
    ).to("out")
    return builder


def between() -> StreamsBuilder:
    builder = StreamsBuilder()
    left, right = both(builder)
    left.join_interval(
        right, lambda one, other: [one, other], "between", lower=-3, upper=5, how="outer", grace=2
    ).to("out")
    return builder


def ending() -> StreamsBuilder:
    builder = StreamsBuilder()
    kept = Materialized("latest").with_ttl(10)
    builder.stream("right", key_type=str, value_type=str).to("beside")
    table = builder.table("left", key_type=str, value_type=str, materialized=kept)
    table.to_stream().to("out")
    letters = table.group_by(lambda _, value: (value[0], value), "letters", key_type=str, value_type=str)
    letters.count("counts").to_stream().to("counts")
    return builder


def asked() -> StreamsBuilder:
    async def look_up(value: str) -> str:
        return value.upper()

    builder = StreamsBuilder()
    left, _ = both(builder)
    left.map_async(look_up, ordered=False, store="calls").to("out")
    return builder


def paced() -> StreamsBuilder:
    builder = StreamsBuilder()
    left, _ = both(builder)
    left.throttle(2, 50, store="waiting").to("out")
    return builder


TOPOLOGIES = {
    "cogroup in windows": cogrouped(TimeWindows.of_size_and_grace(10, 5)),
    "cogroup in sessions": cogrouped(
        SessionWindows.of_inactivity_gap_and_grace(5, 5), lambda _, one, other: f"{one}{other}"
    ),
    "the nearest in time": nearest,
    "between two times": between,
    "entries that end": ending,
    "unordered calls": asked,
    "a throttle with a store": paced,
}


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_each_output_comes_out_once(name: str) -> None:
    report = kill_at_every_commit(
        TOPOLOGIES[name], {"left": LEFT, "right": RIGHT}, advance=1_000, points_max=POINTS
    )

    assert report.kills == 2 * min(report.points, POINTS)


@pytest.mark.parametrize("name", ["the nearest in time", "a throttle with a store"])
def test_stores_on_disk_are_gone_on_from(name: str, tmp_path: Any) -> None:
    assert kill_at_every_commit(
        TOPOLOGIES[name],
        {"left": LEFT, "right": RIGHT},
        advance=1_000,
        state_directory=tmp_path,
        points_max=POINTS // 2,
    )
