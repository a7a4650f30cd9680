"""Compaction in steps: what its owner does between two of them never harms, nor is harmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamz_core.log.directory import LogDirectory
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.model import Durability
from streamz_core.protocol import record_batch

if TYPE_CHECKING:
    from streamz_core.log.partition_log import PartitionLog

_CONFIGS = {
    "cleanup.policy": "compact,delete",
    "segment.bytes": "400",
    "min.cleanable.dirty.ratio": "0",
    "retention.ms": "-1",
}


@pytest.fixture
def directory() -> LogDirectory:
    directory = LogDirectory.open(MemoryFiles(), "/data", 1_000)
    directory.create_topic("c", 1, _CONFIGS)
    _append(directory.partition("c", 0), 30)
    return directory


def _append(log: PartitionLog, count: int) -> None:
    for number in range(log.log_end_offset, log.log_end_offset + count):
        batch = record_batch.encode([b"k%d" % (number % 3)], [b"%d" % number], [1_000])
        log.append(batch, level=Durability.SYNC, now_ms=1_000)
    log.sync()


def _table(log: PartitionLog) -> dict[bytes | None, bytes | None]:
    """The last value of each key, as a reader from the start finds it."""
    table: dict[bytes | None, bytes | None] = {}
    offset = log.log_start_offset
    while records := log.read(offset, 300, up_to=log.high_watermark):
        for position, header in record_batch.split(records):
            columns = record_batch.decode(records, position)
            table |= dict(zip(columns.keys, columns.values, strict=True))
            offset = header.next_offset
    return table


def test_appends_and_reads_between_the_steps(directory: LogDirectory) -> None:
    log = directory.partition("c", 0)
    size = log.size_bytes

    steps = 0
    for _ in log.compaction_steps(2_000):
        steps += 1
        if steps % 7 == 0:
            _append(log, 1)
        last = log.log_end_offset
        assert _table(log) == {b"k%d" % (n % 3): b"%d" % n for n in range(last - 3, last)}

    assert steps > 20
    assert log.log_end_offset > 30
    assert log.size_bytes < size


def test_steps_leave_what_blocking_compaction_leaves(directory: LogDirectory) -> None:
    other = LogDirectory.open(MemoryFiles(), "/data", 1_000)
    other.create_topic("c", 1, _CONFIGS)
    _append(other.partition("c", 0), 30)

    for _ in directory.partition("c", 0).compaction_steps(2_000):
        pass
    blocking = other.partition("c", 0).compact(2_000)

    assert directory.partition("c", 0).size_bytes == other.partition("c", 0).size_bytes
    assert blocking.bytes_after == other.partition("c", 0).size_bytes < blocking.bytes_before


@pytest.mark.parametrize("stop", [0, 1, 5, 29, 30, 35, 40])
def test_removing_segments_ends_the_run(directory: LogDirectory, stop: int) -> None:
    log = directory.partition("c", 0)
    steps = log.compaction_steps(2_000)
    for _, _ in zip(range(stop), steps, strict=False):
        pass

    log.delete_records_before(20)
    assert sum(1 for _ in steps) <= (0 if stop else 100)

    assert log.log_start_offset == 20
    assert _table(log) == {b"k0": b"27", b"k1": b"28", b"k2": b"29"}


@pytest.mark.parametrize("stop", [1, 20, 33, 45])
def test_a_closed_run_leaves_a_log_that_opens_again(directory: LogDirectory, stop: int) -> None:
    steps = directory.partition("c", 0).compaction_steps(2_000)
    for _, _ in zip(range(stop), steps, strict=False):
        pass
    steps.close()
    names = directory._files.listdir("/data/log/c-0")
    assert not [name for name in names if name.endswith(".cleaned")]
    directory.close()

    again = LogDirectory.open(directory._files, "/data", 5_000)

    assert _table(again.partition("c", 0)) == {b"k0": b"27", b"k1": b"28", b"k2": b"29"}
    assert again.partition("c", 0).compact(6_000).segments_after >= 1
    again.close()


def test_many_open_files_do_not_close_the_one_being_compacted(directory: LogDirectory) -> None:
    log = directory.partition("c", 0)
    directory.create_topic("other", 300)

    for _ in log.compaction_steps(2_000):
        for index in range(0, 300, 3):
            directory.partition("other", index).append(
                record_batch.encode([None], [b"x"], [1]), level=Durability.OS, now_ms=1
            )

    assert _table(log) == {b"k0": b"27", b"k1": b"28", b"k2": b"29"}
