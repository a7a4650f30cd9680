"""Owns: the three indexes, each against a list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamz_core.log.offset_index import OffsetIndex
from streamz_core.log.time_index import TimeIndex
from streamz_core.log.txn_index import AbortedTxn, TxnIndex

BASE = 1000


@given(st.sets(st.integers(BASE, BASE + 300)), st.integers(BASE - 5, BASE + 305))
def test_offset_floor_is_the_last_at_or_below(offsets, asked):
    entries = [(offset, 10 * number) for number, offset in enumerate(sorted(offsets))]
    index = OffsetIndex(BASE)
    for entry in entries:
        index.add(*entry)

    assert index.floor(asked) == max((one for one in entries if one[0] <= asked), default=None)
    again = OffsetIndex(BASE, bytes(index.data) + b"xyz")
    assert [again.entry(number) for number in range(len(again))] == entries
    again.truncate(25)
    assert len(again) == len([one for one in entries if one[1] < 25])


def test_entries_are_kafkas_bytes():
    offsets, times = OffsetIndex(BASE), TimeIndex(BASE)
    offsets.add(BASE + 1, 2)
    times.add(3, BASE + 4)

    assert offsets.data == bytes.fromhex("00000001 00000002")
    assert times.data == bytes.fromhex("0000000000000003 00000004")


@given(st.lists(st.integers(0, 50)), st.integers(-1, 55))
def test_no_batch_before_a_time_entry_is_as_late(timestamps, asked):
    index, largest = TimeIndex(BASE), -1
    for number, timestamp in enumerate(timestamps):
        if timestamp > largest:
            largest = timestamp
            index.add(timestamp, BASE + number)
        index.add(largest, BASE + number)

    found = index.floor(asked)
    start = 0 if found is None else found.offset - BASE
    assert all(timestamp < asked or asked < 0 for timestamp in timestamps[:start])
    index.truncate(BASE)
    assert len(index) == 0


def test_aborted_transactions_are_found_by_their_end():
    index = TxnIndex()
    entries = [AbortedTxn(7, start, start + 10, start + 11) for start in (0, 5, 20)]
    for entry in entries:
        index.add(entry)

    assert list(index.ending_from(0)) == entries
    assert list(index.ending_from(11)) == entries[1:]
    assert list(index.ending_from(31)) == []
    index.truncate(15)
    assert [index.entry(number) for number in range(len(index))] == entries[:1]
