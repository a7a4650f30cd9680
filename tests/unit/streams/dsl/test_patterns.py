"""Streams of patterns in the DSL: how they are declared, described and refused, and what the driver does with them."""

from __future__ import annotations

import json
import re

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams import Materialized, StreamsBuilder
from streamz_core.streams.dsl.compile import bound_graph, internal_partitions
from streamz_core.streams.internal_topic import InternalTopic
from streamz_core.testing import TopologyTestDriver

ORDERS = re.compile("orders-.*")


def test_the_driver_makes_a_topic_that_matches_when_it_is_written(bench):
    bench.builder.stream(ORDERS, key_type=str, value_type=str).map_values(str.upper).to("out", value_type=str)

    bench.pipe("orders-eu", ("a", "x"))
    bench.pipe("orders-us", ("a", "y"))
    bench.pipe("orders-eu", ("b", "z"))

    assert bench.output() == [("a", "X"), ("a", "Y"), ("b", "Z")]
    with pytest.raises(Misuse, match="there is no topic 'reorders'"):
        bench.pipe("reorders", ("a", "x"))


def test_what_its_topics_bring_is_counted_together(bench):
    groups = bench.builder.stream(ORDERS, key_type=str, value_type=str).group_by_key()
    groups.count("counts").to_stream().to("out")

    bench.pipe("orders-eu", ("a", "x"))
    bench.pipe("orders-us", ("a", "y"))

    assert bench.output() == [("a", 1), ("a", 2)]


def test_it_is_joined_with_a_table(bench):
    users = bench.builder.table("users", key_type=str, value_type=str)
    orders = bench.builder.stream(ORDERS, key_type=str, value_type=str)
    orders.join(users, lambda order, user: f"{order} of {user}").to("out", value_type=str)

    bench.pipe("users", ("a", "Ann"))
    bench.pipe("orders-eu", ("a", "x"), ("b", "y"))
    bench.pipe("orders-us", ("a", "z"))

    assert bench.output() == [("a", "x of Ann"), ("a", "z of Ann")]


def test_the_same_pattern_is_read_once(bench):
    for out in ("one", "two"):
        bench.builder.stream(re.compile("orders-.*"), key_type=str, value_type=str).to(out)

    assert len(bench.builder.build().sources) == 1
    with pytest.raises(Misuse, match=r"pattern 'orders-.*' is read twice, in different ways"):
        bench.builder.stream(ORDERS, value_type=int)


def test_it_is_described_as_kafka_does(bench):
    bench.builder.stream(ORDERS).to("all")

    assert "    Source: KSTREAM-SOURCE-0000000000 (topics: orders-.*)\n" in bench.builder.describe()
    assert '(["orders-.*"])' in bench.builder.describe("mermaid")
    (part,) = json.loads(bench.builder.describe("json"))["subtopologies"]
    assert part["nodes"][0]["pattern"] == "orders-.*"
    assert part["nodes"][0]["topics"] == []
    assert "KSTREAM-SINK" in bench.builder.explain()


def test_a_topic_by_name_that_matches_is_refused_in_either_order(bench):
    bench.builder.stream(ORDERS)
    for read in (bench.builder.stream, bench.builder.table, bench.builder.global_table):
        with pytest.raises(Misuse, match="topic 'orders-eu' is read by name, and matches pattern 'orders-"):
            read("orders-eu")

    other = StreamsBuilder()
    other.global_table("items-all")
    other.stream("orders-eu")
    for pattern in (ORDERS, re.compile("items-.*")):
        with pytest.raises(Misuse, match="is read by name, and matches pattern"):
            other.stream(pattern)


def test_patterns_that_overlap_are_refused_once_a_topic_matches_both():
    builder = StreamsBuilder()
    builder.stream(ORDERS).to("one")
    builder.stream(re.compile(".*-eu")).to("two")

    with (
        TopologyTestDriver(builder) as driver,
        pytest.raises(Misuse, match="'orders-eu' matches two patterns"),
    ):
        driver.create_input_topic("orders-eu").pipe_input("a", "x")


def test_tables_are_of_one_topic():
    builder = StreamsBuilder()
    for read in (builder.table, builder.global_table):
        with pytest.raises(
            Misuse, match=r"is of one topic, by its name, not of pattern 'orders-.*'.*to_table"
        ):
            read(ORDERS)
    with pytest.raises(Misuse, match="by their names, or one pattern"):
        builder.stream(["orders-eu", re.compile("items-.*")])


def sizes(counts: dict[str, int], default: int = 3) -> dict[str, int]:
    builder = StreamsBuilder()
    orders = builder.stream(ORDERS, key_type=str, value_type=str)
    by_value = orders.select_key(lambda _, value: value, key_type=str).repartition("by-value")
    by_value.select_key(lambda _, value: value, key_type=str).repartition("again")
    graph = bound_graph(builder.build(), counts, "shop")
    return {topic.name: size for topic, size in internal_partitions(graph, counts, "shop", default).items()}


def test_topics_in_between_are_as_large_as_the_largest_that_matches_at_first():
    assert sizes({"orders-eu": 2, "orders-us": 5, "items": 9}) == {"by-value": 5, "again": 5}


def test_where_nothing_matches_they_are_as_large_as_topics_are():
    assert sizes({"items": 9}) == {"by-value": 3, "again": 3}


def test_once_there_they_stay_as_they_are():
    present = {InternalTopic("by-value").topic("shop"): 4}

    assert sizes({"orders-eu": 8, **present}) == {"by-value": 4, "again": 4}


def test_its_records_can_go_to_stores_of_processors(bench):
    orders = bench.builder.stream(ORDERS, key_type=str, value_type=str)
    orders.to_table(Materialized("latest")).to_stream().to("out", value_type=str)

    bench.pipe("orders-eu", ("a", "x"))
    bench.pipe("orders-us", ("a", "y"), ("a", None))

    assert bench.output() == [("a", "x"), ("a", "y"), ("a", None)]
