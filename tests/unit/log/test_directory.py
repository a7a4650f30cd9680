"""Owns: a data directory as a whole: whose it is, what is in it, what is refused."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from streamz_core.log import errors
from streamz_core.log.directory import LogDirectory
from streamz_core.log.files import DiskFiles
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.log.partition_log import PartitionLog
from streamz_core.model import Durability
from streamz_core.testing.faulty_files import Fault, FaultyFiles


def everything(files, path):
    found = {}
    for name in files.listdir(path):
        try:
            found[name] = everything(files, f"{path}/{name}")
        except NotADirectoryError:
            found[name] = files.size_of(f"{path}/{name}")
    return found


def put(files, path, data=b"x"):
    file = files.open(path, create=True)
    file.truncate(0)
    file.write_at(0, data)
    file.close()


def test_a_new_directory_keeps_its_id_and_counts_its_owners(files, path):
    first = LogDirectory.open(files, path, 0)
    identity = first.cluster_id
    first.close()
    first.close()

    second = LogDirectory.open(files, path, 0)

    assert (second.cluster_id, second.owner_epoch) == (identity, 2)
    assert len(identity) == 22
    second.close()


def test_topics_come_back_with_their_settings(topic):
    directory = topic(partitions=3, retention_ms=5)
    entry = directory.topics["t"]
    directory.add_partitions("t", 4)
    directory.set_configs("t", {"retention.ms": "7"})

    again = topic(crash=True).topics["t"]

    assert (again.topic_id, again.partitions, again.configs) == (entry.topic_id, 4, {"retention.ms": "7"})
    assert topic(crash=True).partition("t", 3).config.retention_ms == 7


def test_a_deleted_topic_is_gone_and_its_name_is_free(topic, batch, files, path):
    directory = topic(partitions=2)
    directory.partition("t", 0).append(batch("a"), level=Durability.SYNC, now_ms=0)
    identity = directory.topics["t"].topic_id

    directory.delete_topic("t")

    assert files.listdir(f"{path}/log") == []
    with pytest.raises(KeyError):
        directory.partition("t", 0)
    assert directory.create_topic("t", 1).topic_id != identity
    assert directory.partition("t", 0).log_end_offset == 0


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "a/b", "ü", "x" * 250, "a\n"])
def test_names_outside_the_rules_are_refused(topic, name):
    with pytest.raises(errors.InvalidTopic):
        topic().create_topic(name, 1)


def test_names_that_collide_are_refused(topic):
    directory = topic()
    directory.create_topic("a.b", 1)

    with pytest.raises(errors.TopicExists):
        directory.create_topic("a.b", 1)
    with pytest.raises(errors.InvalidTopic, match=r"'a\.b'"):
        directory.create_topic("a_b", 1)


def test_bad_topics_leave_nothing(topic, files, path):
    directory = topic()
    before = everything(files, path)
    for partitions, configs, kind in [
        (0, {}, errors.InvalidPartitions),
        (10**6, {}, errors.InvalidPartitions),
        (1, {"no.such.key": "1"}, errors.InvalidConfig),
        (1, {"retention.ms": "soon"}, errors.InvalidConfig),
    ]:
        with pytest.raises(kind):
            directory.create_topic("other", partitions, configs)
    with pytest.raises(errors.UnknownTopic):
        directory.delete_topic("other")
    with pytest.raises(errors.InvalidPartitions):
        directory.add_partitions("t", 1)
    assert everything(files, path) == before


def test_a_second_owner_is_refused_and_told_who_owns(files, path):
    owner = LogDirectory.open(files, path, 0)
    owner.note_owner("127.0.0.1:9092")
    before = everything(files, path)

    with pytest.raises(errors.DirectoryOwned) as caught:
        LogDirectory.open(files, path, 0)

    assert (caught.value.pid, caught.value.note) == (os.getpid(), "127.0.0.1:9092")
    assert everything(files, path) == before
    owner.close()
    LogDirectory.open(files, path, 0).close()


def test_another_process_is_refused_by_pid(tmp_path):
    owner = LogDirectory.open(DiskFiles(), f"{tmp_path}/d", 0)
    program = (
        "import sys\nfrom streamz_core.log.directory import LogDirectory\n"
        "from streamz_core.log.files import DiskFiles\nfrom streamz_core.log.errors import DirectoryOwned\n"
        "try: LogDirectory.open(DiskFiles(), sys.argv[1], 0)\nexcept DirectoryOwned as e: print(e.pid)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, f"{tmp_path}/d"], capture_output=True, text=True, check=True
    )

    assert int(done.stdout) == os.getpid()
    owner.close()


def test_a_forked_child_cannot_write_and_does_not_keep_the_lock(tmp_path, batch):
    directory = LogDirectory.open(DiskFiles(), f"{tmp_path}/d", 0)
    directory.create_topic("t", 1)
    log = directory.partition("t", 0)
    log.append(batch("parent"), level=Durability.OS, now_ms=0)

    child = os.fork()
    if child == 0:
        code = 1
        try:
            log.append(batch("child"), level=Durability.OS, now_ms=0)
        except errors.AfterFork:
            code = 0
        finally:
            os._exit(code)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert log.append(batch("parent"), level=Durability.OS, now_ms=0).base_offset == 1
    directory.close()


def test_a_foreign_directory_is_refused_untouched(files, path):
    files.mkdir(path)
    put(files, f"{path}/thesis.tex")

    with pytest.raises(errors.ForeignDirectory, match=r"thesis\.tex"):
        LogDirectory.open(files, path, 0)

    assert everything(files, path) == {"thesis.tex": 1}


def test_a_file_is_not_a_directory(files, path):
    files.mkdir(path)
    put(files, f"{path}/file")

    with pytest.raises(errors.ForeignDirectory, match="not a directory"):
        LogDirectory.open(files, f"{path}/file", 0)


@pytest.mark.parametrize(
    ("name", "change", "kind"),
    [
        ("streamz.json", (b'"version":1', b'"version":2'), errors.NewerFormat),
        ("streamz.json", (b'"format":"streamz"', b'"format":"other"'), errors.ForeignDirectory),
        ("streamz.json", (b"{", b"["), errors.ForeignDirectory),
        ("streamz.json", (b'"cluster_id":"', b'"cluster_id":"x'), errors.DamagedDirectory),
        ("catalog.json", (b'"partitions":1', b'"partitions":2'), errors.DamagedDirectory),
        ("catalog.json", (b"{", b""), errors.DamagedDirectory),
    ],
)
def test_a_directory_that_is_newer_or_damaged_is_refused_untouched(topic, files, path, name, change, kind):
    topic().close()
    file = files.open(f"{path}/{name}")
    data = file.read_at(0, file.size())
    file.close()
    assert change[0] in data
    put(files, f"{path}/{name}", data.replace(*change))
    before = everything(files, path)

    with pytest.raises(kind):
        LogDirectory.open(files, path, 0)

    after = everything(files, path)
    after["LOCK"] = before["LOCK"]
    assert after == before


@pytest.mark.parametrize("with_topic", [True, False])
def test_a_missing_format_file_is_damage_and_no_new_directory(topic, files, path, with_topic):
    directory = topic()
    if not with_topic:
        directory.delete_topic("t")
    directory.close()
    files.unlink(f"{path}/streamz.json")
    before = everything(files, path)

    with pytest.raises(errors.DamagedDirectory, match=r"streamz\.json is missing"):
        LogDirectory.open(files, path, 0)

    assert everything(files, path) == before


def test_a_missing_catalog_is_damage(topic, files, path):
    topic().close()
    files.unlink(f"{path}/catalog.json")

    with pytest.raises(errors.DamagedDirectory, match=r"catalog\.json is missing"):
        LogDirectory.open(files, path, 0)


def test_no_permission_is_named(tmp_path):
    path = f"{tmp_path}/d"
    os.mkdir(path, 0o000)
    program = (
        "import os, sys\nfrom streamz_core.log.directory import LogDirectory\n"
        "from streamz_core.log.files import DiskFiles\nfrom streamz_core.log.errors import DirectoryDenied\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "try: LogDirectory.open(DiskFiles(), sys.argv[1], 0)\nexcept DirectoryDenied as e: print(e)\n"
    )

    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)

    os.chmod(path, 0o700)
    assert "no permission" in done.stdout
    assert path in done.stdout


def test_a_full_disk_leaves_no_half_topic(monkeypatch, topic, files, path):
    directory = topic()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(files), "rename", full)
    with pytest.raises(errors.StorageFailure, match="free disk space"):
        directory.create_topic("other", 2)
    monkeypatch.undo()

    assert "other" not in directory.topics
    directory.create_topic("other", 2)


def test_directories_of_no_topic_with_records_are_left_alone(topic, batch, files, path):
    directory = topic()
    directory.partition("t", 0).append(batch("a"), level=Durability.SYNC, now_ms=0)
    directory.close()
    files.rename(f"{path}/log/t-0", f"{path}/log/stray-0")
    files.mkdir(f"{path}/log/empty-0")

    again = topic(crash=True)

    assert again.unknown == [f"{path}/log/stray-0"]
    assert isinstance(again.partition("t", 0).failure, errors.PartitionFailed)
    assert files.listdir(f"{path}/log") == ["stray-0"]
    with pytest.raises(errors.DamagedDirectory):
        again.create_topic("stray", 1)


def test_what_a_failed_deletion_left_is_removed_later_whatever_is_deleted_meanwhile(batch):
    files = MemoryFiles()
    removals = Fault("I/O error on unlink", errno.EIO, frozenset({"unlink"}))
    faulty = FaultyFiles(files, removals, at_call=0, persistent=True)
    directory = LogDirectory.open(faulty, "/d", 0)
    for name in ("t", "other"):
        directory.create_topic(name, 2)
        directory.partition(name, 1).append(batch("a"), level=Durability.SYNC, now_ms=0)
    faulty._at_call = faulty.calls + 1

    with pytest.raises(errors.StorageFailure):
        directory.delete_topic("t")
    faulty.heal()
    directory.delete_topic("other")
    directory.close()
    again = LogDirectory.open(files, "/d", 0)

    assert again.unknown == []
    assert files.listdir("/d/log") == []
    assert again.catalog.deleting == []


def test_a_thousand_partitions_open_with_few_handles(batch):
    files = MemoryFiles()
    directory = LogDirectory.open(files, "/d", 0)
    directory.create_topic("t", 1000)
    for log in directory.partitions():
        log.append(batch("a"), level=Durability.OS, now_ms=0)
        log.sync()
    assert len(directory._open_files) <= 256
    directory.abandon()

    directory = LogDirectory.open(files, "/d", 0)

    assert all(isinstance(log, PartitionLog) and log.log_end_offset == 1 for log in directory.partitions())
    assert len(directory._open_files) <= 256
