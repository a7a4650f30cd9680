"""One life of a process on a data directory: what its actors share.

Owns: ``Life``: the link, the journal, randomness, names; opening and what is written down then.
Must not know: what the actors do, or when it will be killed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random

from streamz_core.broker.config import BrokerConfig
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.link import Link
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.metadata import MetadataRequest
from tests.chaos.journal import Journal
from tests.chaos.operations import Bounds, CommittedSeen, Opened, Partition, Sending, Sent

CONFIG = BrokerConfig(
    retention_check_interval_ms=150,
    compaction_check_interval_ms=100,
    flush_interval_ms=100,
    auto_create_topics=False,
)
CHURNED = "churn-"
"""Topics of such names come and go, so that their name alone does not say which one is meant."""

OF_APPS = ("-changelog", "-topology")


@dataclass(slots=True)
class Life:
    """What the actors of one life share."""

    directory: str
    journal: Journal
    link: Link
    random: Random
    topic_ids: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The data directory as an address."""
        return f"file://{self.directory}/data"

    def partition(self, partition: TopicPartition) -> Partition:
        """A partition as histories name it."""
        return Partition(self.label(partition.topic), partition.partition)

    def label(self, topic: str) -> str:
        """A topic as histories name it."""
        return f"{topic}@{self.topic_ids[topic]}" if topic.startswith(CHURNED) else topic

    def name(self, role: str) -> str:
        """A client's name: of this life alone."""
        return f"{role}/{self.journal.life}"

    async def learn_topics(self) -> dict[str, int]:
        """Ask which topics there are, by name with their number of partitions; internal ones left out."""
        answer = await self.link.send(MetadataRequest(topics=None, allow_auto_topic_creation=False))
        own = [topic for topic in answer.topics if topic.name is not None and not topic.is_internal]
        self.topic_ids = {str(topic.name): str(topic.topic_id)[:8] for topic in own}
        return {str(topic.name): len(topic.partitions) for topic in own}

    async def send(
        self, producer: AIOKafkaProducer, name: str, to: TopicPartition, count: int, **more: str
    ) -> asyncio.Future[None]:
        """Send fresh records; the future is done once their acknowledgement is written down.

        ``key`` is all their keys, ``transaction`` the one they belong to, ``origin`` what the one
        record is made from.
        """
        journal = self.journal
        values = [journal.call() for _ in range(count)]
        if "origin" in more:
            values = [f"{more['origin']}>{value}" for value in values]
        keys = [more["key"]] * count if "key" in more else []
        call = values[0]
        journal.write(
            Sending(
                f"{call} to {to.topic}",
                name,
                self.partition(to),
                (*values,),
                (*keys,),
                more.get("transaction", ""),
            )
        )
        now_ms = self.link.clock.now_ms()
        acknowledged = await producer.send_columns(
            to.topic,
            to.partition,
            [key.encode() for key in keys] or None,
            [value.encode() for value in values],
            [now_ms] * count,
        )

        async def note() -> None:
            first = (await acknowledged).offset
            journal.write(Sent(f"{call} to {to.topic}", tuple(range(first, first + count))))

        return asyncio.ensure_future(note())


async def begin(
    directory: str, journal: Journal, seed: int, groups: dict[str, str], config: BrokerConfig = CONFIG
) -> Life:
    """Open the directory and write down what is there; ``groups`` is each group and the topic it reads."""
    link = await open_link(f"file://{directory}/data", config=CONFIG)
    life = Life(directory, journal, link, Random(seed))
    topics = await life.learn_topics()
    # An app makes its changelogs, and the note of its topology, by itself.
    journal.write(Opened(tuple(life.label(topic) for topic in topics if not topic.endswith(OF_APPS))))
    async with AIOKafkaAdminClient(bootstrap_servers=link) as admin:
        partitions = [TopicPartition(topic, n) for topic, number in topics.items() for n in range(number)]
        await note_bounds(life, admin, partitions)
        for group, topic in groups.items():
            await note_committed(life, admin, group, [p for p in partitions if p.topic == topic])
    return life


async def note_bounds(
    life: Life, admin: AIOKafkaAdminClient, partitions: list[TopicPartition]
) -> dict[TopicPartition, tuple[int, int]]:
    """Write down where logs start and end."""
    starts = await admin.list_offsets(dict.fromkeys(partitions, -2))
    ends = await admin.list_offsets(dict.fromkeys(partitions, -1))
    bounds = {partition: (starts[partition].offset, ends[partition].offset) for partition in partitions}
    life.journal.write(*(Bounds(life.partition(partition), *bounds[partition]) for partition in partitions))
    return bounds


async def note_committed(
    life: Life, admin: AIOKafkaAdminClient, group: str, partitions: list[TopicPartition]
) -> dict[TopicPartition, int]:
    """Write down what a group has committed; 0 where that is nothing."""
    if not partitions:
        return {}
    offsets = await admin.list_consumer_group_offsets(group, partitions=partitions)
    found = {partition: offsets[partition].offset for partition in partitions}
    seen = ((life.partition(p), None if offset < 0 else offset) for p, offset in found.items())
    life.journal.write(*(CommittedSeen(group, partition, offset) for partition, offset in seen))
    return {partition: max(offset, 0) for partition, offset in found.items()}
