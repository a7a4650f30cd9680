from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.protocol.batch_keys import last_of_their_keys, note_keys
from streamz_core.protocol.compression import Compression
from streamz_core.protocol.record_batch import CorruptBatch, decode, encode, read_header

KEYS = st.lists(st.one_of(st.none(), st.binary(max_size=3), st.just(b"k" * 300)), min_size=1, max_size=20)


def noted(batch: bytes, mark: object = 7):
    latest: dict[bytes, object] = {}
    return (*note_keys(batch, 0, read_header(batch), mark, latest), latest)


@given(
    KEYS,
    st.sampled_from([Compression.NONE, Compression.GZIP, Compression.ZSTD]),
    st.sampled_from([0, 3_000_000]),
)
def test_the_keys_noted_are_those_decoded(keys, compression, spread_ms):
    times = [1_000 + number * spread_ms for number in range(len(keys))]
    headers = [[("h", b"v" * 200)] if number % 2 else [] for number in range(len(keys))]
    batch = encode(keys, [b"v" * 100] * len(keys), times, headers, compression=compression)

    without, key_bytes, latest = noted(batch)

    found = [key for key in decode(batch).keys if key is not None]
    assert without == len(keys) - len(found)
    assert key_bytes == sum(map(len, found))
    assert latest == dict.fromkeys(found, 7)


@given(st.lists(KEYS, min_size=1, max_size=6))
def test_the_last_of_their_keys_are_told_batch_by_batch(batches):
    latest: dict[bytes, object] = {}
    for number, keys in enumerate(batches):
        batch = encode(keys, [b""] * len(keys), [0] * len(keys))
        note_keys(batch, 0, read_header(batch), number, latest)

    kept = [
        (number, place, keys[place])
        for number, keys in enumerate(batches)
        for place, stays in enumerate(last_of_their_keys(keys, number, latest))
        if stays
    ]

    rows = [(number, place, key) for number, keys in enumerate(batches) for place, key in enumerate(keys)]
    last = {key: (number, place) for number, place, key in rows}
    assert kept == [row for row in rows if row[2] is None or last[row[2]] == row[:2]]


def test_keys_never_noted_stay():
    assert last_of_their_keys([b"a", b"a", None], 3, {b"b": 4}) == [True, True, True]
    assert last_of_their_keys([b"a", b"b"], 3, {b"b": 4}) == [True, False]


@given(st.data())
def test_damaged_bytes_are_refused_and_never_read_beyond(data):
    batch = bytearray(encode([b"key"] * 5, [b"value"] * 5, [0] * 5))
    at = data.draw(st.integers(61, len(batch) - 1))
    batch[at] ^= 1 << data.draw(st.integers(0, 7))

    try:
        without, key_bytes, latest = noted(bytes(batch))
    except CorruptBatch:
        return
    assert without + len(latest) <= 10
    assert key_bytes <= len(batch)


def test_a_batch_cut_short_is_refused():
    batch = encode([b"key"], [b"value"], [0])
    header = read_header(batch)
    for size in range(61, len(batch)):
        with pytest.raises(CorruptBatch):
            note_keys(batch[:size], 0, header, 0, {})
