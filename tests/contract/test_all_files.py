"""Owns: what every implementation of ``log.files.Files`` does, be it a disk, memory or a test double.

A crash image means something only if the double that records behaves as the disk does.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamz_core.log.errors import DirectoryOwned
from streamz_core.log.files import DiskFiles, Files
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.testing.faulty_files import FAULTS, FaultyFiles
from streamz_core.testing.recording_files import RecordingFiles

MAKERS: dict[str, Callable[[], Files]] = {
    "disk": DiskFiles,
    "memory": MemoryFiles,
    "recording": RecordingFiles,
    "faulty": lambda: FaultyFiles(RecordingFiles(), FAULTS[0], at_call=0),
}


@pytest.fixture(params=MAKERS, name="place")
def _place(request, tmp_path) -> tuple[Files, str]:
    """Files and a directory on them."""
    files = MAKERS[request.param]()
    directory = str(tmp_path)
    files.mkdir(directory)
    return files, directory


def write(files: Files, path: str, data: bytes) -> None:
    file = files.open(path, create=True)
    file.write_at(0, data)
    file.close()


def read(files: Files, path: str) -> bytes:
    file = files.open(path, read_only=True)
    try:
        return file.read_at(0, file.size() + 1)
    finally:
        file.close()


def number_of(call: Callable[..., Any], *arguments: Any, **named: Any) -> int | None:
    with pytest.raises(OSError) as refused:
        call(*arguments, **named)
    assert refused.value.filename is not None or refused.value.errno == errno.EBADF
    return refused.value.errno


def test_reads_are_short_only_at_the_end(place):
    files, at = place
    write(files, f"{at}/x", b"abcdef")
    file = files.open(f"{at}/x")

    assert file.read_at(1, 3) == b"bcd"
    assert file.read_at(4, 10) == b"ef"
    assert file.read_at(6, 1) == b""
    assert file.read_at(99, 1) == b""
    file.close()


def test_writes_overwrite_extend_and_leave_zeros_in_a_gap(place):
    files, at = place
    file = files.open(f"{at}/x", create=True)
    file.write_at(0, b"abc")
    file.write_at(1, [b"X", memoryview(b"Y"), bytearray(b"Z")])
    file.write_at(6, b"end")

    assert file.read_at(0, 99) == b"aXYZ\0\0end"
    assert file.size() == 9
    assert files.size_of(f"{at}/x") == 9
    file.close()


def test_many_buffers_are_one_write(place):
    files, at = place
    file = files.open(f"{at}/x", create=True)

    file.write_at(0, [b"%d," % number for number in range(3_000)])

    assert file.read_at(0, 8) == b"0,1,2,3,"
    assert file.size() == sum(len(b"%d," % number) for number in range(3_000))
    file.close()


def test_truncate_cuts_and_grows(place):
    files, at = place
    write(files, f"{at}/x", b"abcdef")
    file = files.open(f"{at}/x")
    file.truncate(2)
    file.truncate(4)
    file.datasync()
    file.close()

    assert read(files, f"{at}/x") == b"ab\0\0"


def test_allocate_grows_by_zeros_and_never_cuts(place):
    files, at = place
    write(files, f"{at}/x", b"abc")
    file = files.open(f"{at}/x")
    file.allocate(5)
    file.allocate(4)
    file.write_at(3, b"d")
    file.datasync()
    file.close()

    assert read(files, f"{at}/x") == b"abcd\0"


def test_open_says_what_is_wrong(place):
    files, at = place
    write(files, f"{at}/x", b"")

    assert number_of(files.open, f"{at}/none") == errno.ENOENT
    assert number_of(files.open, f"{at}/none/x", create=True) == errno.ENOENT
    assert number_of(files.open, f"{at}/x", exclusive=True) == errno.EEXIST
    assert number_of(files.open, at) == errno.EISDIR
    files.open(f"{at}/new", exclusive=True).close()
    assert files.exists(f"{at}/new")


def test_a_closed_or_read_only_file_refuses(place):
    files, at = place
    write(files, f"{at}/x", b"abc")
    reader = files.open(f"{at}/x", read_only=True)

    assert number_of(reader.write_at, 0, b"z") == errno.EBADF
    reader.close()
    reader.close()
    assert number_of(reader.read_at, 0, 1) == errno.EBADF
    assert read(files, f"{at}/x") == b"abc"


def test_directories(place):
    files, at = place
    files.mkdir(f"{at}/a/b/c")
    files.mkdir(f"{at}/a/b")
    write(files, f"{at}/a/x", b"")

    assert files.listdir(f"{at}/a") == ["b", "x"]
    assert files.listdir(f"{at}/a/b/c") == []
    assert files.exists(f"{at}/a/b")
    files.sync_dir(f"{at}/a")
    assert number_of(files.rmdir, f"{at}/a") == errno.ENOTEMPTY
    files.rmdir(f"{at}/a/b/c")
    assert not files.exists(f"{at}/a/b/c")
    assert number_of(files.listdir, f"{at}/none") == errno.ENOENT
    assert number_of(files.sync_dir, f"{at}/none") == errno.ENOENT


def test_rename_replaces_a_file_and_moves_a_directory(place):
    files, at = place
    write(files, f"{at}/old", b"old")
    write(files, f"{at}/target", b"target")
    files.mkdir(f"{at}/d")
    write(files, f"{at}/d/inside", b"inside")

    files.rename(f"{at}/old", f"{at}/target")
    files.rename(f"{at}/d", f"{at}/e")

    assert files.listdir(at) == ["e", "target"]
    assert read(files, f"{at}/target") == b"old"
    assert read(files, f"{at}/e/inside") == b"inside"
    assert number_of(files.rename, f"{at}/none", f"{at}/x") == errno.ENOENT


def test_an_open_file_outlives_its_name(place):
    files, at = place
    write(files, f"{at}/x", b"abc")
    file = files.open(f"{at}/x")
    files.unlink(f"{at}/x")
    write(files, f"{at}/x", b"another")

    file.write_at(3, b"d")
    assert file.read_at(0, 9) == b"abcd"
    file.close()
    assert read(files, f"{at}/x") == b"another"
    files.unlink(f"{at}/x")
    assert number_of(files.unlink, f"{at}/x") == errno.ENOENT


def test_a_lock_has_one_owner_who_may_leave_a_note(place):
    files, at = place
    lock = files.lock(f"{at}/LOCK")
    lock.note("127.0.0.1:9092")

    with pytest.raises(DirectoryOwned, match=r"in use by process \d+") as refused:
        files.lock(f"{at}/LOCK")
    assert refused.value.pid is not None
    assert refused.value.note == "127.0.0.1:9092"
    lock.release()
    lock.release()
    files.lock(f"{at}/LOCK").release()


def test_there_is_room(place):
    files, at = place

    assert files.free_bytes(at) > 0
    assert files.real_path(f"{at}/./x") == f"{files.real_path(at)}/x"


NAMES = st.sampled_from(["a", "b", "d/a", "d/b", "d"])
STEPS = st.one_of(
    st.tuples(st.just("write"), NAMES, st.integers(0, 5), st.binary(max_size=5)),
    st.tuples(st.sampled_from(["truncate", "allocate"]), NAMES, st.integers(0, 8)),
    # Nobody moves a directory to or into itself: the doubles need not know that this is refused.
    st.tuples(st.just("rename"), NAMES, NAMES).filter(
        lambda step: not f"{step[2]}/".startswith(f"{step[1]}/")
    ),
    st.tuples(st.just("unlink"), NAMES),
    st.tuples(st.just("rmdir"), NAMES),
    st.tuples(st.just("mkdir"), st.sampled_from(["d", "d/e"])),
)


def do(files: Files, at: str, step: tuple[Any, ...]) -> str:
    name, *arguments = step
    try:
        if name in ("write", "truncate", "allocate"):
            file = files.open(f"{at}/{arguments[0]}", create=True)
            try:
                getattr(file, "write_at" if name == "write" else name)(*arguments[1:])
            finally:
                file.close()
        else:
            getattr(files, name)(*(f"{at}/{argument}" for argument in arguments))
    except OSError:
        return "refused"
    return "done"


def contents(files: Files, at: str) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for name in files.listdir(at):
        path = f"{at}/{name}"
        try:
            found[name] = read(files, path)
        except IsADirectoryError:
            found[name] = None
            found |= {f"{name}/{inner}": content for inner, content in contents(files, path).items()}
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=20))
@pytest.mark.parametrize("double", ["memory", "recording"])
def test_a_double_does_what_a_disk_does(double, tmp_path_factory, steps):
    disk, at = DiskFiles(), str(tmp_path_factory.mktemp("disk"))
    other = MAKERS[double]()
    other.mkdir(at)

    for step in steps:
        assert do(disk, at, step) == do(other, at, step), step

    assert contents(disk, at) == contents(other, at)


def test_a_link_is_a_second_name_of_the_same_file(place):
    files, directory = place
    write(files, f"{directory}/a", b"one")

    files.link(f"{directory}/a", f"{directory}/b")
    write(files, f"{directory}/b", b"two")
    assert read(files, f"{directory}/a") == b"two"
    files.unlink(f"{directory}/a")

    assert read(files, f"{directory}/b") == b"two"
    write(files, f"{directory}/c", b"")
    assert number_of(files.link, f"{directory}/b", f"{directory}/c") == errno.EEXIST
    assert number_of(files.link, f"{directory}/none", f"{directory}/d") == errno.ENOENT
    assert number_of(files.link, directory, f"{directory}/d") == errno.EPERM
