"""Owns: that the verifier finds each kind of damage and calls it by its name."""

from __future__ import annotations

import pytest

from streamz_core.log.check import Depth, Severity, check
from streamz_core.model import Durability

T = "log/t-0"


@pytest.fixture(name="closed")
def _closed(topic, batch, files, path):
    """A clean directory of three segments with five batches each kind of file."""
    directory = topic(segment_bytes=200, index_interval_bytes=0)
    log = directory.partition("t", 0)
    for number in range(6):
        log.append(batch(f"value-{number}"), level=Durability.SYNC, now_ms=0)
    directory.close()
    assert check(files, path) == []
    return files, path


def change(place, name, position=None, cut=None):
    files, path = place
    file = files.open(f"{path}/{name}")
    if cut is not None:
        file.truncate(file.size() + cut)
    else:
        byte = file.read_at(position, 1)
        file.write_at(position, bytes([byte[0] ^ 4]))
    file.close()


SECOND = "00000000000000000002"
LAST = "00000000000000000004"


@pytest.mark.parametrize(
    ("name", "position", "severity"),
    [
        (f"{T}/{SECOND}.log", 70, Severity.DAMAGE),
        (f"{T}/{SECOND}.log", 7, Severity.DAMAGE),
        (f"{T}/{SECOND}.log", 13, Severity.DAMAGE),
        (f"{T}/{SECOND}.index", 3, Severity.CACHE),
        (f"{T}/{SECOND}.timeindex", 3, Severity.CACHE),
        (f"{T}/{SECOND}.seal", 9, Severity.CACHE),
        (f"{T}/{LAST}.log", 70, Severity.DAMAGE),
        (f"{T}/{LAST}.index", 3, Severity.CACHE),
        (f"{T}/00000000000000000006.snapshot", 12, Severity.CACHE),
        (f"{T}/partition.metadata", 12, Severity.DAMAGE),
        ("catalog.json", 30, Severity.DAMAGE),
        ("streamz.json", 60, Severity.DAMAGE),
    ],
)
def test_a_flipped_bit_is_found(closed, name, position, severity):
    change(closed, name, position)

    findings = check(*closed)

    assert {one.severity for one in findings} == {severity}
    assert all(str(one).startswith(severity.value) for one in findings)


def test_what_is_missing_is_named_with_its_offsets(closed):
    files, path = closed
    files.unlink(f"{path}/{T}/{SECOND}.log")

    found = [one for one in check(files, path) if one.severity is Severity.DAMAGE]

    assert [(one.start, one.stop) for one in found] == [(2, 4)]
    assert "(offsets 2 to 3)" in str(found[0])


def test_an_end_before_the_recovery_point_is_damage(closed):
    change(closed, f"{T}/{LAST}.log", cut=-1)

    assert {one.severity for one in check(*closed)} == {Severity.DAMAGE}


def test_a_torn_tail_is_called_torn(closed, topic, batch):
    files, path = closed
    directory = topic(crash=True)
    directory.partition("t", 0).append(batch("tail"), level=Durability.OS, now_ms=0)
    directory.abandon()
    last = max(name for name in files.listdir(f"{path}/{T}") if name.endswith(".log"))

    change(closed, f"{T}/{last}", cut=-1)

    assert {one.severity for one in check(files, path)} == {Severity.TORN}


def test_strangers_are_leftovers(closed):
    files, path = closed
    files.mkdir(f"{path}/log/stray-0")
    files.open(f"{path}/{T}/{SECOND}.log.deleted", create=True).close()

    assert {one.severity for one in check(files, path)} == {Severity.LEFTOVER}


def test_no_data_directory_is_damage(files, path):
    files.mkdir(path)

    assert "not a data directory" in str(check(files, path)[0])


@pytest.mark.parametrize(
    ("name", "offsets"),
    [(f"{SECOND}.log", (2, 4)), (f"{LAST}.log", (4, 6)), ("partition.metadata", (-1, -1))],
)
def test_what_the_disk_refuses_to_read_is_named_and_the_rest_is_checked(closed, bad_sector, name, offsets):
    files, path = closed
    change(closed, f"{T}/{SECOND}.index", 3)

    findings = check(bad_sector(files, name), path)

    refused = [one for one in findings if "cannot be read: Input/output error" in one.message]
    assert [(one.severity, one.start, one.stop) for one in refused] == [(Severity.DAMAGE, *offsets)]
    assert len(findings) == (2 if name == f"{LAST}.log" else 1)


def test_a_directory_in_the_place_of_a_file_is_named(closed):
    files, path = closed
    files.unlink(f"{path}/{T}/{SECOND}.log")
    files.mkdir(f"{path}/{T}/{SECOND}.log")

    (found,) = check(files, path)

    assert (found.severity, found.start, found.stop) == (Severity.DAMAGE, 2, 4)


def test_every_damaged_segment_is_named(closed):
    change(closed, f"{T}/{'0' * 20}.log", 70)
    change(closed, f"{T}/{SECOND}.log", 70)

    assert [one.start for one in check(*closed)] == [0, 2]


class TestFast:
    def test_it_reads_no_records_of_a_clean_directory(self, closed, bad_sector):
        files, path = closed

        assert check(bad_sector(files, ".log"), path, depth=Depth.FAST) == []

    def test_a_flipped_bit_is_not_what_it_finds(self, closed):
        change(closed, f"{T}/{SECOND}.log", 70)

        assert check(*closed, depth=Depth.FAST) == []

    @pytest.mark.parametrize("name", [SECOND, LAST])
    @pytest.mark.parametrize("cut", [-1, 7])
    def test_another_size_is_found_out_by_reading_that_segment(self, closed, name, cut):
        change(closed, f"{T}/{name}.log", cut=cut)

        assert check(*closed, depth=Depth.FAST) == check(*closed)

    def test_a_missing_file_is_named(self, closed):
        files, path = closed
        files.unlink(f"{path}/{T}/{SECOND}.log")

        found = [one for one in check(files, path, depth=Depth.FAST) if one.severity is Severity.DAMAGE]
        assert [(one.start, one.stop) for one in found] == [(2, 4)]

    def test_what_was_written_last_is_read(self, closed, topic, batch):
        files, path = closed
        directory = topic(crash=True)
        directory.partition("t", 0).append(batch("tail"), level=Durability.OS, now_ms=0)
        directory.abandon()
        last = max(name for name in files.listdir(f"{path}/{T}") if name.endswith(".log"))
        assert check(files, path, depth=Depth.FAST) == []

        change(closed, f"{T}/{last}", cut=-1)
        assert {one.severity for one in check(files, path, depth=Depth.FAST)} == {Severity.TORN}
