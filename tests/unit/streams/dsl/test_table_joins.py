"""Tables joined with tables by key: updates of either side, what they replace, and looking up the result."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.builder import StreamsBuilder
from streamz_core.streams.dsl.options import Materialized


def joined(left: str | None, right: str | None) -> str:
    return f"{left}+{right}"


def tables(bench: Any) -> tuple[Any, Any]:
    return tuple(bench.builder.table(topic, key_type=str, value_type=str) for topic in ("in", "other"))


def feed(bench: Any) -> None:
    bench.pipe("in", ("a", "x", 10))
    bench.pipe("other", ("a", "y", 20), ("b", "z", 21))
    bench.pipe("in", ("a", "u", 5), ("a", None, 30), ("c", None, 31))
    bench.pipe("other", ("a", None, 32), ("a", None, 33))


@pytest.mark.parametrize("kept", [None, "kept"])
def test_inner(bench: Any, kept: str | None) -> None:
    left, right = tables(bench)
    left.join(right, joined, kept).to_stream().to("out")
    feed(bench)

    assert bench.records() == [("a", "x+y", 20), ("a", "u+y", 20), ("a", None, 30)]


@pytest.mark.parametrize("kept", [None, "kept"])
def test_left(bench: Any, kept: str | None) -> None:
    left, right = tables(bench)
    left.left_join(right, joined, kept).to_stream().to("out")
    feed(bench)

    assert bench.records() == [("a", "x+None", 10), ("a", "x+y", 20), ("a", "u+y", 20), ("a", None, 30)]


@pytest.mark.parametrize("kept", [None, "kept"])
def test_outer(bench: Any, kept: str | None) -> None:
    left, right = tables(bench)
    left.outer_join(right, joined, kept).to_stream().to("out")
    feed(bench)

    assert bench.records() == [
        ("a", "x+None", 10),
        ("a", "x+y", 20),
        ("b", "None+z", 21),
        ("a", "u+y", 20),
        ("a", "None+y", 30),
        ("a", None, 32),
    ]


def test_a_joined_table_without_a_store_can_be_looked_up(bench: Any) -> None:
    left, right = tables(bench)
    both = left.join(right, joined).map_values(str.upper, value_type=str)
    bench.stream("asked").join(both, joined).to("out")

    bench.pipe("in", ("a", "x", 10))
    bench.pipe("asked", ("a", "?", 11))
    bench.pipe("other", ("a", "y", 12))
    bench.pipe("asked", ("a", "!", 13))

    assert bench.records() == [("a", "!+X+Y", 13)]


def test_what_an_update_replaces_is_joined_too(bench: Any) -> None:
    left, right = tables(bench)
    both = left.join(right, joined)
    both.filter(lambda key, value: value != "u+y").to_stream().to("out")
    feed(bench)

    assert bench.records() == [("a", "x+y", 20), ("a", None, 20)], "u+y was never in it"


def test_a_table_is_joined_with_what_follows_from_it(bench: Any) -> None:
    left, _ = tables(bench)
    left.join(left.map_values(str.upper, Materialized.as_("big"), value_type=str), joined).to_stream().to(
        "out"
    )
    bench.pipe("in", ("a", "x", 1), ("a", "y", 2))

    assert bench.records()[-1] == ("a", "y+Y", 2)


def test_updates_of_both_sides_between_commits_are_merged(bench: Any) -> None:
    left, right = tables(bench)
    left.join(right, joined, Materialized.as_("kept"), with_key=False).to_stream().to("out")
    feed(bench)

    assert bench.driver.get_state_store("kept").get("a") is None


def test_what_is_wrong_is_said(bench: Any) -> None:
    left, _ = tables(bench)
    with pytest.raises(Misuse, match="joined with a table"):
        left.join(bench.stream("stream"), joined)
    with pytest.raises(Misuse, match="never equal"):
        left.join(bench.builder.table("numbers", key_type=int), joined)
    with pytest.raises(Misuse, match="two builders"):
        left.join(StreamsBuilder().table("x", key_type=str), joined)
