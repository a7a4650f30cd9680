"""Owns: what one partition does with appends and reads, one behaviour a test."""

from __future__ import annotations

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.log import errors
from streamz_core.model import Durability
from streamz_core.protocol.compression import Compression
from streamz_core.protocol.record_batch import decode, encode, read_header, split

SYNC, OS = Durability.SYNC, Durability.OS


@pytest.fixture(name="log")
def _log(topic):
    return topic().partition("t", 0)


def append(log, data, level=OS, now_ms=5_000):
    return log.append(data, level=level, now_ms=now_ms)


def test_offsets_follow_each_other_over_batches_of_one_append(log, batch, records):
    first = append(log, batch("a", "b"))
    second = append(log, batch("c") + batch("d", "e"))

    assert (first.base_offset, first.last_offset) == (0, 1)
    assert (second.base_offset, second.last_offset) == (2, 4)
    assert [value for _, _, value in records(log)] == [b"a", b"b", b"c", b"d", b"e"]


def test_what_is_read_is_what_was_appended_but_for_the_offset(log, batch):
    data = batch("a", "b")
    append(log, batch("x"))
    append(log, data)

    read = log.read(1, 1000, up_to=3)

    assert bytes(read[8:12]) == data[8:12]
    assert bytes(read[16:]) == data[16:]
    assert read_header(read).base_offset == 1


@pytest.mark.parametrize("time", ["CreateTime", "LogAppendTime"])
def test_a_buffer_that_is_sent_again_is_a_second_append_like_the_first(topic, batch, records, time):
    log = topic(message_timestamp_type=time).partition("t", 0)
    buffer = bytearray(batch("a", "b"))

    first = append(log, buffer)
    second = append(log, buffer)

    assert (first.base_offset, second.base_offset) == (0, 2)
    assert [(offset, value) for offset, _, value in records(log)] == [
        (0, b"a"), (1, b"b"), (2, b"a"), (3, b"b")
    ]  # fmt: skip
    assert buffer[21:] == batch("a", "b")[21:]  # all that the checksum covers


def test_a_batch_larger_than_the_limit_comes_alone_and_whole(log, batch):
    append(log, batch("a" * 50_000))
    append(log, batch("b"))

    assert len(split(log.read(0, 10, up_to=2))) == 1
    assert log.read(0, 10, up_to=0) == b""


def test_a_read_stops_at_the_batch_that_passes_the_end(log, batch):
    append(log, batch("a"))
    append(log, batch("b", "c"))

    assert [header.base_offset for _, header in split(log.read(0, 10_000, up_to=2))] == [0]


def test_offsets_outside_the_log_are_refused(log, batch):
    append(log, batch("a"))

    with pytest.raises(errors.OffsetOutOfRange) as caught:
        log.read(2, 100, up_to=2)

    assert (caught.value.start, caught.value.end, caught.value.code) == (0, 1, ErrorCode.OFFSET_OUT_OF_RANGE)
    assert log.read(1, 100, up_to=1) == b""


def test_sync_appends_are_hidden_until_they_are_durable(log, batch):
    append(log, batch("a"))
    append(log, batch("b"), SYNC)
    append(log, batch("c"))
    assert (log.high_watermark, log.durable_offset, log.log_end_offset) == (1, 0, 3)

    ticket = log.prepare_sync()
    append(log, batch("d"), SYNC)
    ticket.run()
    log.complete_sync(ticket)

    assert (log.high_watermark, log.durable_offset, log.log_end_offset) == (3, 3, 4)


def test_a_failed_sync_stops_appends_and_keeps_what_was_visible(log, batch, records):
    append(log, batch("a"), SYNC)
    log.sync()
    append(log, batch("b"), SYNC)

    log.fail_sync(log.prepare_sync(), OSError(5, "Input/output error"))

    with pytest.raises(errors.StorageFailure, match="takes no appends") as caught:
        append(log, batch("c"))
    assert caught.value.poisoned
    assert log.durable_offset == 1
    assert [value for _, _, value in records(log)] == [b"a"]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda data: data[:-1], ErrorCode.CORRUPT_MESSAGE),
        (lambda data: data + b"x", ErrorCode.CORRUPT_MESSAGE),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), ErrorCode.CORRUPT_MESSAGE),
        (lambda data: data[:16] + b"\1" + data[17:], ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT),
        (lambda data: b"", ErrorCode.CORRUPT_MESSAGE),
    ],
)
def test_bytes_that_are_no_batch_are_refused(log, batch, spoil, code):
    with pytest.raises(errors.InvalidRecords) as caught:
        append(log, spoil(batch("a")))

    assert caught.value.code is code
    assert log.log_end_offset == 0


def test_control_batches_come_from_append_marker_only(log):
    with pytest.raises(errors.InvalidRecords, match="coordinator"):
        append(log, encode([b"\0\0\0\1"], [b""], [1], producer_id=1, producer_epoch=0, control=True))


def test_a_batch_over_the_topics_limit_is_refused_by_name(topic, batch):
    log = topic(max_message_bytes=100).partition("t", 0)

    with pytest.raises(errors.RecordTooLarge, match=r"max\.message\.bytes=100"):
        append(log, batch("a" * 100))


def test_a_compacted_topic_needs_keys(topic, batch):
    log = topic(cleanup_policy="compact").partition("t", 0)

    with pytest.raises(errors.InvalidRecords, match="no key"):
        append(log, batch("a"))


def test_log_append_time_replaces_the_producers(topic, batch):
    log = topic(message_timestamp_type="LogAppendTime").partition("t", 0)

    appended = append(log, batch("a", "b"), now_ms=77)

    assert appended.log_append_time_ms == 77
    assert decode(log.read(0, 1000, up_to=2)).timestamps == [77, 77]
    assert log.max_timestamp() == (0, 77)


def test_a_resent_batch_gets_the_answer_of_the_first(log, batch):
    producer = {"producer_id": 7, "producer_epoch": 0}
    for sequence in range(6):
        append(log, batch("a", base_sequence=sequence, **producer))

    again = append(log, batch("a", base_sequence=3, **producer))

    assert (again.base_offset, again.duplicate, log.log_end_offset) == (3, True, 6)
    with pytest.raises(errors.OutOfOrderSequence):
        append(log, batch("a", base_sequence=0, **producer))  # only five are remembered


def test_a_gap_in_the_sequence_is_refused(log, batch):
    with pytest.raises(errors.OutOfOrderSequence, match="0 follows"):
        append(log, batch("a", producer_id=7, producer_epoch=0, base_sequence=3))
    append(log, batch("a", producer_id=7, producer_epoch=0, base_sequence=0))
    with pytest.raises(errors.OutOfOrderSequence, match="1 follows"):
        append(log, batch("a", producer_id=7, producer_epoch=0, base_sequence=2))


def test_sequences_wrap_to_zero(log, batch):
    last = 0x7FFFFFFF
    log.append(batch("a", producer_id=7, producer_epoch=0, base_sequence=0), level=OS, now_ms=0)
    log._producers.producer(7).batches[-1] = (
        log._producers.producer(7).batches[-1]._replace(last_sequence=last)
    )

    assert append(log, batch("b", producer_id=7, producer_epoch=0, base_sequence=0)).base_offset == 1


def test_an_older_epoch_is_fenced(log, batch):
    append(log, batch("a", producer_id=7, producer_epoch=1, base_sequence=0))

    with pytest.raises(errors.ProducerFenced):
        append(log, batch("a", producer_id=7, producer_epoch=0, base_sequence=0))
    with pytest.raises(errors.ProducerFenced):
        log.append_marker(7, 0, True, level=OS, now_ms=0)
    with pytest.raises(errors.OutOfOrderSequence):
        append(log, batch("a", producer_id=7, producer_epoch=2, base_sequence=5))


def test_an_open_transaction_holds_the_last_stable_offset(log, batch):
    append(log, batch("a"))
    append(log, batch("b", producer_id=7, producer_epoch=0, base_sequence=0, transactional=True))
    append(log, batch("c"))
    assert (log.last_stable_offset, log.open_producers()) == (1, {7: (0, 1)})

    log.append_marker(7, 0, False, level=OS, now_ms=0)

    assert (log.last_stable_offset, log.open_producers()) == (4, {})
    assert log.aborted_transactions(0, 4) == [(7, 1, 3)]
    assert log.aborted_transactions(0, 1) == []


def test_a_marker_that_is_not_durable_keeps_its_transaction_unstable(log, batch):
    append(log, batch("a", producer_id=7, producer_epoch=0, base_sequence=0, transactional=True))
    append(log, batch("b"))
    log.append_marker(7, 0, True, level=SYNC, now_ms=0)
    assert (log.high_watermark, log.last_stable_offset) == (2, 0)

    log.sync()

    assert log.last_stable_offset == 3


def test_a_transaction_is_not_written_to_from_outside(log, batch):
    append(log, batch("a", producer_id=7, producer_epoch=0, base_sequence=0, transactional=True))

    with pytest.raises(errors.InvalidTxnState):
        append(log, batch("b", producer_id=7, producer_epoch=0, base_sequence=1))


def test_offsets_are_found_by_time_across_segments(topic, batch):
    log = topic(segment_bytes=300, index_interval_bytes=0).partition("t", 0)
    for number in range(12):
        append(log, batch("a", "b", timestamp=1000 + 10 * number))

    assert len(log._segments) > 2
    assert log.offset_for_timestamp(0) == (0, 1000)
    assert log.offset_for_timestamp(1031) == (7, 1031)
    assert log.offset_for_timestamp(1032) == (8, 1040)
    assert log.offset_for_timestamp(5000) is None
    assert log.max_timestamp() == (23, 1111)


def test_deleted_records_are_gone_for_good(topic, batch, records):
    log = topic(segment_bytes=200).partition("t", 0)
    for number in range(8):
        append(log, batch(str(number)), SYNC)
    log.sync()

    log.delete_records_before(5)
    log = topic(crash=True).partition("t", 0)

    assert (log.log_start_offset, log.log_end_offset) == (5, 8)
    assert [offset for offset, _, _ in records(log)] == [5, 6, 7]
    with pytest.raises(errors.OffsetOutOfRange):
        log.read(4, 100, up_to=8)
    with pytest.raises(errors.OffsetOutOfRange):
        log.delete_records_before(9)


def test_retention_by_time_leaves_an_empty_log_where_it_was(topic, batch):
    log = topic(segment_bytes=200, retention_ms=1000).partition("t", 0)
    for number in range(6):
        append(log, batch("x"), now_ms=number)
    log.sync()

    assert log.apply_retention(now_ms=1000) == 0
    assert log.apply_retention(now_ms=2000) > 1

    assert (log.log_start_offset, log.log_end_offset, log.size_bytes) == (6, 6, 0)
    assert append(log, batch("y")).base_offset == 6
    assert topic(crash=True).partition("t", 0).log_end_offset == 7


def test_retention_by_size_keeps_the_newest(topic, batch, records):
    log = topic(segment_bytes=200, retention_bytes=400).partition("t", 0)
    for number in range(12):
        append(log, batch(str(number)))
    log.sync()

    log.apply_retention(now_ms=0)

    assert 200 < log.size_bytes <= 600
    assert [offset for offset, _, _ in records(log)] == list(range(log.log_start_offset, 12))


def test_retention_spares_what_an_open_transaction_needs(topic, batch):
    log = topic(segment_bytes=100, retention_ms=1).partition("t", 0)
    append(log, batch("a", producer_id=7, producer_epoch=0, base_sequence=0, transactional=True))
    append(log, batch("b" * 100))
    log.sync()

    log.apply_retention(now_ms=100_000)

    assert log.log_start_offset == 0


def test_segments_roll_by_age_and_by_index_size(topic, batch):
    log = topic(segment_ms=10).partition("t", 0)
    append(log, batch("a"), now_ms=0)
    append(log, batch("b"), now_ms=10)
    append(log, batch("c"), now_ms=11)

    assert [segment.base_offset for segment in log._segments] == [0, 2]


@pytest.mark.parametrize("codec", [Compression.NONE, Compression.GZIP, Compression.ZSTD])
def test_a_topic_may_keep_one_codec(topic, batch, records, codec):
    log = topic(compression_type="zstd").partition("t", 0)
    data = batch("a" * 100, None, compression=codec, producer_id=7, producer_epoch=0, base_sequence=0)

    append(log, batch("x") + batch("y", compression=Compression.LZ4))
    append(log, data)

    headers = [header for _, header in split(log.read(0, 10_000, up_to=4))]
    assert {header.compression for header in headers} == {Compression.ZSTD}
    assert [value for _, _, value in records(log)] == [b"x", b"y", b"a" * 100, None]
    assert append(log, data).duplicate
