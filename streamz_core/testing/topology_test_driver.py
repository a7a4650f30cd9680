"""``TopologyTestDriver``: a topology run record by record, without waiting and without ``async``.

Owns: the driver's loop, clock and broker, and when everything that a record brings about has happened.
Must not know: what the topology does; how test topics encode (``test_topics``).

It is the production engine: an app on a broker in memory, with its commits, internal topics and changelogs.
Only time is not the system's: the wall clock moves by ``advance_wall_clock_time`` alone, and nothing sleeps.
After each record, those of internal topics too, all is committed, so that every update of a table is seen by
itself.
"""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from streamz_core.app.app import App
from streamz_core.app.stored_fingerprint import topology_topic
from streamz_core.app.topic_options import TopicOptions
from streamz_core.broker.config import BrokerConfig
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.errors import Misuse
from streamz_core.model import TopicPartition
from streamz_core.protocol.murmur2 import partition_for
from streamz_core.streams.dsl.builder import StreamsBuilder
from streamz_core.streams.dsl.compile import external_topics, global_topics
from streamz_core.streams.dsl.durations import Duration, milliseconds
from streamz_core.streams.graph import ANY_TOPIC
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.memory_broker import MemoryBroker
from streamz_core.testing.test_topics import TestInputTopic, TestOutputTopic, TestRecord

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from types import TracebackType

T = TypeVar("T")

TOPIC_CONFIG: Final = {"retention.ms": "-1", "message.timestamp.after.max.ms": "9223372036854775807"}
"""Event times are the test's own: neither too old to keep nor too new to believe."""
FAR_S: Final = 9e10
"""Far beyond any event time of a test: the year 4821."""
_numbers = itertools.count(1)


class TopologyTestDriver:
    """Runs an app, or what a ``StreamsBuilder`` holds, for one test.

    Example::

        builder = StreamsBuilder()
        builder.stream("lines", value_type=str).map_values(str.upper).to("shouted")
        with TopologyTestDriver(builder) as driver:
            lines = driver.create_input_topic("lines", value_type=str)
            shouted = driver.create_output_topic("shouted", value_type=str)
            lines.pipe_input("a", "hello")
            assert shouted.read_key_value() == ("a", "HELLO")

    It may be used inside a running event loop too; its calls block either way, for well under a millisecond
    of work each. ``config`` holds settings of the app.
    """

    __test__ = False

    def __init__(
        self,
        topology: App | StreamsBuilder,
        config: Mapping[str, Any] | None = None,
        initial_wall_clock_time: int = 1_700_000_000_000,
        *,
        partitions: int = 1,
    ) -> None:
        """Start; ``initial_wall_clock_time`` is in milliseconds, ``partitions`` those of every topic."""
        self.clock: Final = ManualClock(initial_wall_clock_time)
        self._loop = asyncio.new_event_loop()
        self._partitions = partitions
        self._broker = MemoryBroker(
            f"driver-{next(_numbers)}", clock=self.clock, config=BrokerConfig(auto_create_topics=False)
        )
        self.app: Final = self._app(topology, dict(config or {}))
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._read: dict[str, list[Any]] = {}
        self._threads = ThreadPoolExecutor(1, "driver")
        self._is_closed = False
        try:
            self.run(self._start())
        except BaseException:
            self.close()
            raise

    # -- topics -------------------------------------------------------------------------------------

    def create_input_topic(
        self,
        topic: str,
        key_type: Any = None,
        value_type: Any = None,
        *,
        start_timestamp: int | None = None,
        auto_advance: Duration = 0,
        **serializers: Any,
    ) -> TestInputTopic:
        """Something to pipe records into ``topic``.

        Records without a time of their own get ``start_timestamp`` (the wall clock unless given), and
        ``auto_advance`` more each time.
        """
        declared = self.app.topic(topic, key_type=key_type, value_type=value_type, **serializers)
        advance_ms = milliseconds(auto_advance, "auto_advance")
        return TestInputTopic(
            self, topic, declared.key_codec, declared.value_codec, start_timestamp, advance_ms
        )

    def create_output_topic(
        self, topic: str, key_type: Any = None, value_type: Any = None, **serializers: Any
    ) -> TestOutputTopic:
        """Something to read what was written to ``topic``; every such thing reads from the beginning."""
        declared = self.app.topic(topic, key_type=key_type, value_type=value_type, **serializers)
        return TestOutputTopic(self, topic, declared.key_codec, declared.value_codec)

    @property
    def produced_topic_names(self) -> set[str]:
        """The topics that something was written to, but for the app's note of its own topology."""
        return {topic for topic, records in self._read.items() if records} - {
            topology_topic(self.app.group_id)
        }

    # -- time ---------------------------------------------------------------------------------------

    def advance_wall_clock_time(self, by: Duration) -> None:
        """Move the wall clock on by a ``timedelta``, or milliseconds; what is due happens."""
        self.run(self._advance(milliseconds(by, "advance_wall_clock_time")))

    # -- stores -------------------------------------------------------------------------------------

    def get_state_store(self, name: str) -> Any:
        """A store of the topology; with several partitions, that of partition 0."""
        for task in self._tasks.values():
            try:
                return task.any_store(name)
            except Misuse:
                continue
        runtime = self.app.running.runtime
        if runtime is not None and name in runtime.global_tables:
            return runtime.global_tables[name]
        raise Misuse(f"there is no store {name!r} in this topology")

    # -- life ---------------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop everything; again does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self.run(self._stop())
        finally:
            self._loop.close()
            self._threads.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- as test topics see it ----------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` on the driver's loop, to its end."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._loop.run_until_complete(work)
        return self._threads.submit(self._loop.run_until_complete, work).result()

    async def pipe(self, topic: str, records: list[TestRecord]) -> None:
        """Write encoded records, one after the other has had all its effects."""
        assert self._producer is not None
        for record in records:
            assert record.timestamp is not None
            partition = record.partition
            if partition is None:
                partition = 0 if record.key is None else partition_for(record.key, self._count(topic))
            sent = await self._producer.send_columns(
                topic, partition, [record.key], [record.value], [record.timestamp], [record.headers]
            )
            await self.clock.settle()
            await sent
            await self._complete()

    def _count(self, topic: str) -> int:
        return max(1, sum(1 for partition in self._ends() if partition.topic == topic))

    def records(self, topic: str) -> list[Any]:
        """Everything that was written to ``topic`` so far, as consumer records."""
        if self._is_closed:
            raise Misuse("the driver is closed")
        return self._read.setdefault(topic, [])

    # -- starting and stopping ----------------------------------------------------------------------

    def _app(self, topology: App | StreamsBuilder, config: dict[str, Any]) -> App:
        if isinstance(topology, App):
            app = topology
        else:
            app = App(config.pop("application_id", "driver"))
            app.use(topology)
        # A driver's own commit comes after every record: no update of a table is merged with another's.
        defaults = {"timestamp_ahead_max": FAR_S, "broker_commit_every": 1}
        app.reconfigure(
            broker=self._broker.address, topic_partitions=self._partitions, **{**defaults, **config}
        )
        return app

    def _admit_all_times(self) -> None:
        """Topics of others take records of any time, and keep them."""
        app = self.app
        topics = {name for topic in app.declared.read for name in topic.topics} | set(app.topics)
        if (graph := app.declared.graph) is not None:
            topics.update(external_topics(graph), global_topics(graph))
            topics.update(node.sink for node in graph.nodes if isinstance(node.sink, str))
        for name in topics - {ANY_TOPIC}:
            options = app.topics.get(name, TopicOptions())
            app.topics[name] = replace(options, config={**options.config, **TOPIC_CONFIG})

    async def _start(self) -> None:
        self._admit_all_times()
        await self._broker.start()
        await self.app.start()
        self._producer = AIOKafkaProducer(bootstrap_servers=self._broker.address, linger_ms=0)
        await self._producer.start()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._broker.address,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        await self._consumer.start()

    async def _stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
        if self._producer is not None:
            await self._producer.stop()
        await self.app.stop()
        await self._broker.stop()

    # -- until everything has happened --------------------------------------------------------------

    @property
    def _tasks(self) -> Mapping[str, Any]:
        runtime = self.app.running.runtime
        return {} if runtime is None else runtime.tasks

    async def _advance(self, by_ms: int) -> None:
        await self.clock.advance(by_ms)
        await self._complete()

    async def _complete(self) -> None:
        """Process and commit until nothing new is written."""
        before: dict[TopicPartition, int] | None = None
        while (ends := self._ends()) != before:
            before = ends
            await self.clock.settle()
            for task in self._tasks.values():
                task.request_commit()
            await self.clock.settle()
            self._raise_failure()
        await self._collect()

    def _ends(self) -> dict[TopicPartition, int]:
        return {
            TopicPartition(log.topic, log.partition): log.log_end_offset
            for log in self._broker.broker.directory.partitions()
        }

    def _raise_failure(self) -> None:
        runtime = self.app.running.runtime
        if runtime is not None and runtime.failure is not None:
            raise runtime.failure

    async def _collect(self) -> None:
        """Fetch what was written to topics of others."""
        consumer = self._consumer
        assert consumer is not None
        partitions = [p for p in self._ends() if not p.topic.startswith("__")]
        new = [p for p in partitions if p not in consumer.assignment()]
        if new:
            positions = {p: await consumer.position(p) for p in consumer.assignment()}
            consumer.assign(partitions)
            for partition in partitions:
                consumer.seek(partition, positions.get(partition, 0))
        while fetched := await self.clock.drive(consumer.getmany(timeout_ms=1)):
            for partition, records in fetched.items():
                self._read.setdefault(partition.topic, []).extend(records)
