"""Owns: a backup or a restore that is killed at any point: the source is as it was, the target whole or not there."""

from __future__ import annotations

from streamz_core.log.backup import back_up, restore
from streamz_core.log.check import check
from streamz_core.log.directory import LogDirectory
from streamz_core.testing.crash_images import CrashImages, Image
from streamz_core.testing.disk_tree import Tree
from streamz_core.testing.recording_files import Recording, RecordingFiles
from tests.crash.effort import Effort
from tests.crash.explore import cuts_of_log_writes
from tests.crash.observe import NOW_MS, PATH, Seen, look, observe
from tests.crash.rot import reference

TARGET = "elsewhere/backup"
RESTORED = "elsewhere/restored"


def images_of(tree: Tree, recording: Recording, effort: Effort) -> list[Image]:
    images = CrashImages(tree, cuts=cuts_of_log_writes)
    found = [image for operation in recording.operations for image in images.feed(operation)]
    return list(effort.sample(found, effort.images_per_backup))


def backed_up() -> Tree:
    files = RecordingFiles(reference())
    directory = LogDirectory.open(files, PATH, NOW_MS)
    back_up(directory, TARGET, NOW_MS)
    directory.abandon()
    return files.tree()


def seen_at(files: RecordingFiles, path: str) -> Seen:
    directory = LogDirectory.open(files, path, NOW_MS)
    seen = look(directory)
    directory.abandon()
    return seen


def test_a_killed_backup_leaves_a_whole_one_or_none(effort: Effort) -> None:
    opened = RecordingFiles(reference())
    expected = seen_at(opened, PATH)
    tree = opened.tree()
    recording = Recording(tree)
    directory = LogDirectory.open(recording.files, PATH, NOW_MS)
    first = len(recording.operations)
    back_up(directory, TARGET, NOW_MS)
    directory.abandon()

    assert len(recording.operations) > first
    for image in images_of(tree, recording, effort):
        files = RecordingFiles(image.tree)
        seen, directory_again = observe(files)
        assert (seen.failures, seen.partitions) == ((), expected.partitions), str(image.story)
        assert directory_again is not None
        if files.exists(TARGET):
            assert check(files, TARGET) == [], str(image.story)
        else:
            back_up(directory_again, TARGET, NOW_MS)
        restore(files, TARGET, RESTORED)
        assert seen_at(files, RESTORED).partitions == expected.partitions, str(image.story)


def test_a_killed_restore_leaves_a_whole_directory_or_none(effort: Effort) -> None:
    tree = backed_up()
    whole = RecordingFiles(tree)
    restore(whole, TARGET, RESTORED)
    expected = seen_at(whole, RESTORED)
    recording = Recording(tree)
    restore(recording.files, TARGET, RESTORED)

    for image in images_of(tree, recording, effort):
        files = RecordingFiles(image.tree)
        if not files.exists(RESTORED):
            restore(files, TARGET, RESTORED)
        assert seen_at(files, RESTORED).partitions == expected.partitions, str(image.story)
        assert check(files, TARGET) == [], str(image.story)
