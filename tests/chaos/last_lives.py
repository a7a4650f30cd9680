"""The lives after the last kill: one works off what is left, one reads everything.

Owns: draining those that make topics from topics, and the reading of every log from start to end.
Must not know: how lives before them ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from tests.chaos.consuming import Member
from tests.chaos.life import Life, note_bounds, note_committed
from tests.chaos.operations import Bounds, Positioned

WITHIN_S = 60.0
"""What is left after a kill is little; who has not done it by then never will."""


async def settle(life: Life, *transactional_ids: str) -> None:
    """Take over transactional ids, which ends what a killed process left open, so that others can read on."""
    for transactional_id in transactional_ids:
        async with AIOKafkaProducer(bootstrap_servers=life.link, transactional_id=transactional_id):
            pass


async def until_at_end(life: Life, groups: Mapping[str, str], workers: asyncio.Task[None] | None) -> None:
    """Wait until each group has committed all of its topic; raises what its workers fail with.

    Raises ``TimeoutError`` where a group has come no further for ``WITHIN_S``, however much is left.
    """
    member = Member(life, "lookout")
    async with AIOKafkaAdminClient(bootstrap_servers=life.link) as admin, member.consumer as consumer:
        topics = await life.learn_topics()
        for group, topic in groups.items():
            for partition in (TopicPartition(topic, number) for number in range(topics[topic])):
                reached = -1
                while (offset := await _where_left(life, admin, consumer, group, partition)) is not None:
                    if offset > reached:
                        reached, late = offset, asyncio.get_running_loop().time() + WITHIN_S
                    elif asyncio.get_running_loop().time() > late:
                        raise TimeoutError(f"group {group} stays at {offset} of {partition}, which goes on")
                    if workers is not None and workers.done():
                        workers.result()
                    await asyncio.sleep(0.05)


async def _where_left(
    life: Life, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, group: str, partition: TopicPartition
) -> int | None:
    """Where the group is, if there is more behind it; None at the end."""
    committed = await note_committed(life, admin, group, [partition])
    consumer.assign([partition])
    consumer.seek(partition, committed[partition])
    is_left = await consumer.getcolumns(timeout_ms=100, max_records=1)
    return committed[partition] if is_left else None


async def read_everything(life: Life, groups: Mapping[str, str]) -> None:
    """Every log from start to end, and every group's offsets."""
    topics = await life.learn_topics()
    partitions = [TopicPartition(topic, n) for topic, count in topics.items() for n in range(count)]
    async with AIOKafkaAdminClient(bootstrap_servers=life.link) as admin:
        bounds = await note_bounds(life, admin, partitions)
        for group, topic in groups.items():
            await note_committed(life, admin, group, [p for p in partitions if p.topic == topic])
    for partition in partitions:
        await _read(life, partition, *bounds[partition])


async def _read(life: Life, partition: TopicPartition, start: int, end: int) -> None:
    member, at = Member(life, "last"), life.partition(partition)
    async with member.consumer as consumer, asyncio.timeout(WITHIN_S):
        consumer.assign([partition])
        consumer.seek(partition, start)
        life.journal.write(Positioned(member.name, at, start))
        while await consumer.position(partition) < end:
            await member.poll(timeout_ms=5, max_records=5_000)
    life.journal.write(Bounds(at, start, end, member.name))
