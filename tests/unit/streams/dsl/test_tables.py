"""Counting, reducing, aggregating; tables and what follows from them; joins of streams with tables."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.options import Materialized
from streamz_core.streams.operators.updates import HeldBack


def test_count_by_key(bench: Any) -> None:
    bench.stream().group_by_key().count("counts").to_stream().to("out")

    assert bench.run(("a", "x"), ("b", "x"), ("a", "y"), (None, "x"), ("a", None)) == [
        ("a", 1),
        ("b", 1),
        ("a", 2),
    ]
    assert bench.driver.get_state_store("counts").get("a")[0] == 2


def test_count_by_another_key_goes_through_an_internal_topic(bench: Any) -> None:
    words = bench.stream().flat_map_values(str.split).group_by(lambda key, word: word, "words")
    words.count("counts").to_stream().to("out")

    assert bench.run(("k", "a b a")) == [("a", 1), ("b", 1), ("a", 2)]
    assert bench.driver.produced_topic_names >= {"driver-words-repartition", "driver-counts-changelog"}


def test_reduce_begins_with_the_first_value(bench: Any) -> None:
    bench.stream().group_by_key().reduce(lambda old, new: old + new, "joined").to_stream().to("out")

    assert bench.run(("a", "x"), ("a", "y"), ("b", "z")) == [("a", "x"), ("a", "xy"), ("b", "z")]


def test_aggregate_deletes_by_none(bench: Any) -> None:
    def add(key: str, value: str, total: list[str]) -> list[str] | None:
        return None if value == "!" else [*total, value]

    bench.stream().group_by_key().aggregate(list, add, "lists").to_stream().to("out")

    assert bench.run(("a", "x"), ("a", "y"), ("a", "!"), ("a", "z")) == [
        ("a", ["x"]),
        ("a", ["x", "y"]),
        ("a", None),
        ("a", ["z"]),
    ]


def test_an_aggregate_has_the_highest_time_of_its_records(bench: Any) -> None:
    bench.stream().group_by_key().count("counts").to_stream().to("out")
    bench.run(("a", "x", 20), ("a", "y", 10))

    records = bench.driver.create_output_topic("out", str).read_records_to_list()

    assert [record.timestamp for record in records] == [20, 20]


def test_updates_of_one_key_become_one_between_commits_unless_caching_is_off(bench: Any) -> None:
    words = bench.stream().flat_map_values(str.split).group_by_key()
    words.count(Materialized.as_("merged")).to_stream().to("out")
    words.count(Materialized.as_("each").with_caching_disabled()).to_stream().to("each-out")

    assert bench.run(("k", "a b c")) == [("k", 3)]
    assert bench.output("each-out") == [("k", 1), ("k", 2), ("k", 3)]


def test_a_store_needs_a_name_of_the_users(bench: Any) -> None:
    with pytest.raises(Misuse, match="needs its name"):
        bench.stream().group_by_key().count()


def test_a_filtered_table_deletes_what_does_not_pass_any_more(bench: Any) -> None:
    table = bench.builder.table("in", key_type=str, value_type=str)
    table.filter(lambda key, value: value > "m").to_stream().to("out")

    assert bench.run(("a", "b"), ("a", "x"), ("a", "c"), ("a", "d"), ("b", None)) == [
        ("a", "x"),
        ("a", None),
    ]


def test_a_mapped_table_of_its_own_store(bench: Any) -> None:
    table = bench.builder.table("in", key_type=str, value_type=str)
    upper = table.map_values(str.upper, Materialized.as_("upper"))
    upper.to_stream().to("out")

    assert bench.run(("a", "x"), ("a", None)) == [("a", "X"), ("a", None)]
    assert upper.queryable_store_name == "upper"


def test_to_table_keeps_the_latest_value(bench: Any) -> None:
    bench.stream().to_table("latest").to_stream().to("out")

    assert bench.run(("a", "x"), ("a", "y"), ("a", None)) == [("a", "x"), ("a", "y"), ("a", None)]
    assert bench.driver.get_state_store("latest").get("a") is None


def test_a_stream_is_joined_with_what_the_table_says_at_that_moment(bench: Any) -> None:
    table = bench.builder.table("users", key_type=str, value_type=str)
    shouted = table.map_values(str.upper)
    bench.stream().join(table, lambda value, user: f"{value}+{user}").to("out")
    bench.stream().left_join(shouted, lambda value, user: f"{value}+{user}").to("left")

    bench.run(("a", "1"))
    bench.pipe("users", ("a", "ann"))
    bench.run(("a", "2"), ("b", "3"), ("a", None), (None, "4"))

    assert bench.output() == [("a", "2+ann")]
    assert bench.output("left") == [("a", "1+None"), ("a", "2+ANN"), ("b", "3+None"), (None, "4+None")]


def test_a_stream_joined_with_a_count_of_itself(bench: Any) -> None:
    stream = bench.stream()
    counts = stream.group_by_key().count(Materialized.as_("counts"))
    stream.join(counts, lambda value, count: f"{value}{count}").to("out")

    assert bench.run(("a", "x"), ("a", "y"), ("b", "z")) == [("a", "x1"), ("a", "y2"), ("b", "z1")]


def test_state_comes_back_after_a_restart(bench: Any) -> None:
    bench.stream().group_by_key().count("counts").to_stream().to("out")
    bench.run(("a", "x"), ("a", "y"))

    bench.driver.run(bench.driver.app.stop())
    bench.driver.run(bench.driver.app.start())

    assert bench.run(("a", "z"))[-1] == ("a", 3)


def test_an_update_that_was_held_back_has_the_headers_of_its_last_record(bench: Any) -> None:
    bench.builder.table("in", key_type=str, value_type=str).to_stream().to("out")
    bench.stream("events").group_by_key().count("counts").to_stream().to("counted")
    bench.run()
    for topic in ("in", "events"):
        given = bench.driver.create_input_topic(topic, str, str)
        given.pipe_input("k", "a", headers=[("trace", b"1")])
        given.pipe_input("k", "b")
        given.pipe_input("l", "c", headers=[("trace", b"3")])
    for topic in ("out", "counted"):
        found = bench.driver.create_output_topic(topic, str, bytes).read_records_to_list()
        assert [list(row.headers) for row in found] == [[("trace", b"1")], [], [("trace", b"3")]]


def test_headers_of_updates_that_are_merged_are_those_of_the_last() -> None:
    held = HeldBack()
    store = {"a": ("x", 1), "b": ("y", 2)}
    held.note("a", None, ("w", 1), 1)
    held.note("b", None, ("y", 2), 2, (("h", b"1"),))
    held.note("b", ("y", 2), ("z", 3), 3)
    held.note("a", ("w", 1), ("x", 1), 4, (("h", b"2"),))

    rows = held.take(store)
    assert rows is not None
    assert (rows.keys, rows.headers) == (["a", "b"], [(("h", b"2"),), ()])
    held.note("a", ("x", 1), ("x", 2), 5)
    again = held.take(store)
    assert again is not None
    assert again.headers is None
