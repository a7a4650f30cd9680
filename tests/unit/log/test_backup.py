"""Owns: that a backup is what was there at one moment, and what a restore makes of it."""

from __future__ import annotations

import pytest

from streamz_core.log.backup import (
    OWNER_EPOCHS_SKIPPED,
    Backup,
    BackupDamaged,
    BackupRunning,
    TargetNotEmpty,
    back_up,
    restore,
)
from streamz_core.log.check import check
from streamz_core.log.directory import LogDirectory
from streamz_core.log.errors import CorruptRecord, ForeignDirectory
from streamz_core.model import Durability


@pytest.fixture(name="full")
def _full(topic, batch):
    """An open directory: three segments, an aborted and an open transaction."""
    directory = topic(segment_bytes=300, partitions=2)
    log = directory.partition("t", 0)
    fields = {"producer_epoch": 0, "base_sequence": 0, "transactional": True}
    log.append(batch("never", producer_id=7, **fields), level=Durability.SYNC, now_ms=0)
    log.append_marker(7, 0, False, level=Durability.SYNC, now_ms=0)
    for number in range(6):
        log.append(batch(f"value-{number}"), level=Durability.OS, now_ms=0)
    log.append(batch("open", producer_id=8, **fields), level=Durability.OS, now_ms=0)
    return directory


@pytest.fixture(name="target")
def _target(tmp_path, files):
    files.mkdir(str(tmp_path))
    return f"{tmp_path}/backup"


def shown(directory, records):
    return {
        log.name: (
            records(log, stop=log.log_end_offset),
            log.log_start_offset,
            log.log_end_offset,
            log.aborted_transactions(0, log.log_end_offset),
            log.open_producers(),
        )
        for log in directory.partitions()
    }


def restored(files, target, records):
    restore(files, target, target + "-restored")
    directory = LogDirectory.open(files, target + "-restored", 0)
    try:
        return shown(directory, records)
    finally:
        directory.close()


def test_what_is_restored_is_what_was_there(full, files, target, records):
    before = shown(full, records)

    summary = back_up(full, target, 5)

    assert summary.partitions == {"t-0": 9, "t-1": 0}
    assert summary.created_ms == 5
    assert check(files, target) == []
    assert restored(files, target, records) == before
    assert not files.exists(f"{full.path}/backup.tmp")


def test_nothing_of_what_happens_after_the_moment_is_in_it(full, files, target, records, batch):
    before = shown(full, records)
    backup = Backup(full, target, 0)
    backup.prepare()
    backup.capture()

    log = full.partition("t", 0)
    for number in range(6):
        log.append(batch(f"later-{number}"), level=Durability.SYNC, now_ms=0)
    log.sync()
    log.append_marker(8, 0, True, level=Durability.SYNC, now_ms=0)
    log.sync()
    log.delete_records_before(6)
    full.create_topic("new", 1)
    full.delete_topic("t")
    backup.write()
    backup.discard()

    assert restored(files, target, records) == before


def test_a_backup_lasts_when_the_original_goes_on(full, files, target, records, batch):
    before = shown(full, records)
    back_up(full, target, 0)
    full.partition("t", 0).append(batch("later"), level=Durability.SYNC, now_ms=0)
    full.delete_topic("t")

    assert check(files, target) == []
    assert restored(files, target, records) == before


def test_producer_ids_given_out_since_are_not_given_out_again(full, files, target):
    epoch = full.owner_epoch
    back_up(full, target, 0)
    restore(files, target, target + "-restored")

    directory = LogDirectory.open(files, target + "-restored", 0)

    assert directory.owner_epoch == epoch + OWNER_EPOCHS_SKIPPED + 1
    assert directory.cluster_id == full.cluster_id
    directory.abandon()


def test_a_backup_is_not_opened_as_a_directory(full, files, target):
    back_up(full, target, 0)
    with pytest.raises(ForeignDirectory, match="streamz restore"):
        LogDirectory.open(files, target, 0)


def test_targets_that_hold_something_are_refused(full, files, target, path):
    files.mkdir(target)
    files.open(f"{target}/mine", create=True).close()
    with pytest.raises(TargetNotEmpty):
        back_up(full, target, 0)
    back_up(full, target + "-2", 0)
    with pytest.raises(TargetNotEmpty):
        restore(files, target + "-2", target)
    with pytest.raises(TargetNotEmpty):
        restore(files, target + "-2", path)
    with pytest.raises(ForeignDirectory):
        restore(files, path, target + "-3")


def test_an_empty_target_is_taken(full, files, target):
    files.mkdir(target)
    back_up(full, target, 0)
    assert check(files, target) == []


def test_one_backup_at_a_time(full, target):
    backup = Backup(full, target, 0)
    backup.prepare()
    with pytest.raises(BackupRunning):
        back_up(full, target + "-2", 0)
    backup.discard()
    back_up(full, target + "-2", 0)


def test_damage_is_not_backed_up(full, files, target, topic):
    path = full.path
    full.close()
    file = files.open(f"{path}/log/t-0/{0:020d}.log")
    file.write_at(70, b"\xff\xff")
    file.close()
    directory = topic(crash=True)

    with pytest.raises((BackupDamaged, CorruptRecord)):
        back_up(directory, target, 0)

    assert not files.exists(target)
    assert not files.exists(target + ".partial")


def test_a_damaged_backup_is_not_restored(full, files, target):
    back_up(full, target, 0)
    file = files.open(f"{target}/log/t-0/{0:020d}.log")
    file.write_at(70, b"\xff\xff")
    file.close()

    with pytest.raises(BackupDamaged):
        restore(files, target, target + "-restored")

    assert not files.exists(target + "-restored")
