from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamz_core.broker.disk_budget import segments_beyond
from streamz_core.errors import ErrorCode
from streamz_core.log.segment import SegmentSummary


def segment(appended_ms: int, size_bytes: int) -> SegmentSummary:
    return SegmentSummary(
        base_offset=0, next_offset=1, appended_ms=appended_ms, size_bytes=size_bytes, batch_count=1
    )


def test_nothing_goes_within_the_budget() -> None:
    assert segments_beyond({"a": [segment(1, 50)]}, 100, 100) == {}


def test_the_oldest_go_first_whatever_partition_they_are_in() -> None:
    sealed = {"a": [segment(1, 10), segment(5, 10)], "b": [segment(2, 10), segment(3, 10)], "c": []}

    assert segments_beyond(sealed, 100, 75) == {"a": 1, "b": 2}


def test_what_may_not_go_stays_over_the_budget() -> None:
    assert segments_beyond({"a": [segment(1, 10)]}, 1_000, 0) == {"a": 1}


@given(
    st.dictionaries(
        st.integers(0, 5), st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=5), max_size=5
    ),
    st.integers(0, 100),
    st.integers(0, 150),
)
def test_no_more_goes_than_must(
    given_sizes: dict[int, list[tuple[int, int]]], others_bytes: int, budget: int
) -> None:
    sealed = {name: [segment(*one) for one in sorted(sizes)] for name, sizes in given_sizes.items()}
    total = others_bytes + sum(one.size_bytes for all_of in sealed.values() for one in all_of)

    counts = segments_beyond(sealed, total, budget)

    gone = [one for name, count in counts.items() for one in sealed[name][:count]]
    stay = [one for name, all_of in sealed.items() for one in all_of[counts.get(name, 0) :]]
    left = total - sum(one.size_bytes for one in gone)
    assert left <= budget or not stay
    if gone:
        latest_ms = max(one.appended_ms for one in gone)
        assert left + max(one.size_bytes for one in gone if one.appended_ms == latest_ms) > budget
        assert all(one.appended_ms <= other.appended_ms for one in gone for other in stay)


async def test_the_broker_keeps_all_partitions_within_the_budget(open_broker: Any) -> None:
    talk = await open_broker(retention_check_interval_ms=1_000, total_retention_bytes=1_000)
    await talk.create("old", segment_bytes="200")
    await talk.create("new", segment_bytes="200")
    await talk.create("kept", segment_bytes="200", cleanup_policy="compact")
    for name in ("old", "new"):
        for _ in range(10):
            await talk.produce(name, b"x" * 100)
            await talk.clock.advance(1)
    logs = {name: talk.broker.log(name, 0) for name in ("old", "new", "kept")}
    before = sum(log.size_bytes for log in logs.values())

    await talk.clock.advance(1_100)

    assert before > 3_000
    assert sum(log.size_bytes for log in logs.values()) <= 1_000
    assert logs["old"].log_start_offset == 9, "all but the segment that takes appends"
    assert 0 < logs["new"].log_start_offset < 9
    assert (await talk.fetch("old", 0)).error_code is ErrorCode.OFFSET_OUT_OF_RANGE
