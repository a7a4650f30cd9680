"""Owns: what compaction keeps, against a dict, and that a crash at any of its steps loses nothing."""

from __future__ import annotations

import random

import pytest

from streamz_core.log.check import Severity, check
from streamz_core.log.directory import LogDirectory
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.model import Durability
from streamz_core.protocol.record_batch import decode, split

OS = Durability.OS
CONFIGS = {
    "cleanup.policy": "compact",
    "segment.bytes": "600",
    "min.cleanable.dirty.ratio": "0",
    "delete.retention.ms": "1000",
    "index.interval.bytes": "0",
}


def make(files=None):
    directory = LogDirectory.open(files or MemoryFiles(), "/data", 0)
    if "t" not in directory.topics:
        directory.create_topic("t", 1, CONFIGS)
    return directory


def fill(log, batch, dice, count, now_ms=0):
    """Random writes, some in transactions, some aborted; the last committed value per key."""
    model: dict[bytes, bytes | None] = {}
    sequences: dict[int, int] = {}
    for number in range(count):
        keys = [f"k{dice.randrange(8)}" for _ in range(dice.randrange(1, 4))]
        values = [None if dice.random() < 0.2 else f"{number}.{place}" for place in range(len(keys))]
        fields = {}
        pid = dice.choice([-1, 1, 2])
        committed = True
        if pid > 0:
            fields = {"producer_id": pid, "producer_epoch": 0, "base_sequence": sequences.get(pid, 0)}
            sequences[pid] = sequences.get(pid, 0) + len(keys)
            fields["transactional"] = True
            committed = dice.random() < 0.6
        log.append(batch(*values, keys=keys, timestamp=number, **fields), level=OS, now_ms=now_ms)
        if pid > 0:
            log.append_marker(pid, 0, committed, level=OS, now_ms=now_ms)
        if committed:
            for key, value in zip(keys, values, strict=True):
                model[key.encode()] = None if value is None else value.encode()
    for place in range(10):  # push all of it out of the active segment
        log.append(batch("end" * 20, keys=[f"end{place}"]), level=OS, now_ms=now_ms)
        model[f"end{place}".encode()] = b"end" * 20
    log.sync()
    return model


def committed_rows(log):
    """What a read_committed consumer gets, position by position; it must reach the end."""
    offset, rows = log.log_start_offset, []
    aborted = log.aborted_transactions(0, log.log_end_offset)
    while offset < log.last_stable_offset:
        data = log.read(offset, 1, up_to=log.last_stable_offset)
        assert data, f"stuck at {offset}"
        for position, header in split(data):
            dead = any(
                header.producer_id == pid and first <= header.base_offset <= last
                for pid, first, last in aborted
            )
            if not header.is_control and not (header.is_transactional and dead):
                columns = decode(data, position)
                rows += zip(columns.offsets, columns.keys, columns.values, strict=True)
            offset = header.next_offset
    return rows


def table(rows):
    return {key: value for _, key, value in rows}


def present(model):
    return {key: value for key, value in model.items() if value is not None}


@pytest.mark.parametrize("seed", range(8))
def test_the_last_value_of_each_key_survives_at_its_offset(batch, seed):
    directory = make()
    log = directory.partition("t", 0)
    model = fill(log, batch, random.Random(seed), 40)
    before = committed_rows(log)

    result = log.compact(now_ms=0)

    after = committed_rows(log)
    assert result.bytes_after < result.bytes_before
    assert set(after) <= set(before)
    assert table(after) == model
    sealed_end = log._segments.active.base_offset
    keys = [key for offset, key, _ in after if offset < sealed_end]
    assert len(keys) == len(set(keys))
    assert log.open_producers() == {}
    assert log.compact(now_ms=0).bytes_before == 0  # nothing is dirty any more


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("lose_caches", [False, True])
def test_a_compacted_log_opens_as_it_was(batch, seed, lose_caches):
    files = MemoryFiles()
    directory = make(files)
    log = directory.partition("t", 0)
    fill(log, batch, random.Random(seed), 40)
    log.compact(now_ms=0)
    log.compact(now_ms=5000)
    before = committed_rows(log)
    remembered = {pid: log._producers.producer(pid).batches for pid in (1, 2)}
    directory.abandon()
    if lose_caches:
        for name in files.listdir("/data/log/t-0"):
            if not name.endswith((".log", ".metadata")):
                files.unlink(f"/data/log/t-0/{name}")

    log = make(files).partition("t", 0)

    assert log.failure is None
    assert committed_rows(log) == before
    assert log.open_producers() == {}
    assert {pid: log._producers.producer(pid).batches for pid in (1, 2)} == remembered
    for pid in (1, 2):
        last = remembered[pid][-1]
        again = batch(
            *["x"] * (last.last_sequence - last.first_sequence + 1),
            keys=["x"] * (last.last_sequence - last.first_sequence + 1),
            producer_id=pid,
            producer_epoch=0,
            base_sequence=last.first_sequence,
            transactional=True,
        )
        assert log.append(again, level=OS, now_ms=0).duplicate


def test_tombstones_and_markers_stay_for_their_time(batch):
    log = make().partition("t", 0)
    model = fill(log, batch, random.Random(3), 60)
    assert None in model.values()

    log.compact(now_ms=100)
    assert table(committed_rows(log)) == model
    log.compact(now_ms=1099)
    assert table(committed_rows(log)) == model
    log.compact(now_ms=1101)

    rows = committed_rows(log)
    assert table(rows) == present(model)


def test_it_is_kept_up_to_where_deletions_have_been_forgotten(batch):
    files = MemoryFiles()
    directory = make(files)
    log = directory.partition("t", 0)
    log.append(batch(None, keys=["gone"]), level=OS, now_ms=0)  # at 0
    log.append(batch(None, "again", keys=["back", "back"]), level=OS, now_ms=0)
    for number in range(12):
        log.append(batch("x" * 100, keys=[f"{number}"]), level=OS, now_ms=0)
    log.sync()

    log.compact(now_ms=100)
    while_told = log.deletions_kept_from
    log.compact(now_ms=1101)
    forgotten = log.deletions_kept_from
    directory.abandon()
    again = make(files).partition("t", 0)
    again.delete_records_before(1)

    assert (while_told, forgotten) == (0, 1)
    assert again.deletions_kept_from == 1


def test_records_of_an_open_transaction_are_not_touched(batch):
    log = make().partition("t", 0)
    log.append(batch("a", keys=["k"]), level=OS, now_ms=0)
    txn = {"producer_id": 1, "producer_epoch": 0, "base_sequence": 0, "transactional": True}
    log.append(batch("b", keys=["k"], **txn), level=OS, now_ms=0)
    for _ in range(20):
        log.append(batch("c" * 100, keys=["k"]), level=OS, now_ms=0)
    log.sync()

    assert log.compact(now_ms=0).segments_before == 0
    log.append_marker(1, 0, True, level=OS, now_ms=0)
    log.sync()
    assert log.compact(now_ms=0).segments_before > 0


def test_young_segments_wait(batch):
    directory = make()
    directory.set_configs("t", {**CONFIGS, "min.compaction.lag.ms": "500"})
    log = directory.partition("t", 0)
    fill(log, batch, random.Random(1), 20, now_ms=1000)

    assert log.compact(now_ms=1400).segments_before == 0
    assert log.compact(now_ms=1500).segments_before > 0


def test_keys_beyond_the_memory_bound_wait_for_the_next_run(batch, monkeypatch):
    monkeypatch.setattr("streamz_core.log.compaction.Compaction.learn_keys.__defaults__", (3 * 90,))
    log = make().partition("t", 0)
    model = fill(log, batch, random.Random(5), 40)

    for _ in range(60):
        log.compact(now_ms=0)
        assert table(committed_rows(log)) == model
        if not log.compact(now_ms=0).segments_before:
            break
    sealed_end = log._segments.active.base_offset
    keys = [key for offset, key, _ in committed_rows(log) if offset < sealed_end]
    assert len(keys) == len(set(keys))


class Stop(Exception):
    """The process dies here."""


@pytest.mark.parametrize("operation", ["rename", "unlink", "sync_dir", "open", "datasync"])
def test_a_kill_at_any_step_loses_nothing(batch, monkeypatch, operation):
    step = 0
    while True:
        files = MemoryFiles()
        directory = make(files)
        log = directory.partition("t", 0)
        model = fill(log, batch, random.Random(11), 25)
        before = set(committed_rows(log))
        owner = type(log._segments.active.file()) if operation == "datasync" else MemoryFiles
        original, calls = getattr(owner, operation), 0

        def dying(*args, original=original, at=step, **named):
            nonlocal calls
            calls += 1
            if calls > at:
                raise Stop
            return original(*args, **named)

        monkeypatch.setattr(owner, operation, dying)
        try:
            log.compact(now_ms=0)
            survived = True
        except Stop:
            survived = False
        monkeypatch.undo()
        directory.abandon()

        directory = make(files)
        log = directory.partition("t", 0)
        assert log.failure is None
        rows = committed_rows(log)
        assert table(rows) == model
        assert set(rows) <= before
        directory.close()
        worse = [one for one in check(files, "/data") if one.severity is not Severity.CACHE]
        assert worse == []
        if survived:
            break
        step += 1
    assert step > 0
