"""Where an app's fingerprint is kept: the topic ``{app id}-topology``.

Owns: that topic's name and settings, reading the latest fingerprint, writing another.
Must not know: what a fingerprint says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.app.fingerprint import Fingerprint
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest

if TYPE_CHECKING:
    from streamz_core.client.link import Link
    from streamz_core.client.producer.producer import AIOKafkaProducer

KEY: Final = b"topology"
CONFIG: Final = {"cleanup.policy": "compact"}
END: Final = -1


def topology_topic(app_id: str) -> str:
    """The topic that keeps an app's fingerprint.

    >>> topology_topic("views")
    'views-topology'
    """
    return f"{app_id}-topology"


async def load(link: Link, app_id: str) -> Fingerprint | None:
    """The latest fingerprint; None where none was kept."""
    topic = topology_topic(app_id)
    async with AIOKafkaAdminClient(bootstrap_servers=link) as admin:
        if topic not in await admin.list_topics():
            return None
        partition = TopicPartition(topic, 0)
        end = (await admin.list_offsets({partition: END}))[partition].offset
    latest: bytes | None = None
    consumer = AIOKafkaConsumer(bootstrap_servers=link, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([partition])
        while end > 0 and await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                latest = records[-1].value
    finally:
        await consumer.stop()
    return None if latest is None else Fingerprint.from_json(latest)


async def save(link: Link, producer: AIOKafkaProducer, app_id: str, found: Fingerprint) -> None:
    """Keep a fingerprint, in place of the one before."""
    topic = topology_topic(app_id)
    wanted = CreatableTopic(name=topic, num_partitions=1, replication_factor=1, configs=CONFIG)
    await link.send(CreateTopicsRequest(topics=[wanted]))  # that it is there already is no failure
    await producer.send_and_wait(topic, found.to_json(), key=KEY, partition=0)
