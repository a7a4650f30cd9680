"""Latencies, rates, pacing."""

from __future__ import annotations

import pytest

from streamz_core.cli.perf_figures import Latencies, due_ms, rate


def test_percentiles_are_of_what_was_counted():
    latencies = Latencies()
    for number in range(1, 101):
        latencies.add(float(number))
    assert (latencies.count, latencies.mean, latencies.greatest) == (100, 50.5, 100.0)
    assert [latencies.percentile(share) for share in (0.0, 0.5, 0.99, 1.0)] == [1.0, 51.0, 100.0, 100.0]


def test_of_very_many_only_a_part_is_kept_and_all_are_counted():
    latencies = Latencies(expected=2_000_000)
    for number in range(40):
        latencies.add(float(number))
    assert latencies.count == 40
    assert latencies.greatest == 39.0
    assert latencies.percentile(1.0) == 36.0, "every fourth is kept"


def test_nothing_counted_is_nothing():
    assert (Latencies().mean, Latencies().percentile(0.5)) == (0.0, 0.0)


@pytest.mark.parametrize(("count", "took_ms", "a_second"), [(100, 1000.0, 100.0), (5, 0.0, 5000.0)])
def test_a_rate_is_a_second(count, took_ms, a_second):
    assert rate(count, took_ms) == a_second


@pytest.mark.parametrize(("sent", "per_second", "due"), [(0, 10, 0.0), (5, 10, 500.0), (5, -1, 0.0)])
def test_records_are_due_at_even_distances(sent, per_second, due):
    assert due_ms(sent, per_second) == due
