"""Asof and interval joins as words: what a user writes, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams import StreamJoined
from streamz_core.testing import TopologyTestDriver
from tests.unit.streams.dsl.conftest import Bench


def joined(value: str | None, other: str | None) -> str:
    return f"{value}+{other}"


def test_each_trade_has_the_quote_of_its_time(bench: Bench) -> None:
    bench.stream().join_asof(bench.stream("quotes"), joined, "quoted").to("out")

    bench.pipe("quotes", ("a", "q1", 10), ("a", "q2", 20))
    bench.pipe("in", ("a", "t1", 25), ("a", "t2", 15), ("a", "t3", 5), ("b", "t4", 25), (None, "t5", 25))

    assert bench.records() == [("a", "t1+q2", 25), ("a", "t2+q1", 15)]


def test_with_grace_a_quote_that_comes_behind_its_trade_counts(bench: Bench) -> None:
    quotes = bench.stream("quotes")
    bench.stream().join_asof(
        quotes, joined, "quoted", how="left", tolerance=timedelta(milliseconds=50), grace=10
    ).to("out")

    bench.pipe("in", ("a", "t1", 100), (None, "t2", 1))
    bench.pipe("quotes", ("a", "too old", 49), ("a", "q", 99), ("a", "later", 110))

    assert bench.records() == [(None, "t2+None", 1), ("a", "t1+q", 100)]


def test_forward_waits_for_the_tolerance(bench: Bench) -> None:
    stream, quotes = bench.stream(), bench.stream("quotes")
    stream.join_asof(
        quotes,
        lambda key, trade, quote: f"{key}:{trade}{quote}",
        "q",
        strategy="forward",
        tolerance=10,
        with_key=True,
    ).to("out")

    bench.pipe("in", ("a", "t1", 100))
    bench.pipe("quotes", ("a", "q", 105), ("a", "r", 104), ("a", "s", 110))

    assert bench.records() == [("a", "a:t1r", 100)]


def test_orders_wait_for_payments_between_bounds(bench: Bench) -> None:
    orders, payments = bench.stream(), bench.stream("payments")
    orders.join_interval(payments, joined, "paid", lower=0, upper=timedelta(milliseconds=10), how="left").to(
        "out"
    )

    bench.pipe("in", ("a", "o1", 100), ("b", "o2", 101))
    bench.pipe("payments", ("a", "early", 99), ("a", "p1", 100), ("a", "p2", 110), ("c", "p3", 112))

    assert bench.records() == [("a", "o1+p1", 100), ("a", "o1+p2", 110), ("b", "o2+None", 101)]


def test_rekeyed_sides_are_dealt_out_anew_over_all_partitions() -> None:
    bench = Bench()
    trades = bench.stream().select_key(lambda key, value: value[0], key_type=str)
    quotes = bench.stream("quotes").select_key(lambda key, value: value[0], key_type=str)
    trades.join_asof(quotes, joined, "quoted").to("asof", value_type=str)
    both = StreamJoined("within", store_name="rows")
    trades.join_interval(quotes, joined, both, lower=-10, upper=10).to("interval", value_type=str)
    with TopologyTestDriver(bench.builder, partitions=3) as driver:
        given = driver.create_input_topic("quotes", str, str)
        given.pipe_input("1", "a-quote", 5)
        driver.create_input_topic("in", str, str).pipe_input("2", "a-trade", 6)
        for topic in ("asof", "interval"):
            found = driver.create_output_topic(topic, str, str).read_key_values_to_list()
            assert found == [("a", "a-trade+a-quote")]


def test_both_are_described_with_their_stores(bench: Bench) -> None:
    quotes = bench.stream("quotes")
    bench.stream().join_asof(quotes, joined, "quoted", grace=5).to("one")
    bench.stream().join_interval(quotes, joined, "within", lower=0, upper=5).to("two")

    described = bench.builder.describe()
    assert "Processor: quoted (stores: [quoted, quoted-waiting])" in described
    assert "Processor: within (stores: [within])" in described


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda one, two: one.join_asof(two, joined, "j", how="outer"), "how is one of 'inner', 'left'"),
        (lambda one, two: one.join_asof(two, joined, "j", strategy="best"), "strategy is one of 'backward'"),
        (lambda one, two: one.join_asof(two, joined, "j", strategy="nearest"), "tolerance=timedelta"),
        (lambda one, two: one.join_asof(two, joined, StreamJoined()), "needs its name"),
        (lambda one, two: one.join_asof(two.to_table("t"), joined, "j"), "a stream with a stream"),
        (lambda one, two: one.join_interval(two, joined, "j", lower=5, upper=4), "nothing between"),
        (
            lambda one, two: one.join_interval(two, joined, "j", lower=0, upper=4, how="right"),
            "how is one of",
        ),
        (
            lambda one, two: one.join_interval(two, joined, "j", lower="x", upper=4),
            "lower: expected a timedelta",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(bench: Bench, ask: Any, says: str) -> None:
    with pytest.raises(Misuse, match=says):
        ask(bench.stream(), bench.stream("other"))
