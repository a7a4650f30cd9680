"""Window assignment as functions of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.errors import Misuse
from streamz_core.streams.operators.windows import check, hopping_starts, tumbling_start

times = st.integers(0, 10_000)
sizes = st.integers(1, 500)


@given(times, sizes)
def test_a_tumbling_window_holds_its_timestamp(timestamp: int, size: int) -> None:
    start = tumbling_start(timestamp, size)

    assert start <= timestamp < start + size
    assert start % size == 0
    assert list(hopping_starts(timestamp, size, size)) == [start]


@given(times, sizes, st.data())
def test_hopping_windows_are_all_that_hold_the_timestamp(timestamp: int, size: int, data) -> None:
    advance = data.draw(st.integers(1, size))

    expected = [s for s in range(0, timestamp + 1, advance) if s <= timestamp < s + size]
    assert list(hopping_starts(timestamp, size, advance)) == expected


@pytest.mark.parametrize(("size", "advance", "grace"), [(0, None, 0), (10, 11, 0), (10, 0, 0), (10, 5, -1)])
def test_windows_that_make_no_sense_are_refused(size, advance, grace) -> None:
    with pytest.raises(Misuse):
        check(size, advance, grace)
