"""Owns: aiokafka as ``foreign.ForeignClient``: its coroutines run on an event loop of their own thread."""

import asyncio
import threading
from collections.abc import Coroutine, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.clients.foreign import New, Record

WAIT_S = 30


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="aiokafka", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_S)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class AiokafkaConsumer:
    def __init__(self, loop: Loop, topic: str, consumer: AIOKafkaConsumer) -> None:
        self._loop = loop
        self._topic = topic
        self.kafka = consumer
        self._is_closed = False

    def poll(self) -> list[Record]:
        found = self._loop.run(self.kafka.getmany(timeout_ms=100))
        return [
            Record(one.partition, one.offset, one.key, one.value, one.timestamp, tuple(one.headers))
            for records in found.values()
            for one in records
        ]

    def assignment(self) -> set[int]:
        return {one.partition for one in self.kafka.assignment()}

    def seek(self, partition: int, offset: int) -> None:
        self.kafka.seek(TopicPartition(self._topic, partition), offset)

    def commit(self) -> None:
        self._loop.run(self.kafka.commit())

    def committed(self, partition: int) -> int | None:
        found: int | None = self._loop.run(self.kafka.committed(TopicPartition(self._topic, partition)))
        return found

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._loop.run(self.kafka.stop())


class AiokafkaTransaction:
    def __init__(self, loop: Loop, producer: AIOKafkaProducer) -> None:
        self._loop = loop
        self._producer = producer
        self._group = ""

    def begin(self) -> None:
        self._loop.run(self._producer.begin_transaction())

    def send(self, topic: str, records: Iterable[New]) -> None:
        for record in records:
            self._loop.run(
                self._producer.send_and_wait(topic, record.value, record.key, record.partition or 0)
            )

    def commit_input(self, consumer: AiokafkaConsumer, topic: str, offsets: dict[int, int]) -> None:
        positions = {TopicPartition(topic, partition): offset for partition, offset in offsets.items()}
        group = consumer.kafka._group_id
        self._loop.run(self._producer.send_offsets_to_transaction(positions, group))

    def commit(self) -> None:
        self._loop.run(self._producer.commit_transaction())

    def abort(self) -> None:
        self._loop.run(self._producer.abort_transaction())

    def close(self) -> None:
        self._loop.run(self._producer.stop())


class Aiokafka:
    def __init__(self, address: str) -> None:
        self._address = address
        self._loop = Loop()
        self._admin = self._loop.run(self._start_admin())

    async def _start_admin(self) -> AIOKafkaAdminClient:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._address)
        await admin.start()
        return admin

    def send(self, topic: str, records: Iterable[New], **options: Any) -> list[tuple[int, int]]:
        sent: list[tuple[int, int]] = self._loop.run(self._send(topic, list(records), **options))
        return sent

    async def _send(
        self,
        topic: str,
        records: list[New],
        compression: str = "none",
        acks: str = "all",
        idempotent: bool = False,
    ) -> list[tuple[int, int]]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._address,
            compression_type=None if compression == "none" else compression,
            acks=acks if acks == "all" else int(acks),
            enable_idempotence=idempotent,
        )
        await producer.start()
        try:
            futures = [
                await producer.send(
                    topic, one.value, one.key, one.partition, one.timestamp_ms, list(one.headers) or None
                )
                for one in records
            ]
            # With acks=0 nobody knows where they went.
            return [(one.partition, one.offset) for one in await asyncio.gather(*futures) if one is not None]
        finally:
            await producer.stop()

    def consumer(
        self, topic: str, group: str | None = None, *, committed_only: bool = False
    ) -> AiokafkaConsumer:
        consumer = self._loop.run(
            self._start_consumer(topic, group, committed_only, self.topics().get(topic, 0))
        )
        return AiokafkaConsumer(self._loop, topic, consumer)

    async def _start_consumer(
        self, topic: str, group: str | None, committed_only: bool, partitions: int
    ) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            *([topic] if group else []),
            bootstrap_servers=self._address,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed" if committed_only else "read_uncommitted",
            session_timeout_ms=6_000,
            heartbeat_interval_ms=100,
            fetch_max_wait_ms=50,
        )
        if group is None:
            consumer.assign([TopicPartition(topic, number) for number in range(partitions)])
        await consumer.start()
        return consumer

    def transaction(self, transactional_id: str) -> AiokafkaTransaction:
        return AiokafkaTransaction(self._loop, self._loop.run(self._start_transaction(transactional_id)))

    async def _start_transaction(self, transactional_id: str) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(bootstrap_servers=self._address, transactional_id=transactional_id)
        await producer.start()
        return producer

    def create_topic(self, topic: str, partitions: int, configs: dict[str, str] | None = None) -> None:
        answer = self._loop.run(
            self._admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs or {})])
        )
        assert [error[1] for error in answer.topic_errors] == [0]

    def delete_topic(self, topic: str) -> None:
        self._loop.run(self._admin.delete_topics([topic]))

    def topics(self) -> dict[str, int]:
        return {one["topic"]: len(one["partitions"]) for one in self._loop.run(self._admin.describe_topics())}

    def add_partitions(self, topic: str, total: int) -> None:
        answer = self._loop.run(self._admin.create_partitions({topic: NewPartitions(total)}))
        assert [error[1] for error in answer.topic_errors] == [0]

    def topic_config(self, topic: str, name: str) -> str:
        (answer,) = self._loop.run(self._admin.describe_configs([self._resource(topic)]))
        entries = answer.resources[0][4]
        return str(next(entry[1] for entry in entries if entry[0] == name))

    def alter_topic_config(self, topic: str, name: str, value: str) -> None:
        (answer,) = self._loop.run(self._admin.alter_configs([self._resource(topic, {name: value})]))
        assert answer.resources[0][0] == 0

    def groups(self) -> set[str]:
        return {name for name, _ in self._loop.run(self._admin.list_consumer_groups())}

    def group_members(self, group: str) -> int:
        (answer,) = self._loop.run(self._admin.describe_consumer_groups([group]))
        return len(answer.groups[0][5])

    def delete_records(self, topic: str, partition: int, before_offset: int) -> None:
        self._loop.run(
            self._admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset)})
        )

    def offsets(self, topic: str, partition: int) -> tuple[int, int]:
        where, consumer = TopicPartition(topic, partition), self.consumer(topic)
        try:
            first = self._loop.run(consumer.kafka.beginning_offsets([where]))[where]
            return first, self._loop.run(consumer.kafka.end_offsets([where]))[where]
        finally:
            consumer.close()

    def offset_for_time(self, topic: str, partition: int, timestamp_ms: int) -> int | None:
        where, consumer = TopicPartition(topic, partition), self.consumer(topic)
        try:
            found = self._loop.run(consumer.kafka.offsets_for_times({where: timestamp_ms}))[where]
            return None if found is None else int(found.offset)
        finally:
            consumer.close()

    def close(self) -> None:
        self._loop.run(self._admin.close())
        self._loop.close()

    @staticmethod
    def _resource(topic: str, configs: dict[str, str] | None = None) -> ConfigResource:
        return ConfigResource(ConfigResourceType.TOPIC, topic, configs)
