"""Joins of topics that do not have the same number of partitions; how many partitions internal topics get."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from streamz_core import App
from streamz_core.errors import Misuse
from streamz_core.streams.dsl.builder import StreamsBuilder
from streamz_core.streams.dsl.compile import internal_partitions
from streamz_core.streams.dsl.join_windows import JoinWindows
from streamz_core.streams.dsl.mending import mended
from streamz_core.streams.internal_topic import InternalTopic
from streamz_core.testing import TopologyTestDriver

TEN = JoinWindows.of_time_difference_with_no_grace(10)


def app_of(**partitions: int) -> App:
    app = App("mending")
    for name, count in partitions.items():
        app.topic(name, partitions=count)
    return app


def feed(driver: TopologyTestDriver, topic: str) -> None:
    given = driver.create_input_topic(topic, str, str)
    for number in range(20):
        given.pipe_input(f"k{number}", f"{topic}{number}", 1_000)


def found(driver: TopologyTestDriver) -> list[Any]:
    return sorted(driver.create_output_topic("out", str, str).read_key_values_to_list())


EXPECTED = sorted((f"k{n}", f"small{n}+big{n}") for n in range(20))


def test_a_stream_with_fewer_partitions_is_dealt_out_anew(caplog: pytest.LogCaptureFixture) -> None:
    app = app_of(small=2, big=5)
    small = app.stream("small", key_type=str, value_type=str)
    big = app.stream("big", key_type=str, value_type=str)
    small.join(big, "{}+{}".format, TEN, "near", value_type=str).to("out")
    with caplog.at_level(logging.WARNING), TopologyTestDriver(app) as driver:
        feed(driver, "small")
        feed(driver, "big")
        assert found(driver) == EXPECTED
        assert "mending-near-small-repartition" in driver.produced_topic_names

    (said,) = [record.getMessage() for record in caplog.records if "partitions" in record.getMessage()]
    for part in ("'near'", "'small'", "has 2", "where 5", "near-small"):
        assert part in said


def test_a_table_with_fewer_partitions_is_dealt_out_anew() -> None:
    app = app_of(small=2, big=3)
    table = app.table("big", key_type=str, value_type=str)
    other = app.table("small", key_type=str, value_type=str)
    joined = other.join(table, "{}+{}".format, "both", value_type=str)
    joined.to_stream().to("out")
    with TopologyTestDriver(app) as driver:
        feed(driver, "small")
        feed(driver, "big")
        assert found(driver) == EXPECTED


def test_a_table_with_fewer_partitions_than_the_stream_is_dealt_out_anew() -> None:
    app = app_of(small=2, big=3)
    table = app.table("small", key_type=str, value_type=str)
    stream = app.stream("big", key_type=str, value_type=str)
    stream.join(table, lambda big, small: f"{small}+{big}", "both", value_type=str).to("out")
    with TopologyTestDriver(app) as driver:
        feed(driver, "small")
        feed(driver, "big")
        assert found(driver) == EXPECTED


def test_without_a_name_the_counts_are_refused() -> None:
    app = app_of(small=2, big=3)
    table = app.table("small", key_type=str, value_type=str)
    app.stream("big", key_type=str, value_type=str).join(table, "{}{}".format).to("out")

    with pytest.raises(
        Misuse, match=r"small: 2.*(Give the join a name)|big: 3.*small: 2.*Give the join a name"
    ):
        TopologyTestDriver(app).close()


def test_equal_counts_are_left_alone() -> None:
    builder = StreamsBuilder()
    builder.stream("a").join(builder.stream("b"), "{}{}".format, TEN, "near").to("out")
    graph = builder.build()

    assert mended(graph, {"a": 3, "b": 3}) is graph


def test_both_rekeyed_sides_get_the_larger_count() -> None:
    builder = StreamsBuilder()
    sides = [builder.stream(topic).select_key(lambda k, v: v, key_type=str) for topic in ("a", "b")]
    sides[0].join(sides[1], "{}{}".format, TEN, "near").to("out")

    counts = internal_partitions(builder.build(), {"a": 2, "b": 7})
    assert counts == {InternalTopic("near-left", None): 7, InternalTopic("near-right", None): 7}


def test_a_rekeyed_side_follows_the_topic_it_is_joined_with() -> None:
    builder = StreamsBuilder()
    stream = builder.stream("a").select_key(lambda k, v: v, key_type=str)
    stream.join(builder.table("b", key_type=str), "{}{}".format, "near").to("out")

    assert internal_partitions(builder.build(), {"a": 9, "b": 4}) == {InternalTopic("near", None): 4}


def test_topics_of_foreign_key_joins_that_follow_from_each_other_are_settled() -> None:
    builder = StreamsBuilder()
    left, right = (
        builder.stream(topic).group_by(lambda k, v: v, f"group-{topic}").count(f"count-{topic}")
        for topic in ("a", "b")
    )
    left.join(right, str, "{}{}".format, "named").to_stream().to("out")

    counts = {
        topic.name: count for topic, count in internal_partitions(builder.build(), {"a": 2, "b": 7}).items()
    }
    assert counts["group-a"] == counts["named-subscription-response"]
    assert counts["group-b"] == counts["named-subscription-registration"] == 7
