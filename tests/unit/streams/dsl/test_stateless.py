"""Filter, map and their kin, branches and merges, by the driver."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.options import Branched, Repartitioned


def test_filter_and_filter_not(bench: Any) -> None:
    stream = bench.stream()
    stream.filter(lambda key, value: value > "b").to("out")
    stream.filter_not(lambda key, value: value > "b").to("rest")

    assert bench.run(("k", "a"), ("k", "c")) == [("k", "c")]
    assert bench.output("rest") == [("k", "a")]


def test_maps(bench: Any) -> None:
    stream = bench.stream()
    stream.map(lambda key, value: (value, key)).to("out")
    stream.map_values(str.upper).to("values")
    stream.map_values(lambda key, value: key + value, with_key=True).to("with-key")
    stream.flat_map(lambda key, value: [(value, 1), (value, 2)]).to("flat")
    stream.flat_map_values(str.split).to("flat-values")
    stream.select_key(lambda key, value: value[0]).to("selected")

    assert bench.run(("k", "x y")) == [("x y", "k")]
    assert bench.output("values") == [("k", "X Y")]
    assert bench.output("with-key") == [("k", "kx y")]
    assert bench.output("flat") == [("x y", 1), ("x y", 2)]
    assert bench.output("flat-values") == [("k", "x"), ("k", "y")]
    assert bench.output("selected") == [("x", "x y")]


def test_peek_foreach_and_print_see_every_record(bench: Any) -> None:
    seen: list[Any] = []
    lines: list[str] = []
    stream = bench.stream().peek(lambda key, value: seen.append(("peek", value)))
    stream.foreach(lambda key, value: seen.append(("each", value)))
    stream.print("views", write=lines.append)
    stream.to("out")

    assert bench.run(("k", "a"), ("k", "b")) == [("k", "a"), ("k", "b")]
    assert seen == [("peek", "a"), ("each", "a"), ("peek", "b"), ("each", "b")]
    assert lines == ["[views]: k, a\n", "[views]: k, b\n"]


def test_merge_keeps_the_order_of_a_record_on_two_ways(bench: Any) -> None:
    stream = bench.stream()
    stream.merge(stream.map_values(str.upper)).to("out")

    # The way that was declared first comes first: the mapping was there before the merge.
    assert bench.run(("k", "a"), ("k", "b")) == [("k", "A"), ("k", "a"), ("k", "B"), ("k", "b")]


def test_a_record_goes_to_its_first_branch(bench: Any) -> None:
    branches = (
        bench.stream()
        .split("by-")
        .branch(lambda key, value: value < "c", "low")
        .branch(
            lambda key, value: value < "m", Branched.with_function(lambda s: s.map_values(str.upper), "mid")
        )
        .branch(lambda key, value: value == "z", Branched.with_consumer(lambda s: s.to("last")))
        .default_branch("rest")
    )
    for name, stream in branches.items():
        stream.to(name)

    bench.run(("k", "a"), ("k", "d"), ("k", "n"), ("k", "z"))

    assert list(branches) == ["by-low", "by-mid", "by-rest"]
    assert bench.output("by-low") == [("k", "a")]
    assert bench.output("by-mid") == [("k", "D")]
    assert bench.output("by-rest") == [("k", "n")]
    assert bench.output("last") == [("k", "z")]


def test_what_no_branch_takes_is_dropped_without_a_default(bench: Any) -> None:
    branches = bench.stream().split().branch(lambda key, value: value == "a", "-a").no_default_branch()
    (stream,) = branches.values()
    stream.to("out")

    assert bench.run(("k", "a"), ("k", "b")) == [("k", "a")]


def test_the_topic_of_each_record(bench: Any) -> None:
    bench.stream("other").to("a")
    bench.stream().to(lambda key, value: value)

    bench.run(("k", "a"), ("l", "a"))

    assert bench.output("a") == [("k", "a"), ("l", "a")]


def test_a_topic_that_only_records_name_is_made_when_it_is_named(bench: Any) -> None:
    bench.stream().to(lambda key, value: f"of-{value}")

    bench.run(("k", "a"), ("l", "b"), partitions=3)

    assert bench.output("of-a") == [("k", "a")]
    assert bench.output("of-b") == [("l", "b")]
    with pytest.raises(Misuse, match="there is no topic 'inn'"):
        bench.pipe("inn", ("k", "a"))


def test_repartition_deals_records_out_by_their_new_keys(bench: Any) -> None:
    stream = bench.stream().select_key(lambda key, value: value)
    stream.repartition(Repartitioned.as_("by-value").with_number_of_partitions(3)).to("out")

    bench.run(("k", "a"), ("k", "b"), ("k", "a"), partitions=2)

    assert sorted(bench.output()) == [("a", "a"), ("a", "a"), ("b", "b")]
    assert len(bench.driver.records("driver-by-value-repartition")) == 3


def test_a_group_by_a_new_key_needs_a_name(bench: Any) -> None:
    grouped = bench.stream().group_by(lambda key, value: value)

    with pytest.raises(Misuse, match="give it a name for the topic in between"):
        grouped.count("counts")


def test_two_steps_of_one_name_are_refused(bench: Any) -> None:
    bench.stream().filter(lambda key, value: True, named="mine")

    with pytest.raises(Misuse, match="'mine' is declared twice"):
        bench.stream().filter(lambda key, value: True, named="mine")


def test_headers_and_times_go_with_the_record(bench: Any) -> None:
    bench.stream().map_values(str.upper).to("out")
    bench.run()
    given = bench.driver.create_input_topic("in", str, str)
    given.pipe_input("k", "a", 12, headers=[("who", b"me")])

    record = bench.driver.create_output_topic("out", str).read_record()

    assert (record.timestamp, list(record.headers)) == (12, [("who", b"me")])
