"""The deaths themselves: what is on the disk when a process dies at a call, and what is not."""

from __future__ import annotations

import os

import pytest

from tests.chaos import dying_files
from tests.chaos.dying_files import DyingFiles, Moment, Point, points


class Died(Exception):
    """Instead of the end of the process."""


@pytest.fixture(autouse=True)
def death(monkeypatch):
    def die():
        raise Died

    monkeypatch.setattr(dying_files, "_die", die)


def work(files: DyingFiles, path: str) -> None:
    """Five calls: create, write, datasync, write, unlink."""
    file = files.open(f"{path}/a", create=True)
    file.write_at(0, b"one.")
    file.datasync()
    file.write_at(2, [b"tw", b"o."])
    files.unlink(f"{path}/a")


@pytest.mark.parametrize(
    ("point", "left"),
    [
        (Point(1, Moment.BEFORE), None),
        (Point(1, Moment.AFTER), b""),
        (Point(2, Moment.MIDDLE), b"on"),
        (Point(2, Moment.UNSYNCED), b""),
        (Point(3, Moment.UNSYNCED), b""),
        (Point(4, Moment.BEFORE), b"one."),
        (Point(4, Moment.MIDDLE), b"ontw"),
        (Point(4, Moment.AFTER), b"ontwo."),
        (Point(4, Moment.UNSYNCED), b"one."),
        (Point(5, Moment.BEFORE), b"ontwo."),
        (Point(5, Moment.AFTER), None),
    ],
)
def test_what_is_left(point, left, tmp_path):
    with pytest.raises(Died):
        work(DyingFiles(point), str(tmp_path))

    found = (tmp_path / "a").read_bytes() if os.path.exists(tmp_path / "a") else None
    assert found == left


def test_every_call_is_a_point_and_writes_are_stopped_in_the_middle_too(tmp_path):
    files = DyingFiles()
    work(files, str(tmp_path))

    assert files.death.trace == ["create", "write", "datasync", "write", "unlink"]
    assert len(points(files.death.trace)) == 5 * 3 + 2


def test_a_lock_ends_with_its_release_though_writes_to_it_are_kept_for_taking_back(tmp_path):
    files = DyingFiles(Point(1_000, Moment.UNSYNCED))

    for _ in range(2):
        files.lock(f"{tmp_path}/LOCK").release()
