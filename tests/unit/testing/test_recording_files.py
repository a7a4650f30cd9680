"""Owns: what ``RecordingFiles`` writes down, and that its result equals doing the record again.

That it behaves as a disk does is the business of the contract suite over all ``Files``.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.log.errors import DirectoryOwned
from streamz_core.testing.disk_tree import (
    ROOT,
    Change,
    Enter,
    Leave,
    Mark,
    Rename,
    SyncDirectory,
    SyncFailed,
    SyncFile,
    Tree,
    Truncate,
    Write,
    after,
)
from streamz_core.testing.recording_files import Recording, RecordingFiles


def test_every_operation_is_written_down_in_order():
    recording = Recording()
    files = recording.files
    files.mkdir("d")
    file = files.open("d/x", create=True)
    file.write_at(0, [b"ab", memoryview(b"cd")])
    file.write_at(4, b"")
    file.truncate(2)
    file.datasync()
    files.rename("d/x", "y")
    files.sync_dir("")
    files.mark("acked")
    file.lose_sync()
    files.unlink("y")
    files.rmdir("d")

    assert recording.operations == [
        Enter(ROOT, "d", 1, is_directory=True),
        Enter(1, "x", 2),
        Write(2, 0, b"abcd"),
        Truncate(2, 2),
        SyncFile(2),
        Rename(1, "x", ROOT, "y", 2),
        SyncDirectory(ROOT),
        Mark("acked"),
        SyncFailed(2),
        Leave(ROOT, "y"),
        Leave(ROOT, "d"),
    ]


def test_what_a_recorder_refuses_is_not_done():
    def refuse(_: object) -> None:
        raise OSError(28, "full")

    files = RecordingFiles(Tree.of({"x": b"1"}), refuse)
    for change in (
        lambda: files.open("new", create=True),
        lambda: files.open("x").write_at(0, b"2"),
        lambda: files.open("x").truncate(0),
        lambda: files.rename("x", "y"),
        lambda: files.unlink("x"),
        lambda: files.mkdir("d"),
    ):
        with pytest.raises(OSError, match="full"):
            change()

    assert files.tree() == Tree.of({"x": b"1"})


def test_the_tree_it_started_from_stays_as_it_was():
    origin = Tree.of({"x": b"1"})
    files = RecordingFiles(origin)
    file = files.open("x")
    file.write_at(1, b"2")

    assert origin.files() == {"x": b"1"}
    assert files.tree().files() == {"x": b"12"}
    assert file.read_at(0, 10) == b"12"


def test_a_lock_names_its_owner_and_a_crash_frees_it():
    files = RecordingFiles()
    lock = files.lock("LOCK")
    lock.note("listener 127.0.0.1:9092")
    with pytest.raises(DirectoryOwned) as refused:
        files.lock("LOCK")
    assert refused.value.note == "listener 127.0.0.1:9092"

    RecordingFiles(files.tree()).lock("LOCK")
    lock.release()
    files.lock("LOCK")


NAMES = st.sampled_from(["a", "b", "d/a", "d/b"])
STEPS = st.one_of(
    st.tuples(st.just("write"), NAMES, st.integers(0, 5), st.binary(max_size=5)),
    st.tuples(st.just("truncate"), NAMES, st.integers(0, 8)),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("unlink"), NAMES),
    st.tuples(st.just("mkdir"), st.sampled_from(["d", "e/f"])),
)


@given(st.lists(STEPS, max_size=25))
def test_doing_the_record_again_gives_the_same_tree(steps):
    recording = Recording(Tree.of({"a": b"0", "d/b": b"1"}))
    files = recording.files
    for name, *arguments in steps:
        try:
            if name in ("write", "truncate"):
                file = files.open(arguments[0], create=True)
                (file.write_at if name == "write" else file.truncate)(*arguments[1:])
            else:
                getattr(files, name)(*arguments)
        except OSError:
            continue

    changes = [operation for operation in recording.operations if isinstance(operation, Change)]
    assert after(files.origin, changes).files() == files.tree().files()
    assert after(files.origin, changes).paths() == files.tree().paths()
