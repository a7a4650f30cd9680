"""Owns: what opening makes of what it finds: caches gone or wrong, tails torn, data rotten."""

from __future__ import annotations

import random

import msgspec
import pytest

from streamz_core.log import errors, partition_metadata
from streamz_core.log.check import Severity, check
from streamz_core.model import Durability

SYNC, OS = Durability.SYNC, Durability.OS
PRODUCER = {"producer_id": 7, "producer_epoch": 0}


@pytest.fixture(name="filled")
def _filled(topic, batch):
    """A partition of several segments with producers, aborted transactions and an unsynced tail."""
    directory = topic(segment_bytes=400, index_interval_bytes=0)
    log = directory.partition("t", 0)
    for number in range(8):
        log.append(
            batch("a", "b", timestamp=number, base_sequence=2 * number, **PRODUCER), level=SYNC, now_ms=number
        )
        pid = 100 + number
        txn = {"producer_id": pid, "producer_epoch": 0, "base_sequence": 0, "transactional": True}
        log.append(batch("t", timestamp=number, **txn), level=OS, now_ms=number)
        log.append_marker(pid, 0, number % 2 == 0, level=OS, now_ms=number)
    txn = {"producer_id": 99, "producer_epoch": 0, "base_sequence": 0, "transactional": True}
    log.append(batch("open", timestamp=50, **txn), level=OS, now_ms=50)
    log.sync()
    return directory


def state(log, records):
    return (
        log.failure,
        log.log_start_offset,
        log.log_end_offset,
        log.last_stable_offset,
        log.open_producers(),
        log.aborted_transactions(0, log.log_end_offset),
        [log.offset_for_timestamp(time) for time in range(-1, 60, 7)],
        log.max_timestamp(),
        records(log),
        {pid: log._producers.producer(pid).batches for pid in (7, 99, 100, 107)},
    )


def caches(files, path):
    root = f"{path}/log/t-0"
    keep = (".log", ".metadata")
    return [f"{root}/{name}" for name in files.listdir(root) if not name.endswith(keep)]


def overwrite(files, path, data):
    file = files.open(path)
    file.truncate(0)
    file.write_at(0, data)
    file.close()


def read(files, path):
    file = files.open(path)
    try:
        return file.read_at(0, file.size())
    finally:
        file.close()


@pytest.mark.parametrize("ending", ["close", "crash"])
def test_a_log_comes_back_as_it_was(filled, topic, records, ending):
    before = state(filled.partition("t", 0), records)
    if ending == "close":
        filled.close()

    again = topic(crash=True)

    assert state(again.partition("t", 0), records) == before
    assert again.partition("t", 0).durable_offset == again.partition("t", 0).log_end_offset


@pytest.mark.parametrize("ending", ["close", "crash"])
@pytest.mark.parametrize("spoil", ["delete", "scramble", "cut", "zero", "swap"])
def test_caches_may_be_missing_or_wrong(filled, topic, records, files, path, ending, spoil):
    before = state(filled.partition("t", 0), records)
    filled.close() if ending == "close" else filled.abandon()
    names = caches(files, path)
    assert len(names) > 12
    dice = random.Random(7)

    for name in names:
        data = read(files, name)
        if spoil == "delete":
            files.unlink(name)
        elif spoil == "scramble":
            overwrite(files, name, dice.randbytes(len(data)))
        elif spoil == "cut":
            overwrite(files, name, data[: len(data) // 2])
        elif spoil == "zero":
            overwrite(files, name, bytes(len(data)))
        else:
            other = dice.choice([one for one in names if one.rpartition(".")[2] == name.rpartition(".")[2]])
            overwrite(files, name, read(files, other))
    log = topic(crash=True).partition("t", 0)

    assert state(log, records) == before
    log.sync()
    log._directory.open_files.close()
    assert {one.severity for one in check(files, path)} <= {Severity.CACHE}


@pytest.mark.parametrize("ending", ["close", "crash"])
def test_each_cache_alone_may_be_missing_or_wrong(filled, topic, records, files, path, ending):
    before = state(filled.partition("t", 0), records)
    filled.close() if ending == "close" else filled.abandon()
    dice = random.Random(8)

    for name in caches(files, path):
        if not files.exists(name):
            continue  # an older snapshot, dropped meanwhile
        data = bytearray(read(files, name))
        if data:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            overwrite(files, name, bytes(data))
            directory = topic(crash=True)
            assert state(directory.partition("t", 0), records) == before, name
            directory.abandon()
        if files.exists(name):
            files.unlink(name)
        directory = topic(crash=True)
        assert state(directory.partition("t", 0), records) == before, name
        directory.abandon()


def test_a_torn_tail_is_cut_at_every_byte(topic, batch, records, files, path):
    directory = topic()
    log = directory.partition("t", 0)
    log.append(batch("kept"), level=SYNC, now_ms=0)
    log.sync()
    whole = log.size_bytes
    log.append(batch("torn", **PRODUCER, base_sequence=0), level=OS, now_ms=0)
    directory.abandon()
    name = f"{path}/log/t-0/00000000000000000000.log"
    full = read(files, name)

    for size in range(whole, len(full)):
        overwrite(files, name, full[:size])
        log = topic(crash=True).partition("t", 0)
        assert [value for _, _, value in records(log)] == [b"kept"]
        assert log.truncated_bytes == size - whole
        assert log.append(batch("next"), level=OS, now_ms=0).base_offset == 1
        topic(crash=True).abandon()
        overwrite(files, f"{path}/log/t-0/recovery-point", b"")


def test_rot_before_the_recovery_point_stops_the_partition_and_changes_nothing(topic, batch, files, path):
    directory = topic(partitions=2)
    for index in (0, 1):
        log = directory.partition("t", index)
        for _ in range(5):
            log.append(batch("x" * 50), level=SYNC, now_ms=0)
        log.sync()
    directory.abandon()
    name = f"{path}/log/t-0/00000000000000000000.log"
    data = bytearray(read(files, name))
    data[len(data) // 2] ^= 1
    overwrite(files, name, bytes(data))

    directory = topic(crash=True)
    log = directory.partition("t", 0)

    assert isinstance(log.failure, errors.CorruptRecord)
    assert (log.failure.start, log.failure.stop) == (2, 5)
    with pytest.raises(errors.CorruptRecord, match="offsets 2 to 4"):
        log.read(0, 100, up_to=1)
    with pytest.raises(errors.CorruptRecord):
        log.append(batch("y"), level=OS, now_ms=0)
    assert directory.partition("t", 1).append(batch("y"), level=OS, now_ms=0).base_offset == 5
    directory.close()
    assert read(files, name) == bytes(data)


def test_another_partitions_file_is_not_cut_as_a_torn_tail(topic, batch, files, path):
    directory = topic(partitions=2)
    for index, count in ((0, 3), (1, 5)):
        log = directory.partition("t", index)
        for _ in range(count):
            log.append(batch("x" * (20 + index)), level=SYNC, now_ms=0)
    directory.close()
    name = f"{path}/log/t-{{}}/00000000000000000000.log"
    other = read(files, name.format(1))
    overwrite(files, name.format(0), other)  # a file put back in the wrong place

    log = topic(crash=True).partition("t", 0)

    assert isinstance(log.failure, errors.CorruptRecord)
    assert read(files, name.format(0)) == other


def test_rot_found_by_a_read_names_the_offsets(topic, batch, files, path):
    directory = topic(segment_bytes=200, index_interval_bytes=0)
    log = directory.partition("t", 0)
    for number in range(8):
        log.append(batch(str(number)), level=SYNC, now_ms=0)
    directory.close()
    name = f"{path}/log/t-0/00000000000000000000.log"
    data = read(files, name)

    for position in range(len(data)):
        spoiled = bytearray(data)
        spoiled[position] ^= 0x10
        overwrite(files, name, bytes(spoiled))
        log = topic(crash=True).partition("t", 0)
        assert log.failure is None
        with pytest.raises(errors.CorruptRecord) as caught:
            [log.read(offset, 1, up_to=8) for offset in range(3)]
        assert 0 <= caught.value.start < caught.value.stop <= 3
        assert log.read(4, 1, up_to=8)
        topic(crash=True).abandon()


def test_a_missing_segment_is_rot(filled, topic, files, path):
    filled.close()
    names = [one for one in files.listdir(f"{path}/log/t-0") if one.endswith(".log")]

    files.unlink(f"{path}/log/t-0/{names[1]}")

    assert isinstance(topic(crash=True).partition("t", 0).failure, errors.PartitionFailed)
    assert Severity.DAMAGE in {one.severity for one in check(files, path)}


def test_a_failed_append_leaves_nothing(topic, batch, records, monkeypatch):
    log = topic().partition("t", 0)
    log.append(batch("a"), level=OS, now_ms=0)
    file_type = type(log._segments.active.file())
    write = file_type.write_at

    def short(self, position, data):
        write(self, position, b"".join(data)[:20] if isinstance(data, list) else bytes(data)[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_type, "write_at", short)
    with pytest.raises(errors.StorageFailure, match="free disk space") as caught:
        log.append(batch("b"), level=OS, now_ms=0)
    monkeypatch.undo()

    assert caught.value.errno == 28
    assert log._segments.active.file().size() == log.size_bytes
    assert log.append(batch("c"), level=OS, now_ms=0).base_offset == 1
    assert [value for _, _, value in records(log)] == [b"a", b"c"]


TRANSACTIONAL = {**PRODUCER, "transactional": True}


def test_a_transaction_that_goes_on_is_as_old_as_its_removed_records(topic, batch):
    directory = topic(segment_bytes=150)
    log = directory.partition("t", 0)
    log.append(batch("a", "b" * 90, base_sequence=0, **TRANSACTIONAL), level=OS, now_ms=0)
    log.delete_records_before(2)
    log.append(batch("other"), level=OS, now_ms=0)
    log.append(batch("c", base_sequence=2, **TRANSACTIONAL), level=OS, now_ms=0)
    before = (log.open_producers(), log.last_stable_offset)
    assert before == ({7: (0, 0)}, 2)

    again = topic(crash=True).partition("t", 0)

    assert (again.open_producers(), again.last_stable_offset) == before
    assert again.next_sequence(7, 0) == 3


def test_a_transaction_whose_end_was_compacted_away_stays_ended(topic, batch, files, path):
    directory = topic(segment_bytes=150, cleanup_policy="compact", delete_retention_ms=10)
    log = directory.partition("t", 0)
    log.append(batch("a" * 90, keys=["a"], base_sequence=0, **TRANSACTIONAL), level=OS, now_ms=0)
    log.append(batch("b" * 90, keys=["b"]), level=OS, now_ms=0)
    log.delete_records_before(1)  # notes that the transaction is open
    log.append_marker(7, 0, True, level=OS, now_ms=0)
    for number in range(6):
        log.append(batch("x" * 90, keys=[f"{number % 2}"]), level=OS, now_ms=0)
    log.sync()
    log.expire_producers(1_000, 1_000)
    log.compact(now_ms=0)
    log.compact(now_ms=10)  # drops the marker
    end = log.log_end_offset
    assert log.last_stable_offset == end
    directory.abandon()
    for cache in caches(files, path):
        files.unlink(cache)

    again = topic(crash=True).partition("t", 0)

    assert again.open_producers() == {}
    assert again.last_stable_offset == end


@pytest.mark.parametrize("loses_caches", [False, True])
def test_a_forgotten_producer_that_comes_back_is_taken(topic, batch, files, path, records, loses_caches):
    """Its last batch was compacted away: what is left of it in the log would say that another sequence follows."""
    directory = topic(segment_bytes=150, cleanup_policy="compact")
    log = directory.partition("t", 0)
    log.append(batch("first", keys=["first"], base_sequence=0, **PRODUCER), level=OS, now_ms=0)
    log.append(batch("b" * 90, keys=["b"], base_sequence=1, **PRODUCER), level=OS, now_ms=0)
    for _ in range(4):
        log.append(batch("x" * 90, keys=["b"]), level=OS, now_ms=0)
    log.sync()
    assert log.expire_producers(1_000, 1_000) == 1
    assert log.compact(now_ms=0).bytes_after > 0
    kept = records(log)
    directory.abandon()
    for cache in caches(files, path) if loses_caches else ():
        files.unlink(cache)

    again = topic(crash=True).partition("t", 0)
    assert records(again) == kept
    late = batch("late", keys=["late"], base_sequence=2, **PRODUCER)
    taken = again.append(late, level=OS, now_ms=0)

    assert not taken.duplicate
    assert again.append(late, level=OS, now_ms=0).duplicate
    assert records(again) == [*kept, (taken.base_offset, b"late", b"late")]


def test_metadata_that_speaks_of_a_lost_tail_does_not_speak_of_what_is_written_there_later(
    topic, batch, files, path
):
    """Records are deleted while a failed sync keeps the tail from being durable, and the power cut takes it."""
    directory = topic(cleanup_policy="compact")
    log = directory.partition("t", 0)
    log.append(batch("a", keys=["a"]), level=SYNC, now_ms=0)
    log.sync()
    log.delete_records_before(1)
    directory.abandon()
    place = f"{path}/log/t-0"
    metadata = partition_metadata.load(files, place)
    assert metadata.producers_known_to == 1
    partition_metadata.store(files, place, msgspec.structs.replace(metadata, producers_known_to=9))

    directory = topic(crash=True)
    sent = batch("b", keys=["b"], base_sequence=0, **PRODUCER)
    taken = directory.partition("t", 0).append(sent, level=SYNC, now_ms=0)
    directory.partition("t", 0).sync()
    directory.abandon()
    for cache in caches(files, path):
        files.unlink(cache)

    again = topic(crash=True).partition("t", 0).append(sent, level=SYNC, now_ms=0)
    assert again == taken._replace(duplicate=True)
