"""``DrivenApp``: an app on a broker in memory, run until everything that can happen has happened.

Owns: how an app is set up for tests, and when all that a record brings about is done.
Must not know: how tests encode records, which crash the broker's files come from.

It is the production engine with its commits, internal topics and changelogs. Only time is not the system's: a
``ManualClock`` that the test moves.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from streamz_core.app.app import App
from streamz_core.app.topic_options import TopicOptions
from streamz_core.broker.config import BrokerConfig
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.errors import Misuse
from streamz_core.model import TopicPartition
from streamz_core.protocol.murmur2 import partition_for
from streamz_core.streams.dsl.builder import StreamsBuilder
from streamz_core.streams.dsl.compile import external_topics, global_topics
from streamz_core.streams.graph import ANY_TOPIC

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamz_core.streams.runtime.task import Task
    from streamz_core.testing.manual_clock import ManualClock
    from streamz_core.testing.memory_broker import MemoryBroker
    from streamz_core.testing.test_topics import TestRecord

TOPIC_CONFIG: Final = {"retention.ms": "-1", "message.timestamp.after.max.ms": "9223372036854775807"}
"""Event times are the test's own: neither too old to keep nor too new to believe."""
FAR_S: Final = 9e10
"""Far beyond any event time of a test: the year 4821."""


def broker_config(partitions: int) -> BrokerConfig:
    """A broker that makes the topics which steps choose record by record, like those that are known beforehand."""
    return BrokerConfig(default_partitions=partitions, topic_configs=TOPIC_CONFIG)


def app_of(topology: App | StreamsBuilder, application_id: str) -> App:
    """The app itself, or one that runs what a builder holds."""
    if isinstance(topology, App):
        return topology
    if not isinstance(topology, StreamsBuilder):
        raise Misuse(f"expected an App or a StreamsBuilder, got {topology!r}")
    app = App(application_id)
    app.use(topology)
    return app


def topics_of(app: App) -> set[str]:
    """The topics of others that the app reads or writes, as far as they are known."""
    topics = {name for topic in app.declared.read for name in topic.topics} | set(app.topics)
    if (graph := app.declared.graph) is not None:
        topics.update(external_topics(graph), global_topics(graph))
        topics.update(node.sink for node in graph.nodes if isinstance(node.sink, str))
    return topics - {ANY_TOPIC}


def tasks_of(app: App) -> list[Task]:
    """The tasks of a running app."""
    runtime = app.running.runtime
    return [] if runtime is None else list(runtime.tasks.values())


def ends_of(broker: MemoryBroker) -> dict[TopicPartition, int]:
    """Where every partition of the log ends."""
    return {
        TopicPartition(log.topic, log.partition): log.log_end_offset
        for log in broker.broker.directory.partitions()
    }


async def run_to_end(apps: Sequence[App], broker: MemoryBroker, clock: ManualClock) -> None:
    """Have running apps process and commit until nothing new is written. Raises what made one fail."""
    before: dict[TopicPartition, int] | None = None
    while (ends := ends_of(broker)) != before:
        before = ends
        await clock.settle()
        for task in [task for app in apps for task in tasks_of(app)]:
            task.request_commit()
        await clock.settle()
        for app in apps:
            runtime = app.running.runtime
            if runtime is not None and runtime.failure is not None:
                raise runtime.failure


class DrivenApp:
    """One run of an app, and the records it has written."""

    def __init__(
        self,
        app: App,
        broker: MemoryBroker,
        clock: ManualClock,
        *,
        partitions: int = 1,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """``broker`` is on ``clock`` and not started; ``config`` holds settings of the app."""
        self.app: Final = app
        self.clock: Final = clock
        self.broker: Final = broker
        # A driver's own commit comes after every record: no update of a table is merged with another's.
        defaults = {"timestamp_ahead_max": FAR_S, "broker_commit_every": 1, "topic_partitions": partitions}
        app.reconfigure(broker=broker.address, **{**defaults, **(config or {})})
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self.written: Final[dict[str, list[Any]]] = {}
        """Consumer records by topic, of all topics but the broker's own."""

    @property
    def producer(self) -> AIOKafkaProducer:
        """What records are written with from outside of the app."""
        assert self._producer is not None, "start() comes first"
        return self._producer

    async def start(self) -> None:
        """Start broker and app."""
        self._admit_all_times()
        await self.broker.start()
        await self.clock.drive(self.app.start())
        self._producer = AIOKafkaProducer(bootstrap_servers=self.broker.address, linger_ms=0)
        await self._producer.start()
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self.broker.address,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        await self._consumer.start()

    async def stop(self) -> None:
        """Stop what was started."""
        if self._consumer is not None:
            await self._consumer.stop()
        if self._producer is not None:
            await self._producer.stop()
        await self.app.stop()
        await self.broker.stop()

    async def pipe(self, topic: str, records: list[TestRecord]) -> None:
        """Write encoded records, one after the other has had all its effects."""
        partitions = self._count(topic) or await self._match(topic)
        if not partitions:
            raise Misuse(f"there is no topic {topic!r}: the topology neither reads nor writes it")
        for record in records:
            assert record.timestamp is not None
            sent = await self.producer.send_columns(
                topic,
                partition_of(record, partitions),
                [record.key],
                [record.value],
                [record.timestamp],
                [record.headers],
            )
            await self.clock.settle()
            await sent
            await self.complete()

    async def advance(self, by_ms: int) -> None:
        """Move the wall clock on; what is due happens."""
        await self.clock.advance(by_ms)
        await self.complete()

    async def complete(self) -> None:
        """Process and commit until nothing new is written. Raises what made the app fail."""
        await run_to_end([self.app], self.broker, self.clock)
        await self._collect()

    def store_names(self) -> list[str]:
        """The stores and global tables of the topology."""
        runtime = self.app.running.runtime
        return [] if runtime is None else runtime.store_names()

    def store(self, name: str) -> Any:
        """A store of the topology; with several partitions, that of partition 0."""
        for task in tasks_of(self.app):
            try:
                return task.any_store(name)
            except Misuse:
                continue
        runtime = self.app.running.runtime
        if runtime is not None and name in runtime.global_tables:
            return runtime.global_tables[name]
        raise Misuse(f"there is no store {name!r} in this topology")

    def _admit_all_times(self) -> None:
        """Topics of others take records of any time, and keep them."""
        for name in topics_of(self.app):
            options = self.app.topics.get(name, TopicOptions())
            self.app.topics[name] = replace(options, config={**options.config, **TOPIC_CONFIG})

    def _count(self, topic: str) -> int:
        return sum(1 for partition in ends_of(self.broker) if partition.topic == topic)

    async def _match(self, topic: str) -> int:
        """Make a topic that the app reads by pattern, and have the app find it; its partitions, or 0."""
        runtime = self.app.running.runtime
        if runtime is None or not any(pattern.matches(topic) for pattern in self.app.declared.patterns):
            return 0
        await self.clock.drive(self.producer.partitions_for(topic))
        await self.clock.drive(runtime.look_for_topics())
        await self.complete()
        return self._count(topic)

    async def _collect(self) -> None:
        """Fetch what was written to topics of others."""
        consumer = self._consumer
        assert consumer is not None
        partitions = [p for p in ends_of(self.broker) if not p.topic.startswith("__")]
        new = [p for p in partitions if p not in consumer.assignment()]
        if new:
            positions = {p: await consumer.position(p) for p in consumer.assignment()}
            consumer.assign(partitions)
            for partition in partitions:
                consumer.seek(partition, positions.get(partition, 0))
        # Who waits, even for a millisecond, makes the clock of the driver pass.
        while fetched := await self._fetched(consumer):
            for partition, records in fetched.items():
                self.written.setdefault(partition.topic, []).extend(records)

    async def _fetched(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, list[Any]]:
        await self.clock.settle()
        return await consumer.getmany(timeout_ms=0)


def partition_of(record: TestRecord, partitions: int) -> int:
    """Where an encoded record goes: as it says, or by its key, or to partition 0."""
    if record.partition is not None:
        return record.partition
    return 0 if record.key is None else partition_for(record.key, partitions)
