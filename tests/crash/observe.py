"""Recover a directory and write down what it shows.

Owns: ``observe``: open with the real recovery, read everything, and ``Seen``, the result as a value.
Must not know: what is right (``verdict``).
"""

from __future__ import annotations

from dataclasses import dataclass

from streamz_core.errors import StreamzError
from streamz_core.log.directory import LogDirectory
from streamz_core.log.files import Files
from streamz_core.log.partition_log import PartitionLog
from streamz_core.protocol import record_batch
from tests.crash.history import Batch, Key, TopicState

PATH = "data"
NOW_MS = 1_700_000_000_000


Producers = dict[int, tuple[int, tuple[tuple[int, int, int, int], ...]]]
"""Producer id -> epoch and last batches: first and last sequence, first and last offset."""


@dataclass(frozen=True, slots=True)
class PartitionSeen:
    """One partition as a reader finds it."""

    start: int
    end: int
    durable_offset: int
    high_watermark: int
    last_stable_offset: int
    batches: tuple[Batch, ...]
    aborted: tuple[tuple[int, int, int], ...]
    open_producers: tuple[tuple[int, int, int | None], ...]
    latest_timestamp: tuple[int, int] | None
    producers: Producers


@dataclass(frozen=True, slots=True)
class Seen:
    """A whole directory as its user finds it."""

    cluster_id: str
    topics: dict[str, TopicState]
    partitions: dict[Key, PartitionSeen]
    failures: tuple[str, ...] = ()
    owner_epoch: int = 0

    def logical(self) -> tuple[object, ...]:
        """What must be the same after recovering again."""
        return (self.cluster_id, self.topics, self.partitions, self.failures)


def observe(files: Files) -> tuple[Seen, LogDirectory | None]:
    """Open the directory on ``files``; what it shows, and the open directory unless opening failed."""
    try:
        # Where the directory's own id was lost it is not the one that the workload began with.
        directory = LogDirectory.open(files, PATH, NOW_MS, cluster_id="made-anew")
    except (StreamzError, OSError) as refused:
        return Seen("", {}, {}, (f"open: {type(refused).__name__}: {refused}",)), None
    return look(directory), directory


def look(directory: LogDirectory) -> Seen:
    """What an open directory shows."""
    topics = {
        name: TopicState(entry.topic_id, entry.partitions, tuple(sorted(entry.configs.items())))
        for name, entry in directory.topics.items()
    }
    partitions: dict[Key, PartitionSeen] = {}
    failures: list[str] = []
    for name, state in topics.items():
        for index in range(state.partitions):
            try:
                partitions[state.topic_id, index] = look_at_partition(directory.partition(name, index))
            except (StreamzError, OSError, KeyError, AssertionError) as refused:
                failures.append(f"{name}-{index}: {type(refused).__name__}: {refused}")
    failures += [f"nobody's records are in {path}" for path in directory.unknown]
    return Seen(directory.cluster_id, topics, partitions, tuple(failures), directory.owner_epoch)


def look_at_partition(log: PartitionLog) -> PartitionSeen:
    """What an open partition shows, read through its public methods."""
    if log.failure is not None:
        raise log.failure
    start, end = log.log_start_offset, log.log_end_offset
    return PartitionSeen(
        start=start,
        end=end,
        durable_offset=log.durable_offset,
        high_watermark=log.high_watermark,
        last_stable_offset=log.last_stable_offset,
        batches=tuple(read_all(log)),
        aborted=tuple(sorted(log.aborted_transactions(start, end))),
        open_producers=tuple(sorted((pid, *state) for pid, state in log.open_producers().items())),
        latest_timestamp=log.max_timestamp(),
        producers={
            producer_id: (producer.epoch, tuple(record[:4] for record in producer.batches))
            for producer_id, producer in log._producers.producers().items()
        },
    )


def read_all(log: PartitionLog, max_bytes: int = 1 << 20) -> list[Batch]:
    """Every batch from the log's start to its end."""
    offset, end = log.log_start_offset, log.log_end_offset
    batches: list[Batch] = []
    while offset < end:
        data = bytes(log.read(offset, max_bytes, up_to=end))
        found = record_batch.split(data)
        assert found, f"the read at {offset} of [{log.log_start_offset}, {end}) found no batch"
        for position, header in found:
            batches.append(batch_of(data[position : position + header.size_bytes]))
        assert batches[-1].last + 1 > offset, f"the read at {offset} makes no progress"
        offset = batches[-1].last + 1
    return batches


def batch_of(data: bytes) -> Batch:
    """One batch's bytes as a ``Batch``; the leader epoch is the broker's own business."""
    header = record_batch.read_header(data)
    return Batch(header.base_offset, header.last_offset, data[:12] + bytes(4) + data[16:])
