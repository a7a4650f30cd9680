"""A pretended cluster behind the runtime's ports: transactions, fencing, and a failure at any step."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
import pytest

from streamz_core.client.errors import ProducerFenced
from streamz_core.model import OffsetAndMetadata, RecordMetadata, TopicPartition
from streamz_core.protocol.record_batch import Columns, decode
from streamz_core.serde.failure import DecodeFailure
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.changelog import topic_name
from streamz_core.state.restore import FetchedColumns
from streamz_core.streams.error_policy import FAIL
from streamz_core.streams.processor import RecordError
from streamz_core.streams.runtime.committer import AtLeastOnce, ExactlyOnce
from streamz_core.streams.runtime.config import RuntimeConfig
from streamz_core.streams.runtime.global_tables import GlobalTables
from streamz_core.streams.runtime.positions import CommittedPosition, stream_time_of
from streamz_core.streams.runtime.services import TaskServices
from streamz_core.streams.runtime.stores import StateSettings
from streamz_core.streams.runtime.task import Task
from streamz_core.streams.runtime.task_runner import TaskRunner
from streamz_core.streams.topology import ProcessorSpec, SourceSpec, StoreKind, StoreSpec, SubTopology
from streamz_core.testing.manual_clock import ManualClock


class Row(NamedTuple):
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Any = ()


def rows_of(columns: Columns) -> list[Row]:
    headers = columns.headers or [()] * len(columns)
    return [
        Row(*row)
        for row in zip(columns.keys, columns.values, columns.timestamps, map(list, headers), strict=True)
    ]


@dataclass
class FakeCluster:
    """Logs with markers at the end of every transaction, and committed offsets."""

    counts: dict[str, int] = field(default_factory=dict)
    logs: dict[TopicPartition, list[Row | None]] = field(default_factory=dict)
    offsets: dict[TopicPartition, OffsetAndMetadata] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    on_step: Any = None

    def step(self, name: str) -> None:
        self.steps.append(name)
        if self.on_step is not None:
            self.on_step(name)

    def append(self, topic: str, partition: int, *rows: Row) -> None:
        self.logs.setdefault(TopicPartition(topic, partition), []).extend(rows)

    def rows(self, topic: str, partition: int | None = None) -> list[Row]:
        wanted = [tp for tp in sorted(self.logs) if tp.topic == topic and partition in (None, tp.partition)]
        return [row for tp in wanted for row in self.logs[tp] if row is not None]

    def end(self, partition: TopicPartition) -> int:
        return len(self.logs.get(partition, ()))

    def columns(self, partition: TopicPartition, start: int, records_max: int) -> tuple[Columns, int]:
        log = self.logs.get(partition, [])
        stop = min(len(log), start + records_max)
        rows = [(offset, log[offset]) for offset in range(start, stop) if log[offset] is not None]
        has_headers = any(row.headers for _, row in rows)
        return Columns(
            [offset for offset, _ in rows],
            [row.timestamp for _, row in rows],
            [row.key for _, row in rows],
            [row.value for _, row in rows],
            [row.headers for _, row in rows] if has_headers else None,
        ), stop

    # the changelog reader's interface
    async def deletions_kept_from(self, partition: TopicPartition) -> int:
        return 0

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        return 0, self.end(partition)

    async def read(self, partition: TopicPartition, position: int) -> FetchedColumns:
        await asyncio.sleep(0)
        columns, after = self.columns(partition, position, 50)
        return FetchedColumns(columns.keys, columns.values, columns.timestamps, columns.offsets, after)

    async def committed(self, partitions: Any) -> dict[TopicPartition, CommittedPosition]:
        return {
            tp: CommittedPosition(
                self.offsets[tp].offset, stream_time_of(self.offsets[tp].metadata), self.end(tp)
            )
            if tp in self.offsets
            else CommittedPosition(0, -1, self.end(tp))
            for tp in partitions
        }

    async def count_partitions(self, topics: Any) -> dict[str, int]:
        return {topic: self.counts.get(topic, 1) for topic in topics}


class FakeProducer:
    def __init__(self, cluster: FakeCluster, transactional_id: str | None) -> None:
        self.cluster = cluster
        self.transactional_id = transactional_id
        self.epoch = -1
        self.rows: list[tuple[TopicPartition, list[Row]]] = []
        self.offsets: dict[TopicPartition, OffsetAndMetadata] = {}

    async def start(self) -> None:
        self.cluster.step("start")
        if self.transactional_id is not None:
            self.epoch = self.cluster.epochs.get(self.transactional_id, -1) + 1
            self.cluster.epochs[self.transactional_id] = self.epoch

    async def stop(self) -> None:
        self.rows, self.offsets = [], {}

    async def begin_transaction(self) -> None:
        self.cluster.step("begin")

    async def send_columns(self, topic, partition, keys, values, timestamps, headers=None):
        self.cluster.step("send")
        tp = TopicPartition(topic, partition)
        headers = headers or [()] * len(keys)
        rows = [Row(*row) for row in zip(keys, values, timestamps, headers, strict=True)]
        future = asyncio.get_running_loop().create_future()
        base = self.cluster.end(tp)
        if self.transactional_id is None:
            self.cluster.append(topic, partition, *rows)
        else:
            base += sum(len(sent) for other, sent in self.rows if other == tp)
            self.rows.append((tp, rows))
        future.set_result(RecordMetadata(topic, partition, tp, base, timestamps[0], 0, 0))
        return future

    async def send_encoded(self, topic, partition, batches):
        sent = [decode(b"".join(records.framed())) for records in batches]
        rows = [row for columns in sent for row in rows_of(columns)]
        return await self.send_columns(topic, partition, *zip(*rows, strict=True))

    async def send_offsets_to_transaction(self, offsets, group_id) -> None:
        self.cluster.step("offsets")
        self.offsets.update(offsets)

    async def commit_transaction(self) -> None:
        self.cluster.step("commit")
        if self.cluster.epochs[self.transactional_id] != self.epoch:
            raise ProducerFenced(f"{self.transactional_id} is fenced")
        for tp, rows in self.rows:
            self.cluster.append(*tp, *rows)
        for tp in {tp for tp, _ in self.rows}:
            self.cluster.logs[tp].append(None)
        self.cluster.offsets.update(self.offsets)
        self.rows, self.offsets = [], {}
        self.cluster.step("committed")

    async def abort_transaction(self) -> None:
        self.rows, self.offsets = [], {}


class FakeConsumer:
    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self.positions: dict[TopicPartition, int] = {}
        self.paused: set[TopicPartition] = set()
        self.ends: dict[TopicPartition, int] = {}
        self.open_transactions: set[TopicPartition] = set()

    def highwater(self, partition: TopicPartition) -> int | None:
        end = self.ends.get(partition)
        return end if end is None else end + (partition in self.open_transactions)

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        return self.ends.get(partition)

    def group_metadata(self) -> str:
        return "group"

    async def position(self, partition: TopicPartition) -> int:
        return self.positions[partition]

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition] = offset

    def pause(self, *partitions: TopicPartition) -> None:
        self.paused.update(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self.paused.difference_update(partitions)

    async def commit(self, offsets: Any = None) -> None:
        self.cluster.step("offset commit")
        self.cluster.offsets.update(offsets)


class Bench:
    """Runs one partition of a sub-topology against a cluster until its input is committed."""

    empty_cluster = FakeCluster

    def __init__(
        self, cluster: FakeCluster, subtopology, *, fetch_records=20, on_restore=None, **config
    ) -> None:
        self.cluster = cluster
        self.subtopology = subtopology
        self.clock = ManualClock()
        self.consumer = FakeConsumer(cluster)
        self.fetch_records = fetch_records
        state_dir, budget = config.pop("state_dir", None), config.pop("budget", None)
        self.config = RuntimeConfig(app_id="app", **config)
        kind = ExactlyOnce if self.config.is_exactly_once else AtLeastOnce
        stores = {store.name for store in subtopology.stores}
        self.services = TaskServices(
            clock=self.clock,
            consumer=self.consumer,
            changelog_reader=cluster,
            changelog_identities={name: f"cluster/{topic_name('app', name)}" for name in stores},
            partition_counts={topic: cluster.counts.get(topic, 1) for topic in subtopology.topics},
            state=StateSettings("app", state_dir, budget, CacheBudget()),
            make_committer=lambda task_id: kind(task_id, lambda: self._producer(task_id), self.consumer),
            committed_positions=cluster.committed,
            count_partitions=cluster.count_partitions,
            known_partitions=lambda topic: cluster.counts.get(topic, 1),
            global_store=GlobalTables(
                (), StateSettings("app", None, None, CacheBudget()), self.clock, lambda *_: None
            ).store,
            on_restore=on_restore or (lambda _: None),
            on_task_changed=lambda: None,
        )
        self.runner = TaskRunner(
            lambda: Task(subtopology, 0, self.config, self.services), self.config, self.clock
        )

    def _producer(self, task_id: str) -> FakeProducer:
        return FakeProducer(self.cluster, f"app-{task_id}" if self.config.is_exactly_once else None)

    def fetch(self) -> None:
        task = self.runner.task
        for tp, position in list(self.consumer.positions.items()):
            if tp in self.consumer.paused:
                continue
            columns, after = self.cluster.columns(tp, position, self.fetch_records)
            self.consumer.ends[tp] = self.cluster.end(tp)
            self.consumer.positions[tp] = after
            if len(columns) and task.add(tp, columns):
                self.consumer.pause(tp)

    @property
    def is_done(self) -> bool:
        committed = self.runner.task.committed
        return bool(committed) and all(
            not any(self.cluster.logs.get(tp, [])[offset:]) for tp, offset in committed.items()
        )

    async def run_until_committed(self, *, stop=True, turns=500) -> None:
        """Fetch and let time pass until all input is committed; raises what the task fails with."""
        running = asyncio.create_task(self.runner.run())
        try:
            for _ in range(turns):
                await self.clock.settle()
                if running.done() or self.is_done:
                    break
                self.fetch()
                await self.clock.advance(self.config.commit_interval_ms)
            else:
                raise AssertionError(f"not committed: {self.runner.task.committed}, {self.cluster.offsets}")
            if stop and not running.done():
                self.runner.stop()
                await self.clock.settle()
            if running.done() or stop:
                await running
        finally:
            running.cancel()
            await asyncio.wait([running])


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster()


@pytest.fixture
def bench():
    return Bench


@pytest.fixture
def row():
    return Row


class Json:
    """A codec for tests: JSON, and failures for what is none."""

    def decode(self, column):
        return [None if raw is None else _loads(raw) for raw in column]

    def encode(self, value):
        return None if value is None else orjson.dumps(value)


def _loads(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return DecodeFailure(error)


class Counter:
    """Counts per key and per window of 10 s; sends every count, and every window's final result."""

    def __init__(self, *, poison=lambda value: False, until=lambda: True) -> None:
        self.poison = poison
        self.until = until

    async def open(self, context) -> None:
        self.context = context
        self.totals = context.store("totals")
        self.windows = context.window_store("windows")

    async def process(self, batch, start, stop, *, may_yield) -> int:
        for index in range(start, stop):
            if may_yield and self.context.commit_request.is_pending:
                return index
            key, value, timestamp = batch.keys[index], batch.values[index], batch.timestamps[index]
            if self.poison(value):
                raise RecordError(index, ValueError(f"poison {value}"))
            total = self.totals.get(key, 0) + 1
            self.totals.put(key, total)
            window = timestamp - timestamp % 10_000
            if self.windows.late(window, batch.stream_times[index]):
                self.windows.count_late()
            else:
                self.windows.put(key, window, self.windows.get(key, window, 0) + 1)
            self.context.send("counts", batch.raw_keys[index], orjson.dumps([value, total]), timestamp)
        return stop

    async def flush(self) -> None:
        """Nothing is held back."""

    async def punctuate(self) -> None:
        time = self.context.stream_time_ms
        for key, start, count in self.windows.expire(time):
            self.context.send("finals", orjson.dumps(key), orjson.dumps([start, count]), time)

    async def close(self) -> None:
        pass


def counting(**options) -> SubTopology:
    """A sub-topology around ``Counter``."""
    on_error = options.pop("on_error", FAIL)
    on_decode_error = options.pop("on_decode_error", FAIL)
    stores = (
        StoreSpec("totals", StoreKind.KEY_VALUE, Json(), Json()),
        StoreSpec("windows", StoreKind.WINDOW, Json(), Json(), window_size_ms=10_000, grace_ms=2_000),
    )
    return SubTopology(
        "views",
        (SourceSpec("in", ("views",), Json(), Json(), on_decode_error),),
        (ProcessorSpec("count", ("in",), lambda: Counter(**options), ("totals", "windows"), on_error),),
        stores,
    )


@pytest.fixture
def topologies():
    class Topologies:
        count = staticmethod(counting)
        json = Json()
        counter = Counter

    return Topologies
