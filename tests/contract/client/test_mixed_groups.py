"""Owns: an embedded consumer beside a member of the consumer protocol (KIP-848), as one on a connection may be."""

from __future__ import annotations

import asyncio

from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.local_link import broker_of, open_link
from streamz_core.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupTopicPartitions,
)
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest

ADDRESS = "memory://mixed-groups"
TURNS = 3_000


class Member:
    """A member of the consumer protocol, in as many words as it needs."""

    def __init__(self, link, topic_id):
        self.link = link
        self.topic_id = topic_id
        self.epoch = 0
        self.owned = []

    async def beat(self, epoch=None):
        owned = (
            [ConsumerGroupTopicPartitions(topic_id=self.topic_id, partitions=self.owned)]
            if self.owned
            else []
        )
        joining = {"rebalance_timeout_ms": 5_000, "subscribed_topic_names": ["t"]} if self.epoch == 0 else {}
        answer = await self.link.send(
            ConsumerGroupHeartbeatRequest(
                group_id="g",
                member_id="m",
                member_epoch=self.epoch if epoch is None else epoch,
                client_host="elsewhere",
                topic_partitions=owned,
                **joining,
            )
        )
        self.epoch = answer.member_epoch
        if answer.assignment is not None:
            self.owned = [
                number for topic in answer.assignment.topic_partitions for number in topic.partitions
            ]


async def test_an_embedded_consumer_shares_with_a_member_of_the_other_protocol():
    link = await open_link(ADDRESS)
    await link.send(CreateTopicsRequest(topics=[CreatableTopic(name="t", num_partitions=4)]))
    member = Member(link, broker_of(link).directory.topics["t"].topic_id)
    async with AIOKafkaConsumer("t", bootstrap_servers=ADDRESS, group_id="g") as consumer:
        assert len(consumer.assignment()) == 4

        for _ in range(TURNS):
            await member.beat()
            if len(member.owned) == len(consumer.assignment()) == 2:
                break
            await asyncio.sleep(0.02)
        read = {partition.partition for partition in consumer.assignment()}
        assert sorted([*read, *member.owned]) == [0, 1, 2, 3]

        await member.beat(-1)
        for _ in range(TURNS):
            if len(consumer.assignment()) == 4:
                break
            await asyncio.sleep(0.02)
        assert len(consumer.assignment()) == 4
    await link.close()
