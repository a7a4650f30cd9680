"""What the words of the DSL are given to call is looked at when the topology is declared, and what it returns later."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams import (
    CalendarWindows,
    EmitStrategy,
    FixedKeyProcessor,
    Grouped,
    JoinWindows,
    KStream,
    Materialized,
    Processor,
    Produced,
    Record,
    Stores,
    StreamsBuilder,
    Suppressed,
    TimeWindows,
    UnlimitedWindows,
)
from streamz_core.streams.operators.process import ProcessorFailed
from streamz_core.streams.runtime.failures import RecordFailed
from tests.unit.streams.dsl.conftest import Bench

Declare = Callable[[KStream[Any, Any], Any], Any]
WITHIN = JoinWindows.of_time_difference_with_no_grace(5)


async def later(*_arguments: Any) -> Any:
    """Nobody awaits it."""


async def many(*_arguments: Any) -> AsyncIterator[Any]:
    yield None


class AsynchronousCall:
    async def __call__(self, *_arguments: Any) -> Any:
        """Nobody awaits it either."""


def takes_five(_a: Any, _b: Any, _c: Any, _d: Any, _e: Any) -> None:
    """No word calls a function of five."""


WORDS: dict[str, Declare] = {
    "filter": lambda stream, function: stream.filter(function),
    "filter_not": lambda stream, function: stream.filter_not(function),
    "map": lambda stream, function: stream.map(function),
    "map_values": lambda stream, function: stream.map_values(function),
    "map_values with_key": lambda stream, function: stream.map_values(function, with_key=True),
    "flat_map": lambda stream, function: stream.flat_map(function),
    "flat_map_values": lambda stream, function: stream.flat_map_values(function),
    "filter_map": lambda stream, function: stream.filter_map(function),
    "select_key": lambda stream, function: stream.select_key(function),
    "peek": lambda stream, function: stream.peek(function),
    "foreach": lambda stream, function: stream.foreach(function),
    "branch": lambda stream, function: stream.split().branch(function),
    "group_by": lambda stream, function: stream.group_by(function, "g"),
    "with_timestamp": lambda stream, function: stream.with_timestamp(function),
    "with_headers": lambda stream, function: stream.with_headers(function),
    "deduplicate by": lambda stream, function: stream.deduplicate(5, "seen", by=function),
    "reduce": lambda stream, function: stream.group_by_key().reduce(function, "s"),
    "initializer": lambda stream, function: stream.group_by_key().aggregate(function, max, "s"),
    "aggregator": lambda stream, function: stream.group_by_key().aggregate(int, function, "s"),
    "windowed": lambda stream, function: (
        stream.group_by_key().windowed_by(TimeWindows.of_size_with_no_grace(5)).aggregate(int, function, "s")
    ),
    "cogroup": lambda stream, function: stream.group_by_key().cogroup(function),
    "joiner": lambda stream, function: stream.join(stream, function, WITHIN, "j"),
    "partitioner": lambda stream, function: stream.repartition("r", partitioner=function),
    "table filter": lambda stream, function: stream.to_table("t").filter(function),
    "table map_values": lambda stream, function: stream.to_table("t").map_values(function),
    "table group_by": lambda stream, function: stream.to_table("t").group_by(function, "g"),
    "to_stream": lambda stream, function: stream.to_table("t").to_stream(function),
    "adder": lambda stream, function: (
        stream.to_table("t").group_by(lambda k, v: (k, v), Grouped("g")).reduce(function, function, "s")
    ),
}


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "function", ["no function", later, many, AsynchronousCall(), partial(later, 1), takes_five]
)
def test_what_cannot_be_called_is_refused_when_it_is_declared(bench: Bench, word: str, function: Any) -> None:
    if word == "initializer" and function is takes_five:
        function = lambda one: one  # noqa: E731
    with pytest.raises(
        Misuse, match=r"takes a function of \(.*\)|is asynchronous, and nobody would await it"
    ):
        WORDS[word](bench.stream(), function)


def test_the_message_says_how_to_get_the_key(bench: Bench) -> None:
    wanted = (
        "map_values() takes a function of (value); test_the_message_says_how_to_get_the_key.<locals>.<lambda> is one "
        "of (key, value); with_key=True gives it the key, too"
    )
    with pytest.raises(Misuse, match=re.escape(wanted)):
        bench.stream().map_values(lambda key, value: value)


@pytest.mark.parametrize(
    "function", [str, str.upper, "{}".format, partial(max, "a"), print, lambda value, more=1: value]
)
def test_what_is_built_in_or_has_defaults_will_do(bench: Bench, function: Any) -> None:
    bench.stream().map_values(function)


@pytest.mark.parametrize("base", [Processor, FixedKeyProcessor])
def test_a_processor_must_not_be_asynchronous(bench: Bench, base: type) -> None:
    waiting = type("Waiting", (base,), {"process": later})
    word = bench.stream().process if base is Processor else bench.stream().process_values
    with pytest.raises(Misuse, match="later is asynchronous, and nobody would await it"):
        word(waiting)
    with pytest.raises(Misuse, match="later is asynchronous"):
        word(later)


def test_a_processor_that_cannot_start_is_named(bench: Bench) -> None:
    def fail(_self: Any, _context: Any) -> None:
        raise ValueError("no file")

    bench.stream().process(type("Broken", (Processor,), {"init": fail}), named="broken")
    with pytest.raises(
        ProcessorFailed, match=r"step 'broken': init\(\) of its processor failed: ValueError\('no file'\)"
    ):
        bench.run(("a", "1"))


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (
            lambda stream: stream.map(lambda k, v: [k, v]),
            r"map\(\) .* pairs, tuples \(key, value\); got \['a', '1'\]",
        ),
        (lambda stream: stream.map(lambda k, v: "kv"), r"map\(\) .* got 'kv'"),
        (
            lambda stream: stream.flat_map(lambda k, v: None),
            r"flat_map\(\) .* any number of results.*; got None",
        ),
        (lambda stream: stream.flat_map(lambda k, v: [v]), r"flat_map\(\) .* pairs, .* got '1'"),
        (lambda stream: stream.flat_map_values(lambda v: 5), r"flat_map_values\(\) .* got 5"),
        (
            lambda stream: stream.process(lambda record: [("a", "1")]),
            r"forwarded \('a', '1'\), which is no Record",
        ),
        (lambda stream: stream.map_async(lambda v: v), r"map_async\(\) awaits .* '1' cannot be awaited"),
        (
            lambda stream: stream.to_table("t").group_by(lambda k, v: v, "g").count("c").to_stream(),
            r"group_by\(\) .* pairs, .* got '1'",
        ),
    ],
)
def test_what_a_function_returned_instead_is_said(bench: Bench, declare: Any, says: str) -> None:
    """Alike with compiled modules and without: unpacking a list or a text of two would do in one of them."""
    declare(bench.stream()).to("out")
    with pytest.raises(RecordFailed, match=says):
        bench.run(("a", "1"))


def test_a_topic_may_be_chosen_by_where_a_record_comes_from(bench: Bench) -> None:
    bench.stream().with_headers(lambda k, v, h: {"to": v.encode()}).to(
        lambda key, value, context: (
            f"{context.headers[0][1].decode()}-{context.topic}-{context.offset}-{context.timestamp}"
        )
    )
    bench.pipe("in", ("a", "x", 5), ("a", "y", 7))
    assert bench.output("x-in-0-5") == [("a", "x")]
    assert bench.output("y-in-1-7") == [("a", "y")]


def test_a_function_that_names_no_topic(bench: Bench) -> None:
    bench.stream().to(lambda key, value: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(RecordFailed, match="names a topic for each record; it returned None"):
        bench.run(("a", "1"))


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (lambda stream: stream.merge(stream.to_table("t")), "a stream is merged with a stream"),
        (lambda stream: stream.merge(StreamsBuilder().stream("other")), "are of two builders"),
        (lambda stream: stream.group_by_key().windowed_by(CalendarWindows), "are no windows"),
        (
            lambda stream: stream.group_by_key().count("s").suppress("closed"),
            r"suppress\(\) takes Suppressed",
        ),
        (lambda stream: windowed(stream).emit_strategy("final"), r"emit_strategy\(\) takes EmitStrategy"),
        (lambda stream: windowed(stream).close_strategy("idle"), r"close_strategy\(\) takes CloseStrategy"),
        (lambda stream: windowed(stream).late_to(5), r"late_to\(\) takes a function of \(stream\), not 5"),
        (
            lambda stream: (
                stream.group_by_key()
                .windowed_by(UnlimitedWindows.of())
                .emit_strategy(EmitStrategy.on_window_close())
            ),
            "unlimited windows never close",
        ),
        (lambda stream: stream.group_by_key().count("a b"), r"the name 'a b': allowed are letters"),
        (lambda stream: stream.filter(print, ".."), r"the name '\.\.'"),
        (lambda stream: Materialized.as_(Suppressed), r"Materialized: expected a name, got <class"),
    ],
)
def test_what_is_no_option_of_the_word(bench: Bench, declare: Any, says: str) -> None:
    with pytest.raises(Misuse, match=says):
        declare(bench.stream())


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (
            lambda stream: stream.with_headers(lambda k, v, h: {"a": 5}),
            "a header is a name and bytes, got 'a' and 5",
        ),
        (
            lambda stream: stream.process(lambda r: Record(r.key, r.value, None)),
            "of the time None; expected milli",
        ),
        (
            lambda stream: stream.process(lambda r: r.with_timestamp(-5)),
            "of the time -5; expected milliseconds",
        ),
    ],
)
def test_times_and_headers_that_are_none(bench: Bench, declare: Any, says: str) -> None:
    declare(bench.stream()).to("out")
    with pytest.raises(RecordFailed, match=says):
        bench.run(("a", "1"))


def test_a_record_for_a_topic_that_cannot_be_is_passed_over_like_others(bench: Bench) -> None:
    named = Produced(error_policy="skip")
    bench.stream().to(lambda key, value: "out" if value == "1" else "no topic", named)
    assert bench.run(("a", "1"), ("b", "2"), ("c", "1")) == [("a", 1), ("c", 1)]


def test_headers_as_a_dict(bench: Bench) -> None:
    bench.stream().process(lambda record: record.with_headers({"a": b"1"})).to("out")
    bench.pipe("in", ("k", "1"))
    assert bench.driver is not None
    assert bench.driver.create_output_topic("out").read_record().headers == (("a", b"1"),)


def test_many_steps_one_behind_the_other(bench: Bench) -> None:
    stream = bench.stream()
    for _ in range(700):
        stream = stream.map_values(lambda value: value + ".", value_type=str)
    stream.to("out")
    assert bench.builder.describe().count("Processor:") == 700
    assert bench.run(("a", "1"))[0][1] == "1" + 700 * "."


@pytest.mark.parametrize(
    "declare",
    [
        lambda: Stores.lru_map("recent", 0),
        lambda: Stores.key_value_store("no name"),
        lambda: StreamsBuilder().add_state_store("seen"),  # type: ignore[arg-type]
    ],
)
def test_stores_that_cannot_be(declare: Any) -> None:
    with pytest.raises(Misuse):
        declare()


def windowed(stream: KStream[Any, Any]) -> Any:
    return stream.group_by_key().windowed_by(TimeWindows.of_size_with_no_grace(5))


def test_branches_without_a_name_are_numbered_behind_that_of_the_split(bench: Bench) -> None:
    """``BranchedKStreamImpl.getBranchChildName``."""
    split = bench.stream().split("by-").branch(lambda k, v: v > "5").branch(lambda k, v: v > "3", "some")
    assert list(split.default_branch()) == ["by-1", "by-some", "by-0"]
