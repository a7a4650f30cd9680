"""The production engine under a streams runtime: exactly-once, whichever request the process dies at."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.errors import KafkaConnectionError
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.end_txn import EndTxnRequest
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.join_group import JoinGroupRequest
from streamz_core.protocol.messages.produce import ProduceRequest
from streamz_core.protocol.messages.txn_offset_commit import TxnOffsetCommitRequest
from streamz_core.streams.processor import RecordError
from streamz_core.streams.runtime.config import RuntimeConfig
from streamz_core.streams.runtime.failures import RecordFailed
from streamz_core.streams.runtime.offsets import OffsetOutOfRange
from streamz_core.streams.runtime.runtime import StreamsRuntime
from streamz_core.streams.runtime.status import RuntimeState
from streamz_core.streams.runtime.topics import MissingTopic
from streamz_core.streams.topology import (
    ProcessorSpec,
    SourceSpec,
    StoreKind,
    StoreSpec,
    SubTopology,
    Topology,
)
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.memory_broker import MemoryBroker

if TYPE_CHECKING:
    from pathlib import Path

WRITES = (ProduceRequest, TxnOffsetCommitRequest, EndTxnRequest, InitProducerIdRequest)
PARTITIONS = 2


class Json:
    def decode(self, column):
        return [None if raw is None else orjson.loads(raw) for raw in column]

    def encode(self, value):
        return None if value is None else orjson.dumps(value)


class Counting:
    """Counts per key, and per key and window of 10 s with final results."""

    def __init__(self, poison=lambda value: False) -> None:
        self.poison = poison

    async def open(self, context) -> None:
        self.context = context
        self.totals = context.store("totals")
        self.windows = context.window_store("windows")

    async def process(self, batch, start, stop, *, may_yield) -> int:
        for index in range(start, stop):
            key, timestamp = batch.keys[index], batch.timestamps[index]
            if self.poison(batch.values[index]):
                raise RecordError(index, ValueError("poison"))
            total = self.totals.get(key, 0) + 1
            self.totals.put(key, total)
            window = timestamp - timestamp % 10_000
            self.windows.put(key, window, self.windows.get(key, window, 0) + 1)
            answer = orjson.dumps([batch.values[index], total])
            self.context.send("counts", batch.raw_keys[index], answer, timestamp)
        return stop

    async def flush(self) -> None:
        """Nothing is held back."""

    async def punctuate(self) -> None:
        time = self.context.stream_time_ms
        for key, start, count in self.windows.expire(time):
            self.context.send("finals", orjson.dumps(key), orjson.dumps([start, count]), time)

    async def close(self) -> None:
        pass


def topology(**options: Any) -> Topology:
    stores = (
        StoreSpec("totals", StoreKind.KEY_VALUE, Json(), Json()),
        StoreSpec("windows", StoreKind.WINDOW, Json(), Json(), window_size_ms=10_000),
    )
    processor = ProcessorSpec("count", ("views",), lambda: Counting(**options), ("totals", "windows"))
    source = SourceSpec("views", ("views",), Json(), Json())
    return Topology((SubTopology("count", (source,), (processor,), stores),))


class DyingLink:
    """A link whose process dies at the n-th write: before the broker hears of it, or right after."""

    def __init__(self, link: Any, dies_at: int, *, heard: bool) -> None:
        self._link, self._left, self._heard = link, dies_at, heard
        self.is_dead = False
        self.on_death = lambda: None

    @property
    def clock(self):
        return self._link.clock

    async def send(self, request):
        if self.is_dead:
            raise KafkaConnectionError("the process is dead")
        if isinstance(request, WRITES):
            self._left -= 1
            if self._left == 0:
                if self._heard:
                    await self._link.send(request)
                self.is_dead = True
                self.on_death()
                raise KafkaConnectionError("the process died")
        return await self._link.send(request)

    async def close(self) -> None:
        pass


class World:
    """A broker on a manual clock, an input, and the lives of an app on it."""

    def __init__(self, broker: MemoryBroker, clock: ManualClock, state: Path) -> None:
        self.broker, self.clock, self.state = broker, clock, state
        self.lives = itertools.count()

    async def prepare(self, records: int = 60) -> None:
        topics = [CreatableTopic(name="views", num_partitions=PARTITIONS, replication_factor=1)]
        await self.broker.broker.handle(CreateTopicsRequest(topics=topics))
        await self.produce(range(records))

    async def produce(self, numbers) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.broker.address, acks=1) as producer:
            for n in numbers:
                key, timestamp = orjson.dumps(f"k{n % 7}"), 1_000_000 + n * 1000
                await producer.send("views", b"%d" % n, key=key, timestamp_ms=timestamp, partition=n % 7 % 2)

    async def live(self, link: Any = None, **config: Any) -> StreamsRuntime:
        """One life of the app, to the point where all input is committed, or until its link is dead."""
        settings = {
            "commit_interval_ms": 100,
            "session_timeout_ms": 6_000,
            "state_dir": str(self.state / str(next(self.lives))),
            **config,
        }
        runtime = StreamsRuntime(
            topology(),
            RuntimeConfig(app_id="app", **settings),
            link or self.broker.address,
        )
        await self.work(runtime, lambda: getattr(link, "is_dead", False))
        return runtime

    async def work(self, runtime: StreamsRuntime, is_over=lambda: False) -> None:
        starting = asyncio.create_task(runtime.start())
        for _ in range(3000):
            await self.clock.advance(100)
            if starting.done():
                starting.result()
            if is_over() or (starting.done() and self.is_done(runtime)):
                break
        else:
            raise AssertionError(f"never done: {runtime.status()}")
        if not is_over():
            await starting

    def is_done(self, runtime: StreamsRuntime) -> bool:
        if runtime.failure is not None:
            raise runtime.failure
        parts = [part for task in runtime.status().tasks for part in task.partitions]
        return bool(parts) and all(part.lag == 0 and part.position == part.committed for part in parts)

    async def read(self, *topics: str) -> dict[TopicPartition, list[tuple[bytes, bytes, int]]]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.broker.address,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        consumer.subscribe(topics)
        found: defaultdict[TopicPartition, list] = defaultdict(list)
        await consumer.start()
        reading = asyncio.create_task(consumer.getcolumns(timeout_ms=200))
        while fetched := await self.clock.drive(reading):
            for partition, columns in fetched.items():
                found[partition] += zip(columns.keys, columns.values, columns.timestamps, strict=True)
            reading = asyncio.create_task(consumer.getcolumns(timeout_ms=200))
        await self.clock.drive(consumer.stop())
        return found

    async def check(self) -> None:
        found = await self.read("views", "counts", "finals", "app-totals-changelog")
        rows = {tp: rows for tp, rows in found.items() if tp.topic == "views"}
        totals: Counter[bytes] = Counter()
        windows: Counter[tuple[bytes, int]] = Counter()
        expected_counts, closed = [], set()
        for part in rows.values():
            for key, value, timestamp in part:
                totals[key] += 1
                windows[key, timestamp // 10_000 * 10_000] += 1
                expected_counts.append((key, [orjson.loads(value), totals[key]]))
            last = max(timestamp for _, _, timestamp in part)
            keys = {key for key, _, _ in part}
            closed |= {row for row in windows if row[0] in keys and row[1] + 10_000 <= last}
        counts = [(key, orjson.loads(v)) for tp in found if tp.topic == "counts" for key, v, _ in found[tp]]
        assert sorted(counts) == sorted(expected_counts)
        finals = [(k, *orjson.loads(v)) for tp in found if tp.topic == "finals" for k, v, _ in found[tp]]
        assert sorted(finals) == sorted((*row, windows[row]) for row in closed)
        changelog = [row for tp in found if tp.topic == "app-totals-changelog" for row in found[tp]]
        assert {key: orjson.loads(value) for key, value, _ in changelog} == totals


async def kill_everything(before: set[asyncio.Task[Any]], clock: ManualClock) -> None:
    """End all tasks that are not in ``before``, as the end of their process would."""
    for _ in range(200):
        left = asyncio.all_tasks() - before
        if not left:
            return
        for task in left:
            task.cancel()
        await clock.advance(1_000)
    raise AssertionError(f"cannot end {left}")


@pytest.fixture
async def world(tmp_path: Path):
    clock = ManualClock()
    async with MemoryBroker(clock=clock) as broker:
        yield World(broker, clock, tmp_path)


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
async def test_an_app_counts_and_a_restart_goes_on(world: World, guarantee: str) -> None:
    await world.prepare()
    runtime = await world.live(processing_guarantee=guarantee)
    assert runtime.state is RuntimeState.RUNNING
    assert runtime.status().is_ready
    assert runtime.status().lag == 0
    assert set(runtime.tasks) == {"count_0", "count_1"}
    await world.clock.drive(runtime.stop())
    assert runtime.state is RuntimeState.STOPPED

    await world.produce(range(60, 90))
    runtime = await world.live(processing_guarantee=guarantee)
    await world.clock.drive(runtime.stop())

    await world.check()


@pytest.mark.parametrize("heard", [False, True], ids=["before the broker heard it", "after"])
async def test_whichever_write_the_process_dies_at_nothing_is_lost_or_doubled(
    tmp_path: Path, heard: bool
) -> None:
    deaths = 0
    for dies_at in itertools.count(1):
        clock = ManualClock()
        async with MemoryBroker(clock=clock) as broker:
            world = World(broker, clock, tmp_path / str(dies_at))
            # RocksDB costs more time: every write is died at with either backend, in turn.
            state: dict[str, Any] = {} if (dies_at % 2 == 0) == heard else {"state_dir": None}
            state |= {"slice_records_max": 20, "commit_records_max": 20}
            await world.prepare()
            before = asyncio.all_tasks()
            inner = await open_link(broker.address)
            link = DyingLink(inner, dies_at, heard=heard)
            # what the dead process leaves: its files as they are at that moment
            link.on_death = lambda w=world: (
                shutil.copytree(w.state / "0", w.state / "1") if (w.state / "0").exists() else None
            )
            runtime = await world.live(link, **state)
            if link.is_dead:
                deaths += 1
                await kill_everything(before, clock)
                await world.produce(range(60, 90))
                runtime = await world.live(**state)
            await clock.drive(runtime.stop())
            await world.check()
            await inner.close()
        shutil.rmtree(tmp_path / str(dies_at), ignore_errors=True)
        if not link.is_dead:
            break
    assert deaths >= 8


async def test_two_members_share_the_partitions_and_hand_them_over(world: World) -> None:
    await world.prepare()
    first = await world.live()
    second = StreamsRuntime(
        topology(),
        RuntimeConfig(app_id="app", state_dir=str(world.state / "other"), session_timeout_ms=6_000),
        world.broker.address,
    )
    await world.work(second)
    assert len(first.tasks) == len(second.tasks) == 1
    await world.produce(range(60, 90))
    await world.clock.advance(2_000)
    await world.clock.drive(first.stop())
    await world.produce(range(90, 120))
    await world.clock.advance(20_000)
    assert len(second.tasks) == 2

    await world.clock.drive(second.stop())

    await world.check()


class MutedLink:
    """A link on which some requests get lost while it is muted: their answers never come."""

    def __init__(self, link: Any) -> None:
        self._link = link
        self.unmuted = asyncio.Event()
        self.unmuted.set()

    @property
    def clock(self):
        return self._link.clock

    async def send(self, request):
        if isinstance(request, (HeartbeatRequest, JoinGroupRequest)):
            await self.unmuted.wait()
        return await self._link.send(request)

    async def close(self) -> None:
        pass


async def test_a_member_that_the_group_gave_up_commits_nothing_and_comes_back(world: World) -> None:
    await world.prepare()
    inner = await open_link(world.broker.address)
    link = MutedLink(inner)
    zombie = await world.live(link)
    link.unmuted.clear()
    await world.clock.advance(7_000)

    heir = await world.live()
    await world.produce(range(60, 120))
    await world.clock.advance(3_000)
    assert len(heir.tasks) == 2
    assert zombie.failure is None
    link.unmuted.set()
    await world.clock.advance(20_000)
    await world.produce(range(120, 150))
    await world.clock.advance(3_000)

    assert len(heir.tasks) == len(zombie.tasks) == 1
    assert heir.status().is_ready
    assert zombie.status().is_ready
    for runtime in (heir, zombie):
        await world.clock.drive(runtime.stop())
    await inner.close()
    await world.check()


async def test_a_failing_record_stops_the_app_with_the_reason(world: World) -> None:
    await world.prepare()
    runtime = StreamsRuntime(
        topology(poison=lambda value: value == 42), RuntimeConfig(app_id="app"), world.broker.address
    )

    with pytest.raises(RecordFailed, match=r"failed on topic 'views' partition 0 offset \d+: ValueError"):
        await world.work(runtime)

    assert "poison" in str(await runtime.wait_failed())
    assert runtime.state is RuntimeState.FAILED
    await world.clock.drive(runtime.stop())


class Stuck(Counting):
    """Waits for something that never comes, at one record."""

    async def process(self, batch, start, stop, *, may_yield) -> int:
        if 42 in batch.values[start:stop]:
            await asyncio.Event().wait()
        return await super().process(batch, start, stop, may_yield=may_yield)


async def test_a_stuck_processor_does_not_keep_the_app_from_stopping(world: World, caplog) -> None:
    await world.prepare()
    [part] = topology().subtopologies
    stuck = SubTopology(
        part.name,
        part.sources,
        (ProcessorSpec("count", ("views",), Stuck, ("totals", "windows")),),
        part.stores,
    )
    config = RuntimeConfig(app_id="app", state_dir=str(world.state), shutdown_timeout_ms=5_000)
    runtime = StreamsRuntime(Topology((stuck,)), config, world.broker.address)
    await world.clock.drive(runtime.start())
    await world.clock.advance(1_000)
    began_ms = world.clock.monotonic_ms()

    await world.clock.drive(runtime.stop())

    assert 5_000 <= world.clock.monotonic_ms() - began_ms < 6_000
    assert "not stopped within shutdown_timeout_ms=5000" in caplog.text
    runtime = await world.live(state_dir=str(world.state))  # nothing holds the state's files
    await world.clock.drive(runtime.stop())
    await world.check()


async def test_a_missing_source_topic_is_named_with_the_remedy(world: World) -> None:
    runtime = StreamsRuntime(topology(), RuntimeConfig(app_id="app"), world.broker.address)

    with pytest.raises(MissingTopic, match=r"topics that do not exist: views\. Create them"):
        await world.clock.drive(runtime.start())


@pytest.mark.parametrize("policy", ["fail", "earliest"])
async def test_an_offset_that_fell_out_of_the_log_is_a_matter_of_policy(world: World, policy: str) -> None:
    from streamz_core.protocol.messages.delete_records import (
        DeleteRecordsPartition,
        DeleteRecordsRequest,
        DeleteRecordsTopic,
    )

    await world.prepare(20)
    await world.clock.drive((await world.live()).stop())
    await world.produce(range(20, 60))
    partitions = [DeleteRecordsPartition(partition_index=index, offset=15) for index in range(PARTITIONS)]
    await world.broker.broker.handle(
        DeleteRecordsRequest(
            topics=[DeleteRecordsTopic(name="views", partitions=partitions)], timeout_ms=1000
        )
    )

    if policy == "fail":
        with pytest.raises(OffsetOutOfRange, match=r"which holds offsets 15 to .*set offset_out_of_range"):
            await world.live(offset_out_of_range=policy)
    else:
        runtime = await world.live(offset_out_of_range=policy)
        await world.clock.drive(runtime.stop())
