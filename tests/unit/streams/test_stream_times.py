"""Stream times are what the obvious expression says."""

from __future__ import annotations

import doctest
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from streamz_core.streams import stream_times

times = st.lists(st.integers(-1, 2**62 - 1), min_size=1)


@given(times, st.integers(-1, 2**62 - 1), st.integers(0, 2**62 - 1))
def test_running_maximum_leaves_out_times_after_the_latest(column, before, latest):
    believed = [time if time <= latest else before for time in column]
    expected = list(accumulate(believed, max, initial=before))[1:]

    assert stream_times.running_maximum(column, before, latest) == expected


@given(times)
def test_ascending_times_are_their_own_running_maximum(column):
    column.sort()

    assert stream_times.running_maximum(column, -1, 2**62) is column


@given(times)
def test_the_latest_is_the_highest(column):
    assert stream_times.latest(column) == max(column)


def test_the_examples_in_docstrings_hold():
    assert doctest.testmod(stream_times).failed == 0
