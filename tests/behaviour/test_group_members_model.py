"""Consumers of one group against a simple model: they come, stop, die, stall, read, commit and change what they read.

At any moment a partition has one owner among the living, as their listeners are told. Whoever reads a partition
begins at the last commit, and neither skips nor repeats a record while it owns it. Once things are quiet every
partition is owned by somebody. Once for eager and once for cooperative members.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import booleans, integers, sampled_from

from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import NewPartitions, NewTopic
from streamz_core.client.consumer.assignors.cooperative_sticky import CooperativeStickyPartitionAssignor
from streamz_core.client.consumer.assignors.roundrobin import RoundRobinPartitionAssignor
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.errors import CommitFailedError
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import OffsetAndMetadata, TopicPartition
from streamz_core.testing.manual_clock import ManualClock

SESSION_MS = 6_000
MAX_POLL_MS = 25_000
PARTITIONS_MAX = 6
SUBSCRIPTIONS = [("a",), ("b",), ("a", "b")]

_names = itertools.count()


class Reader:
    """One consumer with what its listener was told and what it has read."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.consumer = consumer
        self.owned: set[TopicPartition] = set()
        self.next_offsets: dict[TopicPartition, int] = {}
        self.is_dead = False

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        assert not self.owned & assigned, "assigned twice"
        self.owned |= assigned

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        assert revoked <= self.owned, "revoked what was not assigned"
        self._give_up(revoked)

    def on_partitions_lost(self, lost: set[TopicPartition]) -> None:
        self.on_partitions_revoked(lost)

    def _give_up(self, partitions: set[TopicPartition]) -> None:
        self.owned -= partitions
        for partition in partitions:
            self.next_offsets.pop(partition, None)


class MembersMachine(RuleBasedStateMachine):
    """Three slots for consumers of one group."""

    assignor: type = RoundRobinPartitionAssignor

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = ManualClock()
        self.readers: list[Reader | None] = [None, None, None]
        self.counts = {"a": 3, "b": 1}
        self.ends: dict[TopicPartition, int] = {}
        self.committed: dict[TopicPartition, int] = {}
        self.dead: list[Reader] = []
        self._run(self._open())

    def _run(self, work: Any) -> Any:
        return self.runner.run(self.clock.drive(work))

    def _settle(self) -> None:
        self.runner.run(self.clock.settle())

    async def _open(self) -> None:
        self.link = await open_link(f"memory://members-{next(_names)}", clock=self.clock)
        self.admin = AIOKafkaAdminClient(bootstrap_servers=self.link)
        await self.admin.start()
        await self.admin.create_topics([NewTopic(name, count, 1) for name, count in self.counts.items()])
        self.producer = AIOKafkaProducer(bootstrap_servers=self.link)
        await self.producer.start()

    def teardown(self) -> None:
        self._run(self._close())
        self.runner.close()

    async def _close(self) -> None:
        for reader in (*self.readers, *self.dead):
            if reader is not None:
                await reader.consumer.stop(commit=False)
        await self.producer.stop()
        await self.admin.close()
        await self.link.close()

    def _living(self) -> list[Reader]:
        return [reader for reader in self.readers if reader is not None]

    @rule(slot=integers(0, 2), topics=sampled_from(SUBSCRIPTIONS))
    def come(self, slot: int, topics: tuple[str, ...]) -> None:
        if self.readers[slot] is not None:
            return
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.link,
            group_id="g",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=1_000,
            max_poll_interval_ms=MAX_POLL_MS,
            metadata_max_age_ms=5_000,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[self.assignor],
        )
        reader = self.readers[slot] = Reader(consumer)
        consumer.subscribe(topics, listener=reader)
        self._run(consumer.start())
        self._settle()

    @rule(slot=integers(0, 2))
    def stop(self, slot: int) -> None:
        reader, self.readers[slot] = self.readers[slot], None
        if reader is not None:
            self._run(reader.consumer.stop())
            self._settle()

    @rule(slot=integers(0, 2))
    def die(self, slot: int) -> None:
        """Nothing more is heard of it."""
        reader, self.readers[slot] = self.readers[slot], None
        if reader is not None:
            self.dead.append(reader)
            self._run(reader.consumer._background.close())

    @rule(slot=integers(0, 2), topics=sampled_from(SUBSCRIPTIONS))
    def subscribe(self, slot: int, topics: tuple[str, ...]) -> None:
        reader = self.readers[slot]
        if reader is not None:
            reader.consumer.subscribe(topics, listener=reader)
            self._settle()

    @precondition(lambda self: self.counts["a"] < PARTITIONS_MAX)
    @rule()
    def grow(self) -> None:
        self.counts["a"] += 1
        self._run(self.admin.create_partitions({"a": NewPartitions(self.counts["a"])}))

    @rule(topic=sampled_from(["a", "b"]), count=integers(1, 5))
    def produce(self, topic: str, count: int) -> None:
        for index in range(self.counts[topic]):
            partition = TopicPartition(topic, index)
            for _ in range(count):
                self._run(self.producer.send_and_wait(topic, b"v", partition=index))
            self.ends[partition] = self.ends.get(partition, 0) + count
        self._settle()

    @rule(slot=integers(0, 2), commits=booleans())
    def read(self, slot: int, commits: bool) -> None:
        """Some records, each the one after the one before; the first is that of the last commit."""
        reader = self.readers[slot]
        if reader is None:
            return
        found = self._run(reader.consumer.getmany(timeout_ms=0, max_records=4))
        for partition, records in found.items():
            assert partition in reader.owned
            for record in records:
                expected = reader.next_offsets.get(partition, self.committed.get(partition, 0))
                assert record.offset == expected
                reader.next_offsets[partition] = record.offset + 1
        if commits and found:
            self._commit(reader, {partition: reader.next_offsets[partition] for partition in found})
        self._settle()

    def _commit(self, reader: Reader, offsets: dict[TopicPartition, int]) -> None:
        self._run(reader.consumer.commit(offsets))
        self.committed.update(offsets)

    @precondition(lambda self: any(reader.next_offsets for reader in self.dead))
    @rule()
    def commit_from_beyond(self) -> None:
        """Who is dead to the group may not know it: once its session is over its commits are refused."""
        reader = next(reader for reader in self.dead if reader.next_offsets)
        self.runner.run(self.clock.advance(SESSION_MS + 1))
        partition, offset = next(iter(reader.next_offsets.items()))
        try:
            self._run(reader.consumer._member.commits.commit({partition: OffsetAndMetadata(offset)}))  # type: ignore[union-attr]
        except CommitFailedError:
            reader.next_offsets.clear()
        else:
            raise AssertionError("a zombie committed")

    @rule(by_ms=integers(1, 20_000))
    def time_passes(self, by_ms: int) -> None:
        self.runner.run(self.clock.advance(by_ms))

    @rule()
    def quiet(self) -> None:
        """With everybody awake, and the dead out, nothing is left without an owner."""
        for _ in range(2):
            for slot in range(len(self.readers)):
                self.read(slot, commits=False)
            self.runner.run(self.clock.advance(SESSION_MS + 1))
        wanted = {topic for reader in self._living() for topic in reader.consumer.subscription()}
        owned = set().union(*(reader.owned for reader in self._living()))
        assert owned == {TopicPartition(t, index) for t in wanted for index in range(self.counts[t])}

    @invariant()
    def a_partition_has_one_owner(self) -> None:
        owned = [partition for reader in self._living() for partition in reader.owned]
        assert len(owned) == len(set(owned))

    @invariant()
    def listeners_are_told_the_truth(self) -> None:
        for reader in self._living():
            assert reader.owned == reader.consumer.assignment()


class CooperativeMachine(MembersMachine):
    """The same, with members that keep what they can."""

    assignor = CooperativeStickyPartitionAssignor


for machine in (MembersMachine, CooperativeMachine):
    machine.TestCase.settings = settings(
        max_examples=25,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


class TestEagerMembers(MembersMachine.TestCase):  # type: ignore[misc, valid-type]
    """Run by pytest."""


class TestCooperativeMembers(CooperativeMachine.TestCase):  # type: ignore[misc, valid-type]
    """Run by pytest."""
