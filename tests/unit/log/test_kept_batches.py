"""Owns: batches framed in this process end up in the log as the same bytes in a request would."""

from __future__ import annotations

import pytest

from streamz_core.log import errors
from streamz_core.model import Durability
from streamz_core.protocol.record_batch import EncodedBatches, RecordWriter, split

OS = Durability.OS


def framed(*groups, **fields):
    """One batch for each group of (key, value)."""
    made = []
    sequence = fields.pop("base_sequence", -1)
    for group in groups:
        writer = RecordWriter()
        for index, (key, value) in enumerate(group):
            writer.append(key, value, 1_000 + index, None)
        made.append(writer.take().framed(base_sequence=sequence, **fields))
        sequence += len(group) if sequence >= 0 else 0
    return EncodedBatches(made)


def content(log):
    return bytes(log.read(0, 1 << 20, up_to=log.log_end_offset))


@pytest.mark.parametrize(
    "configs",
    [
        {},
        {"compression_type": "gzip"},
        {"message_timestamp_type": "LogAppendTime"},
        {"cleanup_policy": "compact"},
    ],
    ids=lambda configs: next(iter(configs.values()), "as it comes"),
)
def test_the_log_has_the_bytes_it_would_have_of_joined_batches(topic, configs):
    directory = topic(partitions=2, **configs)
    groups = [[(b"k", b"v"), (b"l", None)], [(b"m", b"w" * 100)]]
    for _ in range(2):
        encoded = directory.partition("t", 0).append(framed(*groups), level=OS, now_ms=5_000)
        joined = directory.partition("t", 1).append(bytes(framed(*groups).joined()), level=OS, now_ms=5_000)
        assert encoded == joined

    found = content(directory.partition("t", 0))
    assert found == content(directory.partition("t", 1))
    assert [header.base_offset for _, header in split(found)] == [0, 2, 3, 5]


def test_it_is_there_after_a_crash(topic, records):
    log = topic().partition("t", 0)
    log.append(framed([(None, b"a")], [(None, b"b")]), level=OS, now_ms=0)
    log.sync()

    assert [value for _, _, value in records(topic(crash=True).partition("t", 0))] == [b"a", b"b"]


def test_a_repeated_request_is_a_duplicate(topic, records):
    log = topic().partition("t", 0)
    batches = framed([(None, b"a")], [(None, b"b")], producer_id=7, producer_epoch=0, base_sequence=0)

    first = log.append(batches, level=OS, now_ms=0)
    again = log.append(batches, level=OS, now_ms=0)

    assert (again.base_offset, again.last_offset, again.duplicate) == (*first[:2], True)
    assert [value for _, _, value in records(log)] == [b"a", b"b"]


def test_batches_that_were_not_written_are_taken_when_they_come_again(topic, records, monkeypatch):
    log = topic().partition("t", 0)
    log.append(framed([(None, b"a")]), level=OS, now_ms=0)
    batches = framed([(None, b"b")], [(None, b"c")])
    file_type = type(log._segments.active.file())
    write = file_type.write_at

    def short(self, position, data):
        write(self, position, b"".join(data)[:70])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_type, "write_at", short)
    with pytest.raises(errors.StorageFailure, match="free disk space"):
        log.append(batches, level=OS, now_ms=0)
    monkeypatch.undo()
    log.append(framed([(None, b"x")]), level=OS, now_ms=0)

    assert log.append(batches, level=OS, now_ms=0).base_offset == 2
    assert [value for _, _, value in records(log)] == [b"a", b"x", b"b", b"c"]


@pytest.mark.parametrize(
    ("configs", "refused"),
    [
        ({"max_message_bytes": 64}, errors.RecordTooLarge),
        ({"cleanup_policy": "compact"}, errors.InvalidRecords),
        ({"message_timestamp_before_max_ms": 1}, errors.InvalidRecords),
    ],
)
def test_what_the_topic_does_not_take_is_refused_all_the_same(topic, configs, refused):
    log = topic(**configs).partition("t", 0)
    with pytest.raises(refused):
        log.append(framed([(None, b"value")]), level=OS, now_ms=1_000_000)
    assert log.log_end_offset == 0


def test_no_batches_at_all_are_refused(topic):
    with pytest.raises(errors.InvalidRecords, match="0 batches"):
        topic().partition("t", 0).append(EncodedBatches([]), level=OS, now_ms=0)
