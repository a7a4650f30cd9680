"""The administrator who never rests: topics made and deleted, records deleted, settings changed.

Owns: the topics of the soak with their settings, and the churn.
Must not know: what producers and consumers make of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import ConfigResource, NewTopic, RecordsToDelete
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.configs import ConfigResourceType
from tests.chaos.life import CHURNED, Life, note_bounds
from tests.chaos.operations import (
    Created,
    Creating,
    Declared,
    Deleted,
    Deleting,
    Kind,
    Partition,
    Trimming,
)
from tests.chaos.producing import pause

SMALL = {"segment.bytes": "16384", "index.interval.bytes": "1024"}
TOPICS: Mapping[str, tuple[int, Mapping[str, str]]] = {
    "log-a": (2, SMALL),
    "log-b": (2, SMALL),
    "copies": (2, SMALL),
    "trimmed": (1, SMALL),
    "retained": (1, {"segment.bytes": "4096", "retention.bytes": "16384", "preallocate": "true"}),
    "latest": (
        1,
        {
            "segment.bytes": "4096",
            "cleanup.policy": "compact",
            "min.cleanable.dirty.ratio": "0.1",
            "preallocate": "true",
        },
    ),
    "views": (2, SMALL),
    "counts": (2, SMALL),
    "finals": (2, SMALL),
}
DECLARED = (
    Declared("copies", source="log-a", group="copies"),
    Declared("latest", Kind.COMPACTED),
    Declared("counts", Kind.DERIVED, source="views", group="counting"),
    Declared("finals", Kind.DERIVED),
    Declared("counting-totals-changelog", Kind.DERIVED),
    Declared("counting-windows-changelog", Kind.DERIVED),
    Declared("counting-topology", Kind.DERIVED),
)
EVERYTHING = 1 << 60


async def prepare(life: Life) -> None:
    """Make the topics, before anything is killed."""
    life.journal.write(*DECLARED, Trimming(Partition("retained", 0), EVERYTHING))
    async with AIOKafkaAdminClient(bootstrap_servers=life.link) as admin:
        for name, (partitions, configs) in TOPICS.items():
            await create(life, admin, name, partitions, configs)


async def create(
    life: Life, admin: AIOKafkaAdminClient, name: str, partitions: int, configs: Mapping[str, str]
) -> None:
    """Create a topic and write down what became of it."""
    life.journal.write(Creating(name))
    answer = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
    answer.raise_for_errors()
    await life.learn_topics()
    life.journal.write(Created(life.label(name)))


async def delete(life: Life, admin: AIOKafkaAdminClient, name: str) -> None:
    """Delete a topic and write down what became of it."""
    label = life.label(name)
    life.journal.write(Deleting(label))
    (await admin.delete_topics([name])).raise_for_errors()
    life.journal.write(Deleted(label))
    await life.learn_topics()


async def churn(life: Life) -> None:
    """Make topics, write to them, delete them; delete records; change settings; again and again."""
    async with (
        AIOKafkaAdminClient(bootstrap_servers=life.link) as admin,
        AIOKafkaProducer(bootstrap_servers=life.link, enable_idempotence=True) as producer,
    ):
        while True:
            name = f"{CHURNED}{life.random.randrange(3)}"
            if name in life.topic_ids:
                await delete(life, admin, name)
            else:
                await create(life, admin, name, 1, SMALL)
                await (await life.send(producer, life.name("churner"), TopicPartition(name, 0), 5))
            await trim(life, admin)
            await change_settings(life, admin)
            await pause(life, 0.05)


async def trim(life: Life, admin: AIOKafkaAdminClient) -> None:
    """Delete some records of the topic that is there for it."""
    partition = TopicPartition("trimmed", 0)
    start, end = (await note_bounds(life, admin, [partition]))[partition]
    offset = life.random.randint(start, end)
    life.journal.write(Trimming(life.partition(partition), offset))
    await admin.delete_records({partition: RecordsToDelete(offset)})
    await note_bounds(life, admin, [partition])


async def change_settings(life: Life, admin: AIOKafkaAdminClient) -> None:
    """Change a setting that takes effect at once and promises nothing else."""
    size = life.random.choice(("4096", "8192", "16384"))
    resource = ConfigResource(ConfigResourceType.TOPIC, "trimmed", configs={"segment.bytes": size})
    await admin.incremental_alter_configs([resource])
