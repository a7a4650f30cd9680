"""Records that a stream fails on: in decoding, in a step, in writing, and in what was held back."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.builder import StreamsBuilder
from streamz_core.streams.dsl.options import Consumed, Materialized, Named, Produced
from streamz_core.streams.error_policy import SKIP, ErrorAction, ErrorPolicy
from streamz_core.testing import TopologyTestDriver


def dead_letters(bench: Any, topic: str = "in-dlq") -> list[Any]:
    records = bench.driver.create_output_topic(topic, bytes, bytes).read_records_to_list()
    return [
        (
            record.value,
            *(
                dict(record.headers)[f"__dlq.{what}"].decode()
                for what in ("topic", "offset", "error.message")
            ),
        )
        for record in records
    ]


def number(value: str) -> int:
    return int(value)


def test_bytes_that_do_not_decode_go_by_the_source_policy(bench: Any) -> None:
    for topic, policy in (("skipped", "skip"), ("in", "dead_letter")):
        bench.builder.stream(topic, Consumed.with_(str, int).with_decode_error_policy(policy)).to(
            f"{topic}-out"
        )
    bench.pipe("skipped", ("k", "1"), ("k", "x"), ("k", "2"))
    bench.pipe("in", ("k", "1"), ("k", "x"), ("k", "2"))

    assert bench.output("skipped-out") == [("k", 1), ("k", 2)]
    assert bench.output("in-out") == [("k", 1), ("k", 2)]
    ((value, topic, offset, _),) = dead_letters(bench)
    assert (value, topic, offset) == (b"x", "in", "1")


@pytest.mark.parametrize("where", ["builder", "step"])
def test_a_step_fails_and_the_record_is_passed_over_everywhere(bench: Any, where: str) -> None:
    policy = "dead_letter"
    named = Named.as_("parse").with_error_policy(policy) if where == "step" else "parse"
    bench.builder = StreamsBuilder(error_policy=None if where == "step" else policy)
    stream = bench.stream()
    stream.to("before")
    stream.map_values(number, named).to("out")

    assert bench.run(("k", "1"), ("k", "x"), ("k", "2")) == [("k", 1), ("k", 2)]
    assert bench.output("before") == [("k", 1), ("k", 2)]
    assert dead_letters(bench) == [(b"x", "in", "1", "invalid literal for int() with base 10: 'x'")]


def test_a_step_of_its_own_policy_leaves_the_others_to_fail(bench: Any) -> None:
    stream = bench.stream()
    stream.map_values(number, Named.as_("parse").with_error_policy("skip")).map_values(
        lambda value: 1 // value, "divide"
    ).to("out")
    with pytest.raises(Exception, match=r"step 'divide'\) of app 'driver' failed on topic 'in' .* offset 1"):
        bench.run(("k", "x"), ("k", "0"))


def test_retries_come_before_the_end(bench: Any) -> None:
    tries: list[str] = []

    def sometimes(value: str) -> str:
        tries.append(value)
        if tries.count(value) < 3:
            raise ValueError(value)
        return value

    policy = ErrorPolicy(ErrorAction.FAIL, retries=2, backoff_ms=1)
    bench.stream().map_values(sometimes, Named.as_("try").with_error_policy(policy)).to("out")
    bench.driver = driver = TopologyTestDriver(bench.builder, {"broker_commit_every": 1_000})
    given = driver.create_input_topic("in", str, str)
    given.pipe_input("k", "a")
    for _ in range(10):
        driver.advance_wall_clock_time(10)

    assert bench.output() == [("k", "a")]
    assert tries == ["a"] * 3


@pytest.mark.parametrize("routed", [False, True])
def test_what_cannot_be_written_goes_by_the_sinks_policy(bench: Any, routed: bool) -> None:
    topic: Any = (lambda key, value: "out") if routed else "out"
    bench.stream("others").to("out")
    stream = bench.stream().map_values(lambda value: value * (2_000_000 if value == "b" else 1))
    stream.to(topic, Produced.as_("sink").with_error_policy("dead_letter"))

    assert bench.run(("k", "a"), ("k", "b"), ("k", "c")) == [("k", "a"), ("k", "c")]
    ((value, _, offset, message),) = dead_letters(bench)
    assert (value, offset) == (b"b", "1")
    assert "has 2000003 bytes" in message


def test_what_does_not_encode_goes_by_the_sinks_policy(bench: Any) -> None:
    stream = bench.stream().map_values(lambda value: 5 if value == "b" else value)
    stream.to("out", Produced.with_(str, str, error_policy=SKIP))

    assert bench.run(("k", "a"), ("k", "b"), ("k", "c")) == [("k", "a"), ("k", "c")]


@pytest.mark.parametrize("caching", [True, False])
def test_a_record_behind_a_held_back_update_is_found(bench: Any, caching: bool) -> None:
    stored = Materialized.as_("latest") if caching else Materialized.as_("latest").with_caching_disabled()
    table = bench.stream().to_table(stored)
    table.to_stream().map_values(number, Named.as_("parse").with_error_policy("dead_letter")).to("out")
    bench.driver = driver = TopologyTestDriver(bench.builder, {"broker_commit_every": 1_000})
    together(driver, [("a", "1"), ("b", "2"), ("c", "x"), ("a", "3")])

    last = dict(bench.output())
    assert last == {"a": 3, "b": 2}
    assert [row[:3] for row in dead_letters(bench)] == [(b"x", "in", "2")]


def together(driver: TopologyTestDriver, pairs: list[tuple[str, str]]) -> None:
    """Pipe all records before anything is committed."""
    import asyncio

    async def pipe() -> None:
        producer = driver._driven.producer
        assert producer is not None
        sent = await producer.send_columns(
            "in", 0, [k.encode() for k, _ in pairs], [v.encode() for _, v in pairs], [0] * len(pairs), None
        )
        await driver.clock.settle()
        await asyncio.wait_for(sent, None)
        await driver._driven.complete()

    driver.create_input_topic("in", str, str)
    driver.run(pipe())


def test_a_record_behind_a_held_back_update_is_named(bench: Any) -> None:
    table = bench.stream().to_table("latest")
    table.to_stream().map_values(number, "parse").to("out")
    bench.driver = driver = TopologyTestDriver(bench.builder, {"broker_commit_every": 1_000})
    with pytest.raises(
        Exception, match=r"step 'parse'\) .* failed on topic 'in' partition 0 offset 2: ValueError"
    ):
        together(driver, [("a", "1"), ("b", "2"), ("c", "x"), ("a", "3")])


def test_what_no_record_stands_behind_is_fatal(bench: Any) -> None:
    from streamz_core.streams.dsl.processing import FixedKeyProcessor, PunctuationType, Record

    class Ticks(FixedKeyProcessor):
        def init(self, context: Any) -> None:
            context.schedule(
                100, PunctuationType.WALL_CLOCK_TIME, lambda now_ms: context.forward(Record("k", "x", 1))
            )

        def process(self, record: Any) -> None:
            pass

    table = bench.stream().process_values(Ticks).to_table("latest")
    table.to_stream().map_values(number, "parse").to("out")
    bench.run(("k", "1"))
    with pytest.raises(Exception, match=r"step 'parse' failed .* No record stands behind it"):
        bench.driver.advance_wall_clock_time(200)


def test_a_policy_that_is_none() -> None:
    with pytest.raises(Misuse, match=r"step 'x': error_policy must be one of 'fail', 'skip', 'dead_letter'"):
        StreamsBuilder().stream("in").filter(bool, Named("x", error_policy="ignore"))
