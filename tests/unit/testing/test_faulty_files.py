"""Owns: the promises of ``testing.FaultyFiles``."""

import contextlib
import errno

import pytest

from streamz_core.testing.disk_tree import SyncFailed, Tree
from streamz_core.testing.faulty_files import FAULTS, Fault, FaultyFiles
from streamz_core.testing.recording_files import Recording

FULL = next(fault for fault in FAULTS if fault.name == "disk full")
HALF = next(fault for fault in FAULTS if fault.name == "disk full in the middle of a write")
SYNC = next(fault for fault in FAULTS if fault.name == "I/O error on sync")
FILES = next(fault for fault in FAULTS if fault.name == "too many open files")


def test_only_the_kth_call_fails():
    recording = Recording(Tree.of({"x": b""}))
    files = FaultyFiles(recording.files, FULL, at_call=2)
    file = files.open("x")

    file.write_at(0, b"1")
    with pytest.raises(OSError) as refused:
        file.write_at(1, b"2")
    file.write_at(1, b"3")

    assert refused.value.errno == errno.ENOSPC
    assert refused.value.filename == "x"
    assert recording.files.tree().files() == {"x": b"13"}
    assert files.strikes == ["write_at x"]
    assert files.calls == 3


def test_a_persistent_fault_ends_with_heal():
    files = FaultyFiles(Recording(Tree.of({"x": b""})).files, FULL, at_call=1, persistent=True)
    file = files.open("x")
    for _ in range(3):
        with pytest.raises(OSError):
            file.write_at(0, b"1")
    assert files.free_bytes("") == 0

    files.heal()

    file.write_at(0, b"1")
    assert files.free_bytes("") > 0


def test_call_zero_never_comes():
    files = FaultyFiles(Recording().files, FULL, at_call=0, persistent=True)

    files.open("x", create=True).write_at(0, b"1")

    assert files.calls == 2
    assert files.strikes == []


def test_a_write_that_fails_half_way_leaves_a_half():
    recording = Recording(Tree.of({"x": b""}))
    file = FaultyFiles(recording.files, HALF, at_call=1).open("x")

    with pytest.raises(OSError):
        file.write_at(0, [b"ab", b"cd"])

    assert recording.files.tree().files() == {"x": b"ab"}


def test_a_failed_sync_forgets():
    recording = Recording(Tree.of({"x": b""}))
    file = FaultyFiles(recording.files, SYNC, at_call=1).open("x")
    file.write_at(0, b"1")

    with pytest.raises(OSError):
        file.datasync()
    file.datasync()

    assert SyncFailed(1) in recording.operations


def test_making_a_file_takes_a_handle_and_space_opening_it_only_a_handle():
    recording = Recording(Tree.of({"x": b""}))

    assert FaultyFiles(recording.files, FULL, at_call=1).open("x", create=True).size() == 0
    with pytest.raises(OSError):
        FaultyFiles(recording.files, FULL, at_call=1).open("new", create=True)
    with pytest.raises(OSError):
        FaultyFiles(recording.files, FILES, at_call=1).open("x")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_fault_strikes_something(fault: Fault):
    files = FaultyFiles(Recording(Tree.of({"d/x": b"1"})).files, fault, at_call=1, persistent=True)
    file = None
    calls = [
        lambda: files.open("d/new", create=True),
        lambda: files.listdir("d"),
        lambda: files.size_of("d/x"),
        lambda: files.mkdir("e"),
        lambda: files.rename("d/x", "d/y"),
        lambda: files.sync_dir("d"),
        lambda: files.lock("LOCK"),
        lambda: files.unlink("d/y"),
        lambda: files.rmdir("e"),
    ]
    try:
        file = files.open("d/x")
    except OSError:
        pass
    else:
        calls += [
            lambda: file.read_at(0, 1),
            lambda: file.write_at(0, b"1"),
            lambda: file.truncate(0),
            lambda: file.allocate(9),
            file.size,
            file.datasync,
        ]
    for call in calls:
        with contextlib.suppress(OSError):
            call()

    assert files.strikes
    assert files.exists("d")
    assert files.real_path("d") == "/d"
    assert files.blocks is False
