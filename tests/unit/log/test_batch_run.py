"""Owns: batches taken into a segment together are what they are one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamz_core.log.memory_files import MemoryFiles
from streamz_core.log.open_files import OpenFiles
from streamz_core.log.segment import Segment
from streamz_core.protocol.control import end_txn_marker
from streamz_core.protocol.record_batch import encode, read_header

BASE = 100
INTERVAL_BYTES = 150


def batch(timestamps: list[int], offset: int) -> bytes:
    """A batch of records, or a marker where there are none."""
    if not timestamps:
        data = bytearray(end_txn_marker(committed=True, producer_id=1, producer_epoch=0, timestamp=10**15))
        data[:8] = offset.to_bytes(8, "big")
        return bytes(data)
    return encode([b"k"] * len(timestamps), [b"v" * 20] * len(timestamps), timestamps, base_offset=offset)


def segment() -> Segment:
    return Segment(OpenFiles(MemoryFiles()), "/t-0", BASE)


def known(one: Segment) -> tuple[object, ...]:
    assert one.indexes is not None
    return (one.summary, *one.indexes.contents())


TIMESTAMPS = st.lists(st.integers(0, 1_000), max_size=4)


@given(st.lists(TIMESTAMPS, min_size=1, max_size=12), st.sampled_from([-1, INTERVAL_BYTES]))
def test_together_or_one_by_one_a_segment_knows_the_same(groups, interval):
    batches, offset = [], BASE
    for timestamps in groups:
        batches.append(batch(timestamps, offset))
        offset = read_header(batches[-1]).next_offset
    headers = [read_header(data) for data in batches]
    together, singly = segment(), segment()

    together.observe(headers, batches, 7, interval)
    for header, data in zip(headers, batches, strict=True):
        singly.observe([header], [memoryview(data)], 7, interval)

    assert known(together) == known(singly)
    summary = together.summary
    latest = max((time for times in groups for time in times), default=-1)
    assert summary.max_timestamp == latest
    assert (summary.batch_count, summary.next_offset, summary.created_ms) == (len(groups), offset, 7)
    assert summary.size_bytes == sum(map(len, batches))


def test_an_entry_is_due_once_so_many_bytes_came_since_the_last():
    one = segment()
    batches = [batch([number], BASE + number) for number in range(5)]
    size = len(batches[0])
    assert size < INTERVAL_BYTES < 2 * size

    one.observe([read_header(data) for data in batches], batches, 0, INTERVAL_BYTES)

    assert one.indexes is not None
    entries = [one.indexes.offsets.entry(number) for number in range(len(one.indexes.offsets))]
    assert entries == [(BASE + 2, 2 * size), (BASE + 4, 4 * size)]
    assert one.summary.max_timestamp_offset == BASE + 4
