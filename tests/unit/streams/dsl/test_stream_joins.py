"""Streams joined with streams: windows, order, what goes on alone and when, names, restarts by store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.builder import StreamsBuilder
from streamz_core.streams.dsl.join_windows import JoinWindows
from streamz_core.streams.dsl.options import StreamJoined

TEN = JoinWindows.of_time_difference_with_no_grace(10)


def joined(left: str | None, right: str | None) -> str:
    return f"{left}+{right}"


def test_records_near_each_other_are_joined_with_the_later_time(bench: Any) -> None:
    bench.stream().join(bench.stream("other"), joined, TEN, "near").to("out")

    bench.pipe("in", ("a", "x", 100))
    bench.pipe("other", ("a", "y", 95), ("a", "z", 110), ("a", "far", 111), ("b", "w", 100))
    bench.pipe("in", ("b", "v", 101))

    assert bench.records() == [("a", "x+y", 100), ("a", "x+z", 110), ("b", "v+w", 101)]


def test_before_and_after_are_those_of_the_left_record(bench: Any) -> None:
    windows = JoinWindows.of_time_difference_and_grace(0, 100).after(timedelta(milliseconds=5))
    bench.stream().join(bench.stream("other"), joined, windows, "near").to("out")

    bench.pipe("in", ("a", "x", 100))
    bench.pipe("other", ("a", "early", 99), ("a", "same", 100), ("a", "later", 105), ("a", "late", 106))

    assert bench.records() == [("a", "x+same", 100), ("a", "x+later", 105)]


def test_a_left_record_goes_on_alone_when_its_window_and_grace_are_over(bench: Any) -> None:
    windows = JoinWindows.of_time_difference_and_grace(10, 5)
    bench.stream().left_join(bench.stream("other"), joined, windows, "near").to("out")

    bench.pipe("in", ("a", "x", 100))
    bench.pipe("other", ("b", "y", 115))
    assert bench.records() == [], "a partner of time 110 may still come"
    bench.pipe("other", ("b", "z", 116))

    assert bench.records() == [("a", "x+None", 100)]


def test_a_record_that_found_its_partner_never_goes_on_alone(bench: Any) -> None:
    bench.stream().outer_join(bench.stream("other"), joined, TEN, "near").to("out")

    bench.pipe("in", ("a", "x", 100), ("b", "u", 101))
    bench.pipe("other", ("a", "y", 105), ("c", "w", 102), ("a", "end", 200))

    assert bench.records() == [("a", "x+y", 105), ("b", "u+None", 101), ("c", "None+w", 102)]


def test_null_keys_and_values_are_dropped_but_for_the_side_that_may_be_alone(bench: Any) -> None:
    bench.stream().left_join(bench.stream("other"), joined, TEN, "near").to("out")

    bench.pipe("in", (None, "x", 100), ("a", None, 100))
    bench.pipe("other", (None, "y", 100), ("a", None, 100), ("a", "end", 300))

    assert bench.records() == [(None, "x+None", 100)]


def test_a_stream_is_joined_with_itself(bench: Any) -> None:
    stream = bench.stream()
    stream.join(stream, joined, TEN, "self").to("out")

    bench.pipe("in", ("a", "x", 100), ("a", "y", 105))

    assert bench.records() == [("a", "x+x", 100), ("a", "y+x", 105), ("a", "x+y", 105), ("a", "y+y", 105)]


def test_rekeyed_sides_go_through_topics_of_the_joins_name(bench: Any) -> None:
    left = bench.stream().select_key(lambda key, value: value[:1], key_type=str)
    right = bench.stream("other").select_key(lambda key, value: value[:1], key_type=str)
    left.join(right, joined, TEN, "near").to("out")

    bench.pipe("in", ("1", "ax", 100))
    bench.pipe("other", ("2", "ay", 100))

    assert bench.records() == [("a", "ax+ay", 100)]
    names = bench.driver.produced_topic_names
    assert names >= {"driver-near-left-repartition", "driver-near-right-repartition", "driver-near-changelog"}


def test_the_joiner_may_want_the_key(bench: Any) -> None:
    bench.stream().join(bench.stream("other"), lambda k, a, b: k + a + b, TEN, "n", with_key=True).to("out")

    bench.pipe("in", ("k", "x", 1))
    bench.pipe("other", ("k", "y", 1))

    assert bench.records() == [("k", "kxy", 1)]


def test_the_store_has_a_name_of_its_own(bench: Any) -> None:
    options = StreamJoined.as_("near").with_store_name("recent").with_logging_disabled()
    bench.stream().join(bench.stream("other"), joined, TEN, options).to("out")
    bench.pipe("in", ("a", "x", 100))

    assert bench.driver.get_state_store("recent").find(0, "a", 0, 200) == [(100, "x")]
    assert not any("changelog" in name for name in bench.driver.produced_topic_names)


def test_what_is_missing_or_wrong_is_said(bench: Any) -> None:
    stream, other = bench.stream(), bench.stream("other")
    with pytest.raises(Misuse, match="needs its name"):
        stream.join(other, joined, TEN)
    with pytest.raises(Misuse, match="within JoinWindows"):
        stream.join(other, joined, 10, "name")
    with pytest.raises(Misuse, match="joined with a stream or a table"):
        stream.join("other", joined, TEN, "name")
    with pytest.raises(Misuse, match="dealt out anew"):
        stream.select_key(lambda k, v: v).join(other, joined, TEN, StreamJoined(store_name="s"))
    with pytest.raises(Misuse, match="two builders"):
        stream.join(StreamsBuilder().stream("x", key_type=str), joined, TEN, "name")
    with pytest.raises(Misuse, match="never equal"):
        stream.join(bench.builder.stream("numbers", key_type=int), joined, TEN, "name")


def test_windows_are_checked() -> None:
    assert JoinWindows.of_time_difference_with_no_grace(5).before(-3).size_ms == 2
    assert TEN.after(timedelta(seconds=-0.002)).after_ms == -2
    with pytest.raises(Misuse, match="must not be below 0"):
        JoinWindows.of_time_difference_with_no_grace(5).after(-6)
    with pytest.raises(Misuse, match="grace"):
        JoinWindows.of_time_difference_and_grace(5, -1)


def test_sides_that_come_crosswise_from_one_stream_keep_the_order_of_single_records(bench: Any) -> None:
    stream = bench.stream()
    first = stream.filter(lambda key, value: True)
    second = stream.filter(lambda key, value: True)
    second.join(first, joined, TEN, "near").to("out")

    bench.pipe("in", ("a", "x", 1), ("a", "y", 1))

    # The right side's turn is first: the right y meets the left x before the left y meets both.
    assert [value for _, value, _ in bench.records()] == ["x+x", "x+y", "y+x", "y+y"]
