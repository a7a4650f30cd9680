"""Record batches: byte for byte what aiokafka writes, and back."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.errors import Misuse
from streamz_core.protocol.compression import Compression
from streamz_core.protocol.corrupt import CorruptBatch

TIME = 1_700_000_000_000

maybe_bytes = st.none() | st.binary(max_size=200)
header = st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5))
record = st.tuples(
    maybe_bytes,
    maybe_bytes,
    st.integers(-1, 2**41) | st.just(-1) | st.integers(0, 2**62 - 2),
    st.lists(header, max_size=3),
)


def columns(records: list[tuple[Any, ...]]) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    return [r[0] for r in records], [r[1] for r in records], [r[2] for r in records], [r[3] for r in records]


def aiokafka_batch(records: list[tuple[Any, ...]], compression: int = 0, **ids: int) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=compression,
        is_transactional=ids.get("is_transactional", 0),
        producer_id=ids.get("producer_id", -1),
        producer_epoch=ids.get("producer_epoch", -1),
        base_sequence=ids.get("base_sequence", -1),
        batch_size=1 << 30,
    )
    for index, (key, value, timestamp, headers) in enumerate(records):
        assert builder.append(index, timestamp=timestamp, key=key, value=value, headers=headers)
    return bytes(builder.build())


def sample(count: int, seed: int = 7) -> list[tuple[Any, ...]]:
    draw = random.Random(seed)
    return [
        (
            None if index % 7 == 3 else b"key-%d" % draw.randrange(100),
            None if index % 11 == 5 else draw.randbytes(draw.choice((0, 1, 63, 64, 100, 9000))),
            TIME + draw.randrange(-20_000, 20_000),
            [("trace", b"x" * (index % 3)), ("trace", None), ("ü", b"")][: index % 4],
        )
        for index in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 1000])
def test_an_uncompressed_batch_is_aiokafkas_byte_for_byte(protocol: SimpleNamespace, count: int) -> None:
    records = sample(count)

    assert protocol.record_batch.encode(*columns(records)) == aiokafka_batch(records)


def test_producer_fields_are_aiokafkas_byte_for_byte(protocol: SimpleNamespace) -> None:
    records = sample(5)
    ids = {"producer_id": 2**40, "producer_epoch": 7, "base_sequence": 2**31 - 1}

    ours = protocol.record_batch.encode(*columns(records), transactional=True, **ids)

    assert ours == aiokafka_batch(records, is_transactional=1, **ids)


@pytest.mark.parametrize("codec", list(Compression))
def test_aiokafka_reads_ours_and_we_read_aiokafkas(protocol: SimpleNamespace, codec: Compression) -> None:
    records = sample(300)

    theirs = protocol.record_batch.decode(aiokafka_batch(records, codec))
    ours = DefaultRecordBatch(protocol.record_batch.encode(*columns(records), compression=codec))

    assert ours.validate_crc()
    assert [(r.key, r.value, r.timestamp, r.headers) for r in ours] == records
    assert (
        list(zip(theirs.keys, theirs.values, theirs.timestamps, map(list, theirs.headers), strict=True))
        == records
    )
    assert list(theirs.offsets) == list(range(300))


@settings(max_examples=120, deadline=None)
@given(records=st.lists(record, max_size=70), codec=st.sampled_from(Compression), base=st.integers(0, 2**62))
def test_what_goes_in_comes_out(
    protocol: SimpleNamespace, records: list[tuple[Any, ...]], codec: Compression, base: int
) -> None:
    data = protocol.record_batch.encode(*columns(records), compression=codec, base_offset=base)

    for buffer in (data, bytearray(data), memoryview(data)):
        found = protocol.record_batch.decode(buffer)
        keys, values, timestamps, headers = columns(records)
        assert (found.keys, found.values, found.timestamps) == (keys, values, timestamps)
        assert list(found.offsets) == list(range(base, base + len(records)))
        assert len(found) == len(records)
        if any(headers):
            assert [list(h) for h in found.headers] == headers
        else:
            assert found.headers is None


@given(records=st.lists(record, min_size=1, max_size=70), codec=st.sampled_from(Compression))
def test_record_by_record_makes_the_same_batch_as_all_at_once(
    protocol: SimpleNamespace, records: list[tuple[Any, ...]], codec: Compression
) -> None:
    named = {
        "compression": codec,
        "producer_id": 5,
        "producer_epoch": 1,
        "base_sequence": 9,
        "transactional": True,
    }
    expected = protocol.record_batch.encode(*columns(records), **named)
    writer = protocol.record_batch.RecordWriter()
    taken = []
    for _ in range(2):  # what is written next must not show in what was taken
        for key, value, timestamp, headers in records:
            writer.append(key, value, timestamp, headers)
        taken.append(writer.take())

    assert [b"".join(one.framed(**named)) for one in taken] == [expected, expected]
    with pytest.raises(Misuse):  # and leaves nothing behind
        writer.append_columns([b"k", "text"], [b"v", b"v"], [0, 0], None)
    writer.append_columns(*columns(records))
    assert b"".join(writer.take().framed(**named)) == expected


@pytest.mark.parametrize(
    ("timestamp", "headers"),
    [(-2, ()), (2**62 - 1, ()), (2**63 - 1, ()), (2**70, ()), (0, [("h", "text")]), (0, [("\ud800", b"")])],
)
def test_a_record_that_cannot_be_leaves_the_others(
    protocol: SimpleNamespace, timestamp: int, headers: Any
) -> None:
    writer = protocol.record_batch.RecordWriter()
    writer.append(b"k", b"1", 7, ())
    with pytest.raises(Misuse):
        writer.append(b"k", b"2", timestamp, headers)
    writer.append(b"k", b"3", 8, ())

    assert b"".join(writer.take().framed()) == protocol.record_batch.encode(
        [b"k", b"k"], [b"1", b"3"], [7, 8]
    )


def test_the_header_tells_what_the_batch_holds(protocol: SimpleNamespace) -> None:
    data = protocol.record_batch.encode(
        [b"k"] * 3,
        [b"v"] * 3,
        [TIME + 5, TIME + 9, TIME],
        compression=Compression.ZSTD,
        base_offset=40,
        producer_id=9,
        producer_epoch=2,
        base_sequence=11,
        transactional=True,
    )

    found = protocol.record_batch.read_header(data)

    assert (found.base_offset, found.last_offset, found.next_offset, found.record_count) == (40, 42, 43, 3)
    assert (found.base_timestamp, found.max_timestamp) == (TIME + 5, TIME + 9)
    assert (found.producer_id, found.producer_epoch, found.base_sequence) == (9, 2, 11)
    assert (found.size_bytes, found.magic, found.leader_epoch) == (len(data), 2, -1)
    assert found.compression is Compression.ZSTD
    assert found.is_transactional
    assert not found.is_control
    assert found.timestamp_type == 0
    assert found.delete_horizon_ms is None
    assert "offsets 40..42" in repr(found)
    assert "offsets 40..42" in repr(protocol.record_batch.decode(data))


def test_a_batch_may_be_empty(protocol: SimpleNamespace) -> None:
    data = protocol.record_batch.encode(
        [], [], [], base_offset=10, last_offset_delta=4, producer_id=3, base_sequence=8
    )

    found = protocol.record_batch.read_header(data)
    assert (len(data), found.record_count, found.last_offset, found.max_timestamp) == (61, 0, 14, -1)
    assert len(protocol.record_batch.decode(data)) == 0
    assert list(DefaultRecordBatch(data)) == []


def test_a_batch_keeps_the_gaps_that_compaction_left(protocol: SimpleNamespace) -> None:
    data = protocol.record_batch.encode(
        [b"a", b"b"],
        [b"1", None],
        [5, 6],
        base_offset=100,
        offset_deltas=[2, 70],
        last_offset_delta=99,
        delete_horizon_ms=3,
        leader_epoch=0,
    )

    found = protocol.record_batch.decode(data)
    assert list(found.offsets) == [102, 170]
    assert found.timestamps == [5, 6]
    head = protocol.record_batch.read_header(data)
    assert (head.last_offset, head.delete_horizon_ms, head.leader_epoch) == (199, 3, 0)
    assert [r.offset for r in DefaultRecordBatch(data)] == [102, 170]


def test_split_finds_every_whole_batch_and_leaves_the_torn_one(protocol: SimpleNamespace) -> None:
    batches = [protocol.record_batch.encode([b"k"], [b"v" * n], [TIME], base_offset=n) for n in (1, 50, 300)]
    data = b"".join(batches)

    for size in range(len(data) + 1):
        whole = [n for n in range(4) if sum(map(len, batches[:n])) <= size][-1]
        found = protocol.record_batch.split(data[:size])
        assert [head.base_offset for _, head in found] == [1, 50, 300][:whole]
    assert [position for position, _ in protocol.record_batch.split(data, len(batches[0]))] == [
        len(batches[0]),
        len(batches[0]) + len(batches[1]),
    ]


def test_split_names_the_position_of_a_bad_batch(protocol: SimpleNamespace) -> None:
    good = protocol.record_batch.encode([b"k"], [b"v"], [TIME])
    bad = bytearray(good)
    bad[-3] ^= 1

    with pytest.raises(CorruptBatch, match="checksum") as caught:
        protocol.record_batch.split(good + bad)

    assert caught.value.position == len(good)
    assert len(protocol.record_batch.split(good + bad, check=False)) == 2


def test_offsets_are_assigned_in_place_under_the_same_checksum(protocol: SimpleNamespace) -> None:
    first = protocol.record_batch.encode([b"k"], [b"v"], [TIME])
    buffer = bytearray(first + protocol.record_batch.encode([b"a", b"b"], [b"1", b"2"], [1, 2]))

    protocol.record_batch.assign(buffer, len(first), 1_000, 4)

    head = protocol.record_batch.read_header(buffer, len(first))
    assert (head.base_offset, head.leader_epoch) == (1_000, 4)
    assert protocol.record_batch.check_crc(buffer, len(first), head)
    assert protocol.record_batch.decode(buffer, len(first)).offsets == range(1_000, 1_002)
    assert buffer[: len(first)] == first


def test_append_time_replaces_every_timestamp(protocol: SimpleNamespace) -> None:
    buffer = bytearray(protocol.record_batch.encode([b"k"] * 2, [b"v"] * 2, [1, 2]))

    protocol.record_batch.set_append_time(buffer, 0, TIME)

    found = protocol.record_batch.decode(buffer)
    assert found.timestamps == [TIME, TIME]
    assert protocol.record_batch.read_header(buffer).timestamp_type == 1
    assert [(r.timestamp, r.timestamp_type) for r in DefaultRecordBatch(bytes(buffer))] == [(TIME, 1)] * 2
    assert bytes(buffer[:61][35:43]) == TIME.to_bytes(8, "big")
    with pytest.raises(CorruptBatch, match="bytes long"):
        protocol.record_batch.set_append_time(buffer[:-1], 0, TIME)


def test_a_log_may_write_append_time_itself(protocol: SimpleNamespace) -> None:
    data = protocol.record_batch.encode([None], [b"v"], [5], append_time_ms=TIME)

    assert protocol.record_batch.decode(data).timestamps == [TIME]


def case(*columns: Any, **named: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return columns, named


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (case([b"k"], [b"v", b"w"], [1, 2]), "different lengths: 1 keys, 2 values, 2 timestamps"),
        (case([None], [b"v"], [1], [[], []]), "2 headers"),
        (case(["k"], [b"v"], [1]), "key of record 0 is str; allowed: bytes or None"),
        (case([None, None], [b"v", bytearray(b"w")], [1, 1]), "value of record 1 is bytearray"),
        (case([None], [b"v"], [-2]), "timestamp"),
        (case([None], [b"v"], [2**63]), "timestamp"),
        (case([None, None], [b"v", b"v"], [1, 2**62]), "timestamp"),
        (case([None, None], [b"v", b"v"], [1, 2**64]), "timestamp"),
        (case([None, None], [b"v", b"v"], [1, "2"]), "timestamp"),
        (case([None, None], [b"v", b"v"], [1, 2.5]), "timestamp"),
        (case([None], [b"v"], [None]), "timestamp"),
        (case([None], [b"v"], ["1"]), "timestamp"),
        (case([None], [b"v"], [1], [None]), "headers of record 0 are NoneType; allowed: a sequence of pairs"),
        (case([None], [b"v"], [1], [{"a": b"b"}]), "headers of record 0 are dict"),
        (case([None], [b"v"], [1], [[("a", "b")]]), r"header \('a', 'b'\) of record 0"),
        (case([None], [b"v"], [1], [[(b"a", b"b")]]), "header"),
        (case([None], [b"v"], [1], [[("a",)]]), "header"),
        (case([None], [b"v"], [1], [[("\ud800", b"")]]), "encodes as UTF-8"),
        (case([None], [b"v"], [1], offset_deltas=[]), "0 offset deltas for 1 records"),
        (case([None] * 2, [b"v"] * 2, [1] * 2, offset_deltas=[3, 3]), "ascend"),
        (case([None] * 2, [b"v"] * 2, [1] * 2, last_offset_delta=0), "offset delta 0"),
        (case([None] * 2, [b"v"] * 2, [1] * 2, offset_deltas=[3, 9], last_offset_delta=5), "offset delta"),
        (case([None], [b"v"], [1], base_offset=-1), "base offset -1"),
        (case([None], [b"v"], [1], delete_horizon_ms=-9), "base timestamp -9"),
        (case([None], [b"v"], [1], producer_id=2**63), "producer"),
        (case([None], [b"v"], [1], compression=Compression.GZIP, level=99), "level 99"),
    ],
)
def test_misuse_is_named(protocol: SimpleNamespace, arguments: tuple[Any, Any], message: str) -> None:
    given_columns, named = arguments

    with pytest.raises(Misuse, match=message):
        protocol.record_batch.encode(*given_columns, **named)
