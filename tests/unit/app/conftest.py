"""A task without a runtime: a fake ``ProcessorContext`` and the running of slices by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from streamz_core.app.agent_processor import AgentProcessor
from streamz_core.app.app import App
from streamz_core.app.table_keeper import TableKeeper
from streamz_core.clock import Clock
from streamz_core.model import TopicPartition
from streamz_core.state.cache import CachedStore
from streamz_core.state.expiring import ExpiringStore
from streamz_core.state.memory import MemoryStore
from streamz_core.state.windowed import WindowedStore
from streamz_core.streams.batch import Batch
from streamz_core.streams.commit_request import CommitRequest
from streamz_core.streams.topology import StoreKind
from streamz_core.testing.manual_clock import ManualClock

PARTITIONS = 4


class FakeContext:
    """What a task gives to its processors, with everything sent in a list."""

    def __init__(self, clock: Clock, partition: int = 0) -> None:
        self.task_id = f"agents_{partition}"
        self.partition = partition
        self.clock = clock
        self.stream_time_ms = -1
        self.commit_request = CommitRequest()
        self.sent: list[tuple[str, bytes | None, bytes | None, int, Any, int | None]] = []
        self.stores: dict[str, Any] = {}
        self.has_backlog = False

    async def is_silent(self, silence_ms: float) -> bool:
        return not self.has_backlog

    def store(self, name: str) -> Any:
        return self.stores[name]

    window_store = store

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        timestamp: int,
        headers: Any = (),
        partition: int | None = None,
    ) -> None:
        self.sent.append((topic, key, value, timestamp, headers, partition))

    def request_commit(self) -> None:
        self.commit_request.is_pending = True


class FakeTask:
    """All processors of an app on one partition; slices are handed to every reader of the topic."""

    def __init__(self, app: App, clock: ManualClock, partition: int = 0) -> None:
        self.app = app
        self.clock = clock
        self.context = FakeContext(clock, partition)
        counts = {name: PARTITIONS for topic in app.declared.read for name in topic.topics}
        (self.part,) = app.topology(counts).subtopologies
        for spec in self.part.stores:
            codecs = (MemoryStore(spec.name), spec.key_codec, spec.value_codec)
            if spec.expires:
                self.context.stores[spec.name] = ExpiringStore(*codecs)
            elif spec.kind is StoreKind.KEY_VALUE:
                self.context.stores[spec.name] = CachedStore(*codecs)
            else:
                assert spec.window_size_ms is not None
                self.context.stores[spec.name] = WindowedStore(
                    *codecs,
                    size_ms=spec.window_size_ms,
                    grace_ms=spec.grace_ms,
                    retention_ms=spec.retention_ms,
                    own_time=spec.own_time,
                )
        self.processors = [(spec, spec.supplier()) for spec in self.part.processors]
        self.offset = 0

    async def open(self) -> None:
        for _, processor in self.processors:
            await processor.open(self.context)

    def agent(self) -> AgentProcessor:
        return next(p for _, p in self.processors if isinstance(p, AgentProcessor))

    def keeper(self) -> TableKeeper:
        return next(p for _, p in self.processors if isinstance(p, TableKeeper))

    def batch(
        self,
        values: Sequence[Any],
        *,
        topic: str | None = None,
        keys: Sequence[Any] | None = None,
        timestamps: Sequence[int] | None = None,
        headers: Any = None,
    ) -> Batch:
        count = len(values)
        stamps = list(timestamps) if timestamps is not None else [1_000] * count
        time_before_ms = self.context.stream_time_ms
        self.context.stream_time_ms = max([time_before_ms, *stamps])
        offsets = list(range(self.offset, self.offset + count))
        self.offset += count
        return Batch(
            source=TopicPartition(topic or self.part.topics[0], self.context.partition),
            offsets=offsets,
            timestamps=stamps,
            time_before_ms=time_before_ms,
            latest_ms=2**62,
            keys=list(keys) if keys is not None else [None] * count,
            values=list(values),
            raw_keys=[None] * count,
            raw_values=[b"raw"] * count,
            headers=headers,
        )

    async def feed(self, values: Sequence[Any], *, punctuate: bool = True, **columns: Any) -> None:
        batch = self.batch(values, **columns)
        for spec, processor in self.processors:
            if batch.source.topic in spec.sources:
                done = await processor.process(batch, 0, len(values), may_yield=False)
                assert done == len(values)
        if punctuate:
            await self.punctuate()

    async def punctuate(self) -> None:
        for _, processor in self.processors:
            await processor.punctuate()

    async def close(self) -> None:
        for _, processor in self.processors:
            await processor.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def app() -> App:
    return App("shop", broker="memory://shop")


@pytest.fixture
async def task(app: App, clock: ManualClock):
    """Compile ``app`` and open its task: call it after the declarations."""
    opened: list[FakeTask] = []

    async def start(partition: int = 0) -> FakeTask:
        made = FakeTask(app, clock, partition)
        await made.open()
        opened.append(made)
        return made

    yield start
    for made in opened:
        await made.close()


StartTask = Callable[..., Any]
