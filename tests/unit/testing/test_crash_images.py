"""Owns: which images follow from a record, exactly, on records small enough to write the answer down;
and that a toy journal's planted bugs are all found by them."""

import struct
import zlib

import pytest

from streamz_core.testing.crash_images import CrashImages
from streamz_core.testing.disk_tree import Tree, Write
from streamz_core.testing.recording_files import Recording, RecordingFiles


def images_of(recording: Recording, **options) -> dict[frozenset, bool]:
    """Every image of the record as its files, with whether a kill alone leaves it."""
    enumerator = CrashImages(recording.files.origin, **options)
    found: dict[frozenset, bool] = {}
    for operation in recording.operations:
        for image in enumerator.feed(operation):
            key = frozenset(image.tree.files().items())
            found[key] = found.get(key, False) or image.is_kill
    return found


def test_a_new_file_with_one_write():
    recording = Recording()
    recording.files.open("x", create=True).write_at(0, b"abc")

    found = images_of(recording, cuts=lambda write: [1, 2])

    # After the create: the name is there. After the write: the name without or with any of the content.
    assert found == {
        frozenset(): False,
        frozenset({("x", b"")}): True,
        frozenset({("x", b"a")}): True,
        frozenset({("x", b"ab")}): True,
        frozenset({("x", b"abc")}): True,
        frozenset({("x", b"\0\0\0")}): False,
    }


def test_a_synced_file_in_an_unsynced_directory_may_vanish():
    recording = Recording()
    file = recording.files.open("x", create=True)
    file.write_at(0, b"a")
    file.datasync()
    recording.files.open("y", create=True)

    found = images_of(recording, cuts=lambda write: [])

    assert found[frozenset({("y", b"")})] is False
    assert found[frozenset({("y", b""), ("x", b"a")})] is True
    assert frozenset({("y", b""), ("x", b"")}) not in found


def test_nothing_takes_away_what_is_synced():
    recording = Recording()
    file = recording.files.open("x", create=True)
    file.write_at(0, b"certain")
    file.datasync()
    recording.files.sync_dir("")
    enumerator = CrashImages(recording.files.origin)
    for operation in recording.operations:
        enumerator.feed(operation)
    file.write_at(7, b"maybe")
    file.truncate(9)

    for operation in recording.operations[-2:]:
        for image in enumerator.feed(operation):
            content = image.tree.files()["x"]
            assert content.startswith(b"certain"), image.describe(recording.operations)
    assert all(image.tree.files()["x"].startswith(b"certain") for image in enumerator.all())


def test_unsynced_writes_arrive_in_any_combination():
    recording = Recording(Tree.of({"x": b""}))
    file = recording.files.open("x")
    for position in range(3):
        file.write_at(position, b"abc"[position : position + 1])

    contents = {dict(key)["x"] for key in images_of(recording)}

    assert {b"", b"a", b"\0b", b"ab", b"\0\0c", b"a\0c", b"\0bc", b"abc"} - contents == {b""}
    # The empty file is the image before the first write: nothing was recorded that would lead to it.


def test_an_overwrite_keeps_old_bytes_where_the_new_did_not_arrive():
    recording = Recording(Tree.of({"x": bytes(128)}))
    recording.files.open("x").write_at(0, b"n" * 128)

    contents = {dict(key)["x"] for key in images_of(recording)}

    assert b"n" * 5 + bytes(123) in contents
    assert bytes(64) + b"n" * 64 in contents


def test_overlapping_writes_may_arrive_in_the_other_order():
    recording = Recording(Tree.of({"x": b""}))
    file = recording.files.open("x")
    file.write_at(0, b"aaaa")
    file.write_at(2, b"bbbb")

    contents = {dict(key)["x"] for key in images_of(recording, cuts=lambda write: [])}

    assert b"aaaabb" in contents
    assert b"aabbbb" in contents


def test_a_lost_truncation_leaves_the_old_tail_under_new_writes():
    recording = Recording(Tree.of({"x": b"old old"}))
    file = recording.files.open("x")
    file.truncate(2)
    file.write_at(2, b"N")

    contents = {dict(key)["x"] for key in images_of(recording)}

    assert b"olNN" not in contents
    assert {b"olN", b"ol", b"olN old", b"ol\0"} - contents == set()


def test_a_rename_without_the_directory_sync_is_there_or_not():
    recording = Recording(Tree.of({"x": b"old"}))
    file = recording.files.open("x.tmp", create=True)
    file.write_at(0, b"new")
    file.datasync()
    recording.files.rename("x.tmp", "x")

    found = images_of(recording, cuts=lambda write: [])

    assert {dict(key)["x"] for key in found} == {b"old", b"new"}


def test_many_pending_changes_are_thinned_but_singles_pairs_and_prefixes_stay():
    recording = Recording(Tree.of({"x": b"", "y": b""}))
    x, y = recording.files.open("x"), recording.files.open("y")
    for index in range(10):
        (x if index % 2 else y).write_at(index // 2, b"1")

    found = {(dict(key)["x"], dict(key)["y"]) for key in images_of(recording)}

    assert len(found) < 2**10
    assert (b"11111", b"11111") in found
    assert (b"\0\0\0\x001", b"") in found, "the newest alone"
    assert (b"11111", b"\x001111") in found, "one missing"
    assert (b"1\x00111", b"11\x0011") in found, "a pair missing"
    assert (b"11111", b"11") in found, "a prefix of one file beside all of the other"


# -- a toy journal: 4-byte length, 4-byte checksum, payload; synced before an append is acknowledged ------


class Toy:
    """The smallest durable log there is, with every shortcut that this harness has to catch."""

    def __init__(self, files: RecordingFiles, bug: str = "") -> None:
        self.files = files
        self.bug = bug
        fresh = not files.exists("log")
        self.file = files.open("log", create=True)
        if fresh and bug != "no directory sync":
            files.sync_dir("")
        self.payloads: list[bytes] = []
        data = self.file.read_at(0, self.file.size())
        end = 0
        while end + 8 <= len(data):
            length, checksum = struct.unpack_from(">II", data, end)
            payload = data[end + 8 : end + 8 + length]
            if length == 0 or len(payload) < length:
                break
            if bug != "no checksum" and zlib.crc32(payload) != checksum:
                break
            self.payloads.append(payload)
            end += 8 + length
        self.end = end
        if self.file.size() > end and bug != "tail kept":
            self.file.truncate(end)
            self.file.datasync()

    def append(self, payload: bytes) -> None:
        frame = struct.pack(">II", len(payload), zlib.crc32(payload)) + payload
        if self.bug == "two writes, length first":
            self.file.write_at(self.end, frame[:8])
            self.file.write_at(self.end + 8, payload)
        else:
            self.file.write_at(self.end, frame)
        if self.bug == "acknowledged before the sync":
            self.files.mark(payload)
        if self.bug != "no sync":
            self.file.datasync()
        self.end += len(frame)
        self.files.mark(payload)


WORK = [bytes([65 + index]) * (20 + 30 * index) for index in range(5)]


def toy_verdict(bug: str) -> tuple[str | None, int]:
    """The first image of the toy's workload that shows ``bug``, and how many distinct ones there were."""
    recording = Recording()
    toy = Toy(recording.files, bug)
    for payload in WORK:
        toy.append(payload)
    enumerator = CrashImages(recording.files.origin)
    acked = 0
    seen: set[int] = set()
    for operation in recording.operations:
        images = enumerator.feed(operation)
        value = getattr(operation, "value", None)
        if value is not None:
            acked = WORK.index(value) + 1
            images = enumerator.all()
        for image in images:
            seen.add(image.digest)
            recovered = Toy(RecordingFiles(image.tree), bug)
            if recovered.payloads[:acked] != WORK[:acked]:
                return f"lost an acknowledged record: {image.describe(recording.operations)}", len(seen)
            if recovered.payloads != WORK[: len(recovered.payloads)]:
                return f"shows what was never written: {image.describe(recording.operations)}", len(seen)
            recovered.append(b"next")
            again = Toy(RecordingFiles(recovered.files.tree()), bug)
            if again.payloads != [*recovered.payloads, b"next"]:
                return f"cannot go on: {image.describe(recording.operations)}", len(seen)
    return None, len(seen)


def test_the_right_toy_passes_every_image():
    verdict, distinct = toy_verdict("")

    assert verdict is None
    assert distinct > 400


@pytest.mark.parametrize(
    "bug", ["no directory sync", "no checksum", "acknowledged before the sync", "no sync"]
)
def test_a_planted_bug_is_found(bug):
    verdict, _ = toy_verdict(bug)

    assert verdict is not None


def test_two_writes_instead_of_one_are_no_bug_where_a_checksum_guards_them():
    verdict, distinct = toy_verdict("two writes, length first")

    assert verdict is None
    assert distinct > 400


def test_an_image_tells_its_story():
    recording = Recording(Tree.of({"x": b""}))
    recording.files.open("x").write_at(0, b"abc")
    enumerator = CrashImages(recording.files.origin, cuts=lambda write: [2])

    stories = [image.describe(recording.operations) for image in enumerator.feed(recording.operations[0])]

    assert any(
        "torn: Write(inode=1, position=0, 3 bytes): only its first 2 bytes" in story for story in stories
    )
    assert isinstance(recording.operations[0], Write)
