"""Tables grouped by another key, and several streams in one aggregate, by the driver."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import Misuse


def test_a_grouped_table_takes_out_what_has_left(bench: Any) -> None:
    table = bench.builder.table("in", key_type=str, value_type=str)
    groups = table.group_by(lambda key, value: (value[0], value), "by-first", key_type=str, value_type=str)
    groups.count("counts").to_stream().to("out")
    groups.aggregate(str, lambda k, v, t: f"{t}+{v}", lambda k, v, t: f"{t}-{v}", "sums").to_stream().to(
        "sums"
    )

    assert bench.run(("k", "ax"), ("l", "ay"), ("k", "bz"), ("l", None), ("k", "bb")) == [
        ("a", 1),
        ("a", 2),
        ("a", 1),
        ("b", 1),
        ("a", 0),
        ("b", 1),
    ]
    assert bench.output("sums")[-1] == ("b", "+bz-bz+bb")


def test_a_grouped_table_needs_a_name(bench: Any) -> None:
    table = bench.builder.table("in", key_type=str, value_type=str)

    with pytest.raises(Misuse, match="give it a name"):
        table.group_by(lambda key, value: (value, value))


def test_cogroup_aggregates_several_streams_in_the_order_of_their_records(bench: Any) -> None:
    one = bench.stream().group_by_key()
    other = bench.stream("other").group_by_key()
    cogrouped = one.cogroup(lambda key, value, total: total + value)
    cogrouped.cogroup(other, lambda key, value, total: f"{total}-{value}").aggregate(
        str, "all"
    ).to_stream().to("out")

    bench.run(("k", "a"))
    bench.pipe("other", ("k", "b"), ("l", "c"))

    assert bench.run(("k", "d")) == [("k", "a"), ("k", "a-b"), ("l", "-c"), ("k", "a-bd")]
