"""Owns: what a repair does about each kind of damage, and that it does nothing else."""

from __future__ import annotations

import pytest

from streamz_core.log.check import Severity, check
from streamz_core.log.directory import LogDirectory
from streamz_core.log.errors import DirectoryOwned, ForeignDirectory
from streamz_core.log.repair import repair
from streamz_core.model import Durability

T = "log/t-0"


@pytest.fixture(name="closed")
def _closed(topic, batch, files, path):
    """Six one-record batches in three segments, the last one active."""
    directory = topic(segment_bytes=200, index_interval_bytes=0)
    log = directory.partition("t", 0)
    for number in range(6):
        log.append(batch(f"value-{number}"), level=Durability.SYNC, now_ms=0)
    directory.close()
    return files, path


def change(place, name, position=None, *, size=None, data=None):
    files, path = place
    file = files.open(f"{path}/{name}")
    if size is not None:
        file.truncate(size)
    elif data is not None:
        file.write_at(position, data)
    else:
        byte = file.read_at(position, 1)
        file.write_at(position, bytes([byte[0] ^ 4]))
    file.close()


def log_of(base):
    return f"{T}/{base:020d}.log"


def values(place, records):
    directory = LogDirectory.open(*place, 0)
    try:
        return [row[2].decode() for row in records(directory.partition("t", 0))]
    finally:
        directory.abandon()


def test_a_sound_directory_is_left_alone(closed):
    assert repair(*closed, 0, execute=True) == ([], repair(*closed, 0).kept_path, [])
    assert not closed[0].exists(f"{closed[1]}/lost+found")


def test_where_nothing_can_be_done_nothing_is_said_to_be_kept(closed):
    files, path = closed
    files.rename(f"{path}/{T}", f"{path}-elsewhere")

    result = repair(files, path, 0, execute=True)

    assert [one.message for one in result.left] == ["the partition's directory is missing"]
    assert result.kept_path == ""
    assert not files.exists(f"{path}/lost+found")


def test_a_dry_run_says_what_would_be_done(closed):
    change(closed, log_of(2), 70)

    measures = repair(*closed, 0).measures

    assert "offsets 2 to 2" in str(measures[0])
    assert "give these offsets up" in measures[0].action
    assert check(*closed) != []


def test_a_damaged_record_is_given_up_and_offsets_stay(closed, records):
    change(closed, log_of(2), 70)

    result = repair(*closed, 0, execute=True)

    assert result.left == []
    assert values(closed, records) == ["value-0", "value-1", "value-3", "value-4", "value-5"]
    directory = LogDirectory.open(*closed, 0)
    assert directory.partition("t", 0).log_end_offset == 6
    directory.abandon()


def test_a_damaged_frame_is_mended_without_loss(closed, records):
    for position in (3, 9, 13, 16):
        change(closed, log_of(0), position)
        assert "mend it" in repair(*closed, 0).measures[0].action
        assert repair(*closed, 0, execute=True).left == []
        assert len(values(closed, records)) == 6


def test_damage_of_the_active_segment_is_given_up_and_the_log_goes_on(closed, records, batch):
    change(closed, log_of(4), 70)
    repair(*closed, 0, execute=True)

    directory = LogDirectory.open(*closed, 0)
    log = directory.partition("t", 0)
    appended = log.append(batch("value-6"), level=Durability.SYNC, now_ms=0)
    directory.close()

    assert appended.base_offset == 6
    assert values(closed, records) == ["value-0", "value-1", "value-2", "value-3", "value-5", "value-6"]
    assert check(*closed) == []


def test_two_damaged_batches_with_a_sound_one_between(topic, batch, files, path, records):
    directory = topic()
    for number in range(6):
        directory.partition("t", 0).append(batch(f"value-{number}"), level=Durability.SYNC, now_ms=0)
    directory.close()
    size = files.size_of(f"{path}/{log_of(0)}") // 6
    change((files, path), log_of(0), size + 65)
    change((files, path), log_of(0), 3 * size + 9)  # the length of a batch: its end must be found

    repair(files, path, 0, execute=True)

    assert values((files, path), records) == ["value-0", "value-2", "value-3", "value-4", "value-5"]


def test_bytes_in_a_value_that_look_like_a_batch_are_not_taken_for_one(topic, batch, files, path, records):
    directory = topic()
    log = directory.partition("t", 0)
    log.append(batch("first"), level=Durability.SYNC, now_ms=0)
    forged = batch("forged", base_offset=1, leader_epoch=0)
    log.append(batch(forged.decode("latin-1")), level=Durability.SYNC, now_ms=0)
    log.append(batch("last"), level=Durability.SYNC, now_ms=0)
    directory.close()
    first = files.size_of(f"{path}/{log_of(0)}")
    data = batch("first")
    change((files, path), log_of(0), len(data) + 8, data=b"\x7f")
    change((files, path), log_of(0), len(data) + 62)
    assert first > 3 * len(data)

    repair(files, path, 0, execute=True)

    assert values((files, path), records) == ["first", "last"]


def test_nothing_of_another_partitions_segment_is_taken_in(topic, batch, files, path, records):
    directory = topic(partitions=2, segment_bytes=250)
    for partition in (0, 1):
        for index in range(7):
            many = [f"{partition}-{index}"] * (partition + 1)
            directory.partition("t", partition).append(batch(*many), level=Durability.SYNC, now_ms=0)
    directory.close()
    logs = [name for name in sorted(files.listdir(f"{path}/{T}")) if name.endswith(".log")]
    other = sorted(name for name in files.listdir(f"{path}/log/t-1") if name.endswith(".log"))
    files.unlink(f"{path}/{T}/{logs[1]}")
    files.link(f"{path}/log/t-1/{other[1]}", f"{path}/{T}/{logs[1]}")

    result = repair(files, path, 0, execute=True)

    assert "another segment's file" in str(result.measures[0])
    assert [value for value in values((files, path), records) if value.startswith("1")] == []
    assert result.left == []


def test_a_missing_segment_is_given_up(closed, records):
    files, path = closed
    files.unlink(f"{path}/{log_of(2)}")
    assert (2, 4) in [one.finding[3:] for one in repair(*closed, 0).measures]

    assert repair(*closed, 0, execute=True).left == []
    assert values(closed, records) == ["value-0", "value-1", "value-4", "value-5"]


def test_a_missing_beginning_moves_the_start(closed, records):
    files, path = closed
    files.unlink(f"{path}/{log_of(0)}")

    assert repair(*closed, 0, execute=True).left == []
    assert values(closed, records) == ["value-2", "value-3", "value-4", "value-5"]


def test_a_torn_tail_is_cut_and_kept(closed, topic, batch, records):
    files, path = closed
    directory = topic(crash=True)
    directory.partition("t", 0).append(batch("tail"), level=Durability.OS, now_ms=0)
    directory.abandon()
    last = max(name for name in files.listdir(f"{path}/{T}") if name.endswith(".log"))
    size = files.size_of(f"{path}/{T}/{last}")
    change(closed, f"{T}/{last}", size=size - 1)

    result = repair(*closed, 0, execute=True)

    assert {one.finding.severity for one in result.measures} == {Severity.TORN}
    assert check(*closed) == []
    assert files.size_of(f"{result.kept_path}/{T}/{last}") == size - 1
    assert len(values(closed, records)) == 6


def test_an_abort_marker_that_is_lost_still_hides_its_records(topic, batch, files, path):
    directory = topic(segment_bytes=300)
    log = directory.partition("t", 0)
    fields = {"producer_id": 7, "producer_epoch": 0, "base_sequence": 0, "transactional": True}
    log.append(batch("never", **fields), level=Durability.SYNC, now_ms=0)
    marker_at = files.size_of(f"{path}/{log_of(0)}")
    log.append_marker(7, 0, False, level=Durability.SYNC, now_ms=0)
    for number in range(6):
        log.append(batch(f"value-{number}"), level=Durability.SYNC, now_ms=0)
    expected = log.aborted_transactions(0, log.log_end_offset)
    directory.close()
    change((files, path), log_of(0), marker_at + 65)

    assert repair(files, path, 0, execute=True).left == []

    log = topic(crash=True).partition("t", 0)
    assert log.aborted_transactions(0, log.log_end_offset) == expected
    assert log.last_stable_offset == log.log_end_offset


@pytest.mark.parametrize("name", [f"{T}/{2:020d}.seal", f"{T}/{2:020d}.index", f"{T}/{6:020d}.snapshot"])
def test_caches_are_found_again(closed, name):
    change(closed, name, 3)
    assert {one.finding.severity for one in repair(*closed, 0).measures} == {Severity.CACHE}

    result = repair(*closed, 0, execute=True)

    assert result.left == []
    assert closed[0].exists(f"{result.kept_path}/{name}")


def test_a_stray_directory_is_set_aside_and_a_whole_stray_topic_adopted(closed, topic, batch, records):
    files, path = closed
    before = files.open(f"{path}/catalog.json", read_only=True)
    content = before.read_at(0, before.size())
    before.close()
    directory = topic(crash=True)
    directory.create_topic("u", 2)
    directory.partition("u", 1).append(batch("kept"), level=Durability.SYNC, now_ms=0)
    directory.close()
    change(closed, "catalog.json", size=0)
    change(closed, "catalog.json", 0, data=content)
    files.mkdir(f"{path}/log/stray-0")

    result = repair(*closed, 0, execute=True)

    assert result.left == []
    assert files.exists(f"{result.kept_path}/log/stray-0")
    directory = LogDirectory.open(*closed, 0)
    assert directory.topics["u"].configs == {"retention.ms": "-1"}
    assert [row[2] for row in records(directory.partition("u", 1))] == [b"kept"]
    directory.abandon()


def test_what_the_disk_refuses_to_read_holds_up_no_other_partition(topic, batch, files, path, bad_sector):
    directory = topic(partitions=2)
    for partition in (0, 1):
        for number in range(3):
            directory.partition("t", partition).append(batch(f"{number}"), level=Durability.SYNC, now_ms=0)
    directory.close()
    change((files, path), log_of(0), 70)
    change((files, path), log_of(0).replace("t-0", "t-1"), 70)

    result = repair(bad_sector(files, log_of(0)), path, 0, execute=True)

    (refused,) = [one for one in result.measures if "cannot be read" in one.finding.message]
    assert refused.action == ""
    assert "t-0" in refused.finding.path
    assert [one.path for one in result.left] == [refused.finding.path]
    assert {one.path for one in check(files, path)} == {refused.finding.path}


def test_a_directory_in_use_is_refused(closed, topic):
    topic(crash=True)
    with pytest.raises(DirectoryOwned):
        repair(*closed, 0)


def test_what_is_no_data_directory_is_refused(files, path):
    files.mkdir(path)
    with pytest.raises(ForeignDirectory):
        repair(files, path, 0)
    assert files.listdir(path) == []


def compacted(topic, batch, files, path):
    """A compacted partition, closed, with the swap file that a crash right before its last step leaves."""
    directory = topic(
        cleanup_policy="compact", segment_bytes=200, min_cleanable_dirty_ratio="0.01", segment_ms=1
    )
    log = directory.partition("t", 0)
    for number in range(8):
        log.append(batch(f"value-{number}", keys=["k"]), level=Durability.SYNC, now_ms=number * 10)
    log.compact(1_000)
    directory.close()
    first = f"{path}/{log_of(0)}"
    files.rename(first, first + ".swap")
    content = files.open(first + ".swap", read_only=True)
    data = content.read_at(0, content.size())
    content.close()
    old = files.open(first, create=True)
    old.write_at(0, data)
    old.close()
    return first


def test_a_compaction_that_was_interrupted_is_finished(topic, batch, files, path, records):
    first = compacted(topic, batch, files, path)

    result = repair(files, path, 0, execute=True)

    assert "finish it" in [one.action for one in result.measures]
    assert result.left == []
    assert not files.exists(first + ".swap")
    assert values((files, path), records)[-1] == "value-7"


def test_a_damaged_swap_file_is_set_aside(topic, batch, files, path, records):
    first = compacted(topic, batch, files, path)
    change((files, path), f"{log_of(0)}.swap", 65)

    result = repair(files, path, 0, execute=True)

    assert result.left == []
    assert files.exists(f"{result.kept_path}/{log_of(0)}.swap")
    assert not files.exists(first + ".swap")
    assert values((files, path), records)[-1] == "value-7"


def test_a_damaged_batch_of_a_compacted_segment_is_given_up(topic, batch, files, path, records):
    directory = topic(
        cleanup_policy="compact", segment_bytes=400, min_cleanable_dirty_ratio="0.01", segment_ms=1
    )
    log = directory.partition("t", 0)
    for number in range(12):
        log.append(
            batch(f"value-{number}", keys=[f"k{number % 3 * number}"]), level=Durability.SYNC, now_ms=0
        )
    log.compact(1_000_000)
    directory.close()
    before = values((files, path), records)
    change((files, path), log_of(0), 2)  # an offset far beyond: only the index can tell

    assert repair(files, path, 0, execute=True).left == []

    after = values((files, path), records)
    assert after == before
