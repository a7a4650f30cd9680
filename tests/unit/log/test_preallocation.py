"""Owns: files that take their space before they are written to, and what others see of that."""

from __future__ import annotations

import errno

import pytest

from streamz_core.log.check import Severity, check
from streamz_core.log.errors import StorageFailure
from streamz_core.log.repair import repair
from streamz_core.log.segment import ROOM_BYTES
from streamz_core.model import Durability

SYNC = Durability.SYNC
FIRST = "log/t-0/00000000000000000000.log"


@pytest.fixture(name="make")
def _make(topic):
    def make(**how):
        return topic(preallocate="true", **how)

    return make


def append(directory, data):
    log = directory.partition("t", 0)
    log.append(data, level=SYNC, now_ms=5_000)
    log.sync()


def size(files, path, name=FIRST):
    return files.size_of(f"{path}/{name}")


def test_space_is_taken_in_steps_and_what_is_left_is_given_back_at_the_end(make, batch, files, path):
    directory = make()
    append(directory, batch("a"))
    assert size(files, path) == ROOM_BYTES
    append(directory, batch("b" * ROOM_BYTES))
    assert size(files, path) == 2 * ROOM_BYTES
    written = directory.partition("t", 0).size_bytes

    directory.close()

    assert size(files, path) == written


def test_a_sealed_segment_ends_with_its_last_batch(make, batch, files, path, records):
    directory = make(segment_bytes=400)
    for value in ("a", "b", "c"):
        append(directory, batch(value * 150))
    log = directory.partition("t", 0)

    for sealed in log.sealed_summaries():
        assert size(files, path, f"log/t-0/{sealed.base_offset:020}.log") == sealed.size_bytes
    assert size(files, path, f"log/t-0/{sealed.next_offset:020}.log") == ROOM_BYTES
    assert [value for _, _, value in records(log)] == [b"a" * 150, b"b" * 150, b"c" * 150]


def test_what_was_not_written_to_is_neither_damage_nor_a_torn_end(make, batch, files, path):
    directory = make()
    append(directory, batch("a"))
    directory.abandon()
    assert size(files, path) == ROOM_BYTES

    assert check(files, path) == []
    assert repair(files, path, 0).measures == []


def test_after_a_crash_the_log_goes_on_where_its_batches_end(make, batch, files, path, records):
    append(make(), batch("a"))
    directory = make(crash=True)
    log = directory.partition("t", 0)
    assert size(files, path) == log.size_bytes

    append(directory, batch("b"))

    assert [value for _, _, value in records(log)] == [b"a", b"b"]
    assert size(files, path) == ROOM_BYTES


def test_without_space_to_take_the_file_grows_as_it_is_written(make, batch, files, path, monkeypatch):
    directory = make()
    append(directory, batch("a"))
    asked = []

    def refuse(self, size):
        asked.append(size)
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(type(files.open(f"{path}/{FIRST}")), "allocate", refuse)
    append(directory, batch("b" * ROOM_BYTES))
    append(directory, batch("c"))

    assert asked == [2 * ROOM_BYTES]
    assert size(files, path) == directory.partition("t", 0).size_bytes


def test_where_the_end_cannot_be_cut_there_is_no_roll(make, batch, files, path, monkeypatch, records):
    directory = make(segment_bytes=400)
    append(directory, batch("a" * 300))
    kind = type(files.open(f"{path}/{FIRST}"))

    def refuse(self, size):
        raise OSError(errno.EIO, "no")

    with monkeypatch.context() as broken:
        broken.setattr(kind, "truncate", refuse)
        with pytest.raises(StorageFailure, match="truncating"):
            append(directory, batch("b" * 300))
    log = directory.partition("t", 0)
    assert log.log_end_offset == 1

    append(directory, batch("b" * 300))
    assert [value for _, _, value in records(log)] == [b"a" * 300, b"b" * 300]


def test_a_repair_of_something_else_gives_the_space_back_without_a_word(make, batch, files, path):
    directory = make(segment_bytes=400)
    append(directory, batch("a" * 300))
    append(directory, batch("b" * 300))
    directory.abandon()
    file = files.open(f"{path}/{FIRST}")
    file.write_at(100, b"?")
    file.close()

    repaired = repair(files, path, 0, execute=True)

    assert [measure.finding.severity for measure in repaired.measures] == [Severity.DAMAGE]
    assert repaired.left == []
    assert size(files, path, "log/t-0/00000000000000000001.log") < ROOM_BYTES


def test_room_behind_a_sealed_segment_is_no_damage(make, batch, files, path, records):
    """The sync of what gave it back failed, or the power was cut before."""
    directory = make(segment_bytes=400)
    append(directory, batch("a" * 300))
    append(directory, batch("b" * 300))
    directory.close()
    before = size(files, path)
    file = files.open(f"{path}/{FIRST}")
    file.truncate(before + 100)
    file.close()

    assert [finding for finding in check(files, path) if finding.severity is not Severity.CACHE] == []
    assert repair(files, path, 0).measures == []
    log = make().partition("t", 0)
    assert [value for _, _, value in records(log)] == [b"a" * 300, b"b" * 300]
    assert size(files, path) == before


def test_zeros_where_records_were_are_rot_wherever_they_stand(make, batch, files, path):
    directory = make(segment_bytes=400)
    append(directory, batch("a" * 300))
    append(directory, batch("b" * 300))
    directory.close()
    for base in (0, 1):
        name = f"{path}/log/t-0/{base:020}.log"
        file = files.open(name)
        file.write_at(0, bytes(file.size()))
        file.close()
        for cache in (".seal", ".index", ".timeindex", ".snapshot"):
            for one in (f"{base:020}{cache}", f"{2:020}{cache}"):
                if files.exists(f"{path}/log/t-0/{one}"):
                    files.unlink(f"{path}/log/t-0/{one}")

    assert make().partition("t", 0).failure is not None
    assert Severity.DAMAGE in {finding.severity for finding in check(files, path)}
