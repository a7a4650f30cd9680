from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.protocol.batch_frame import with_records
from streamz_core.protocol.batch_keys import mark, note_keys, pick
from streamz_core.protocol.compression import Compression
from streamz_core.protocol.record_batch import CorruptBatch, decode, encode, read_header

KEYS = st.lists(st.one_of(st.none(), st.binary(max_size=3), st.just(b"k" * 300)), min_size=1, max_size=20)


def noted(batch: bytes):
    latest: dict[bytes, int] = {}
    return (*note_keys(batch, 0, read_header(batch), latest), latest)


def rows(batch: bytes):
    columns = decode(batch)
    return list(zip(columns.offsets, columns.timestamps, columns.keys, columns.values, strict=True))


def cut_down(batch: bytes, picked) -> bytes:
    return with_records(read_header(batch), picked.records, picked.record_count, picked.max_timestamp)


@given(
    KEYS,
    st.sampled_from([Compression.NONE, Compression.GZIP, Compression.ZSTD]),
    st.sampled_from([0, 3_000_000]),
    st.sampled_from([0, 500]),
)
def test_the_keys_noted_are_those_decoded(keys, compression, spread_ms, gap):
    times = [1_000 + number * spread_ms for number in range(len(keys))]
    headers = [[("h", b"v" * 200)] if number % 2 else [] for number in range(len(keys))]
    deltas = [gap + number for number in range(len(keys))]
    batch = encode(
        keys,
        [b"v" * 100] * len(keys),
        times,
        headers,
        compression=compression,
        base_offset=70,
        offset_deltas=deltas,
    )

    without, key_bytes, latest = noted(batch)

    found = [(key, 70 + delta) for key, delta in zip(keys, deltas, strict=True)]
    assert without == [offset for key, offset in found if key is None]
    assert key_bytes == sum(len(key) for key, _ in found if key is not None)
    assert latest == {key: offset for key, offset in found if key is not None}


@given(
    KEYS,
    st.data(),
    st.sampled_from([Compression.NONE, Compression.ZSTD]),
    st.sampled_from([None, 9_000]),
    st.sampled_from([1, 9_000_000]),
)
def test_picked_records_are_those_asked_for_as_they_were(keys, data, compression, append_time, spread_ms):
    flags = data.draw(st.binary(min_size=len(keys), max_size=len(keys)))
    values = data.draw(
        st.lists(st.one_of(st.none(), st.binary(max_size=200)), min_size=len(keys), max_size=len(keys))
    )
    times = [900_000_000 - number * spread_ms for number in range(len(keys))]
    headers = [[("h", b"v")] if number % 3 else [] for number in range(len(keys))]
    batch = encode(
        keys, values, times, headers, compression=compression, base_offset=5, append_time_ms=append_time
    )

    picked = pick(batch, 0, read_header(batch), flags, {})

    kept = [row for row in rows(batch) if row[2] is None or flags[row[0] - 5]]
    assert picked.record_count == len(kept)
    assert picked.has_tombstones == any(value is None for _, _, _, value in kept)
    if kept:
        rewritten = cut_down(batch, picked)
        assert rows(rewritten) == kept
        assert read_header(rewritten).max_timestamp == max(time for _, time, _, _ in kept)
        assert read_header(rewritten).last_offset == read_header(batch).last_offset


def test_without_flags_those_stay_whose_key_is_not_known():
    batch = encode([b"a", b"b", None, b"c"], [b"1", b"2", None, b"4"], [0, 0, 0, 0])

    picked = pick(batch, 0, read_header(batch), None, {b"b": 99, b"c": 100})

    assert [(key, value) for _, _, key, value in rows(cut_down(batch, picked))] == [
        (b"a", b"1"),
        (None, None),
    ]
    assert picked.has_tombstones


def test_the_last_of_each_key_is_marked():
    latest: dict[bytes, int] = {}
    for base, keys in ((10, [b"a", b"b", b"a"]), (13, [b"b", b"c"])):
        batch = encode(keys, [b""] * len(keys), [0] * len(keys), base_offset=base)
        note_keys(batch, 0, read_header(batch), latest)
    flags = bytearray(5)

    mark(flags, latest, 10)

    assert flags == bytes([0, 0, 1, 1, 1])


@given(st.data())
def test_damaged_bytes_are_refused_and_never_read_beyond(data):
    batch = bytearray(encode([b"key"] * 5, [b"value"] * 5, [0] * 5))
    at = data.draw(st.integers(61, len(batch) - 1))
    batch[at] ^= 1 << data.draw(st.integers(0, 7))

    try:
        without, key_bytes, latest = noted(bytes(batch))
        assert pick(bytes(batch), 0, read_header(batch), bytes(5), {}).record_count <= 5
    except CorruptBatch:
        return
    assert len(without) + len(latest) <= 5
    assert key_bytes <= len(batch)


def test_a_batch_cut_short_is_refused():
    batch = encode([b"key"], [b"value"], [0])
    header = read_header(batch)
    for size in range(61, len(batch)):
        with pytest.raises(CorruptBatch):
            note_keys(batch[:size], 0, header, {})
        with pytest.raises(CorruptBatch):
            pick(batch[:size], 0, header, None, {})
