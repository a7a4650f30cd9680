"""Options that Kafka Streams' overloads take in other places, and those that nothing would keep to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from streamz_core import App
from streamz_core.errors import Misuse
from streamz_core.streams import (
    Consumed,
    Joined,
    KStream,
    Materialized,
    SlidingWindows,
    StreamJoined,
    StreamsBuilder,
)
from streamz_core.streams.timestamp_extractors import wallclock_timestamp
from streamz_core.testing import TopologyTestDriver
from tests.unit.streams.dsl.conftest import Bench


def test_an_apps_stream_takes_consumed_behind_its_topics() -> None:
    app = App("shop", broker="memory://shop")
    app.stream("one", "two", Consumed.with_(str, int)).map_values(lambda n: n + 1, value_type=int).to("out")
    with TopologyTestDriver(app) as driver:
        driver.create_input_topic("two", str, int).pipe_input("a", 1)
        assert driver.create_output_topic("out", str, int).read_key_value() == ("a", 2)


def test_a_second_topic_is_not_taken_for_a_name(bench: Bench) -> None:
    with pytest.raises(Misuse, match=r"several topics are one list, stream\(\['one', 'other'\]\)"):
        bench.builder.stream("one", "two")  # type: ignore[arg-type]


def test_tables_take_materialized_in_the_second_place(bench: Bench) -> None:
    rates = bench.builder.table("rates", Materialized.as_("kept").with_value_type(float))
    cities = bench.builder.global_table("cities", Materialized.as_("known"))
    assert (rates.queryable_store_name, cities.queryable_store_name) == ("kept", "known")


def test_types_of_the_other_side_in_the_third_place() -> None:
    joined = StreamJoined.with_(str, int, float, name="near")
    assert (joined.name, joined.other_value_type) == ("near", float)
    assert Joined.with_(str, int, "raw").with_other_value_type(dict).other_value_type is dict
    assert Joined.with_(other_value_type="raw").other_value_serializer == "raw"


def test_a_foreign_key_join_by_keywords(bench: Bench) -> None:
    users = bench.builder.table("users", key_type=str, value_type=str)
    orders = bench.builder.table("in", key_type=str, value_type=str)
    named = orders.join(
        users,
        foreign_key_extractor=lambda user: user,
        joiner=lambda user, name: name,
        table_joined="named",
        value_type=str,
    )
    named.to_stream().to("out")
    bench.pipe("users", ("u", "Ann"))
    assert bench.run(("o", "u")) == [("o", "Ann")]


@pytest.mark.parametrize("first", ["stream", "table", "global_table"])
@pytest.mark.parametrize("second", ["stream", "table", "global_table"])
def test_a_topic_is_a_global_table_or_something_else_in_any_order(first: str, second: str) -> None:
    builder = StreamsBuilder()
    getattr(builder, first)("t")
    if (first == "global_table") is not (second == "global_table"):
        with pytest.raises(Misuse, match=r"'t' is (read already|declared twice)"):
            getattr(builder, second)("t")


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (
            lambda stream: stream.group_by_key().count(Materialized("s").with_ttl(0)),
            "ttl: expected 1 ms or more",
        ),
        (
            lambda stream: in_windows(stream, Materialized("s").with_ttl(5)),
            "is of windows: they end with their grace",
        ),
        (lambda stream: in_windows(stream, Materialized.as_versioned("s", 5)), "is of windows"),
    ],
)
def test_what_a_store_would_not_keep_to(bench: Bench, declare: Any, says: str) -> None:
    with pytest.raises(Misuse, match=says):
        declare(bench.stream())


def in_windows(stream: KStream[Any, Any], materialized: Materialized) -> Any:
    windows = SlidingWindows.of_time_difference_with_no_grace(5)
    return stream.group_by_key().windowed_by(windows).count(materialized)


@pytest.mark.parametrize(
    ("consumed", "materialized", "named"),
    [
        (Consumed(timestamp_extractor=wallclock_timestamp), None, "timestamp_extractor"),
        (Consumed(offset_reset="latest"), None, "offset_reset"),
        (Consumed(on_decode_error="skip"), None, "on_decode_error"),
        (None, Materialized("g").with_store_type("in_memory"), "store_type"),
        (None, Materialized("g").with_ttl(timedelta(days=1)), "ttl"),
        (None, Materialized.as_versioned("g", 5), "history_retention"),
    ],
)
def test_what_a_copy_of_a_topic_would_not_keep_to(
    bench: Bench, consumed: Any, materialized: Any, named: str
) -> None:
    with pytest.raises(Misuse, match=rf"global_table\('t'\) has no {named}: it is a copy of the topic"):
        bench.builder.global_table("t", consumed, materialized)
