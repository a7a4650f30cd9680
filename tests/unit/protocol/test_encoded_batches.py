"""Owns: batches framed in this process say where they went, and are otherwise the bytes that were framed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamz_core.protocol.compression import Compression
from streamz_core.protocol.record_batch import EncodedBatches, RecordWriter, assign, check_crc, split

CONTENT = st.none() | st.binary(max_size=20)
RECORDS = st.lists(st.tuples(CONTENT, CONTENT), min_size=1, max_size=5)


def framed(records, compression=Compression.NONE):
    writer = RecordWriter()
    for index, (key, value) in enumerate(records):
        writer.append(key, value, 1_000 + index, None)
    return writer.take().framed(compression=compression)


@given(
    st.lists(RECORDS, min_size=1, max_size=4),
    st.integers(0, 1 << 40),
    st.sampled_from([Compression.NONE, Compression.GZIP]),
)
def test_what_is_placed_is_what_was_joined_with_its_offsets_written_in(groups, offset, compression):
    batches = EncodedBatches([framed(records, compression) for records in groups])
    expected = batches.joined()
    for position, header in split(expected):
        assign(expected, position, offset + position, 3)
        assert header.record_count > 0

    for (position, _), header in zip(split(expected), batches.headers(), strict=True):
        header.base_offset, header.leader_epoch = offset + position, 3
    placed = b"".join(batches.placed())

    assert placed == expected
    assert len(batches) == len(placed)
    assert all(check_crc(placed, position, header) for position, header in split(placed))


def test_batches_placed_twice_have_the_second_offsets_and_join_as_they_were_framed():
    one = framed([(b"k", b"v")])
    batches = EncodedBatches([one])
    for offset in (5, 9):
        batches.headers()[0].base_offset = offset
        (position, header), = split(b"".join(batches.placed()))  # fmt: skip
        assert (position, header.base_offset) == (0, offset)
    assert batches.joined() == b"".join(one)
