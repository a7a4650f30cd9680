"""Owns: what a sync covers, which handles stay open for it, and what readers see of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.log.memory_files import MemoryFiles
from streamz_core.log.open_files import OpenFiles
from streamz_core.log.recovery_point import RecoveryPoint
from streamz_core.log.sync import Unsynced
from streamz_core.log.visibility import Visibility
from streamz_core.model import Durability
from streamz_core.testing.disk_tree import SyncFile
from streamz_core.testing.faulty_files import FAULTS, FaultyFiles
from streamz_core.testing.recording_files import Recording

POINT = RecoveryPoint(0, 0, 0)


def prepared(count=3, open_files_max=256, held_files_max=256, files=None):
    files = files or MemoryFiles()
    files.mkdir("/d")
    open_files = OpenFiles(files, open_files_max=open_files_max, held_files_max=held_files_max)
    for number in range(count):
        open_files.create(f"/d/{number}")
    return open_files, Unsynced(open_files, "/d")


def test_a_ticket_covers_what_was_written_before_it_and_no_more():
    _, unsynced = prepared()
    unsynced.wrote("/d/0")
    unsynced.wrote("/d/1")
    ticket = unsynced.ticket(POINT)
    unsynced.wrote("/d/1")
    unsynced.wrote("/d/2")

    unsynced.complete(ticket)

    assert ticket.paths == ("/d/0", "/d/1")
    assert [path in unsynced for path in ("/d/0", "/d/1", "/d/2")] == [False, True, True]


def test_a_created_name_is_synced_once():
    _, unsynced = prepared()
    unsynced.changed_directory()
    first = unsynced.ticket(POINT)
    unsynced.changed_directory()
    second = unsynced.ticket(POINT)
    assert (first.syncs_directory, second.syncs_directory) == (True, True)

    unsynced.complete(first)
    assert unsynced.is_dirty
    unsynced.complete(second)
    assert not unsynced.is_dirty


def test_unsynced_files_stay_open_beyond_the_bound():
    open_files, unsynced = prepared(open_files_max=2)
    for number in range(3):
        unsynced.wrote(f"/d/{number}")
    assert len(open_files) == 3

    unsynced.complete(unsynced.ticket(POINT))
    open_files.create("/d/new")

    assert len(open_files) == 2


def test_a_file_that_is_removed_stays_open_for_the_sync_that_runs():
    open_files, unsynced = prepared()
    unsynced.wrote("/d/0")
    slow, quick = unsynced.ticket(POINT), unsynced.ticket(POINT)
    unsynced.complete(quick)

    open_files.forget("/d/0")
    slow.run()
    unsynced.complete(slow)

    (file,) = slow.files()
    assert is_closed(file)


def is_closed(file):
    try:
        file.size()
    except OSError:
        return True
    return False


def test_a_deleted_log_keeps_a_file_open_only_for_the_sync_that_runs(topic, batch):
    directory = topic(segment_bytes=100)
    log = directory.partition("t", 0)
    log.append(batch("x" * 40), level=Durability.SYNC, now_ms=0)
    ticket = log.prepare_sync()
    assert ticket is not None
    log.append(batch("y" * 40), level=Durability.SYNC, now_ms=0)
    left = log.prepare_sync()
    assert left is not None
    log.drop_sync(left)

    directory.delete_topic("t")
    for file in ticket.files():
        file.datasync()
    assert [is_closed(file) for file in left.files()] == [False, True]
    log.drop_sync(ticket)

    assert all(is_closed(file) for file in left.files())


def test_retention_does_not_disturb_a_sync_in_another_thread(topic, batch):
    log = topic(segment_bytes=100, retention_ms=10).partition("t", 0)
    for _ in range(5):
        log.append(batch("x" * 40), level=Durability.SYNC, now_ms=0)
    ticket = log.prepare_sync()

    assert log.apply_retention(now_ms=1000) == 5
    ticket.run()
    log.complete_sync(ticket)

    assert log.durable_offset == log.log_end_offset == 5
    assert log.append(batch("y"), level=Durability.SYNC, now_ms=0).base_offset == 5


@given(st.lists(st.one_of(st.booleans(), st.just("sync"), st.just("prepare"), st.just("complete"))))
def test_the_high_watermark_is_the_first_undurable_sync_append(steps):
    visible = Visibility(0, None)
    waiting: list[int] = []
    tickets: list[int] = []
    end = 0
    for step in steps:
        if step == "prepare":
            tickets.append(end)
        elif step == "complete" and tickets:
            visible.synced(tickets.pop(0))
        elif step == "sync":
            visible.synced(end)
        elif isinstance(step, bool):
            if step:
                waiting.append(end)
            end += 2
            visible.appended(end, sync=step, first_open_offset=None)
        pending = [base for base in waiting if base >= visible.durable_offset]
        assert visible.high_watermark == (pending[0] if pending else end)
        assert visible.last_stable_offset == visible.high_watermark


def test_no_more_files_are_held_than_the_bound_and_the_oldest_is_synced_at_once():
    recording = Recording()
    open_files, unsynced = prepared(open_files_max=1, held_files_max=2, files=recording.files)
    for number in range(3):
        unsynced.wrote(f"/d/{number}")
    synced = [one for one in recording.operations if isinstance(one, SyncFile)]

    ticket = unsynced.ticket(POINT)
    ticket.run()
    unsynced.complete(ticket)

    assert len(synced) == 1
    assert ticket.paths == ("/d/0", "/d/1", "/d/2")
    assert not unsynced.is_dirty
    open_files.create("/d/more")
    assert len(open_files) == 1, "nothing is pinned any more"


def test_a_sync_that_failed_early_fails_the_ticket_that_covers_it():
    failed_sync = next(fault for fault in FAULTS if fault.name == "I/O error on sync")
    files = FaultyFiles(MemoryFiles(), failed_sync, at_call=1)
    _, unsynced = prepared(held_files_max=1, files=files)
    unsynced.wrote("/d/0")
    unsynced.wrote("/d/1")

    for _ in range(2):
        ticket = unsynced.ticket(POINT)
        with pytest.raises(OSError, match="/d/0"):
            ticket.run()
        unsynced.release(ticket)


def test_a_file_written_to_again_is_held_again():
    open_files, unsynced = prepared(open_files_max=1, held_files_max=1)
    unsynced.wrote("/d/0")
    unsynced.wrote("/d/1")
    unsynced.wrote("/d/0")

    ticket = unsynced.ticket(POINT)
    unsynced.wrote("/d/0")
    unsynced.complete(ticket)

    assert "/d/0" in unsynced
    assert "/d/1" not in unsynced
    open_files.create("/d/more")
    assert len(open_files) == 2, "the one that is held, and the new one"
