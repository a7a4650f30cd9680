"""Owns: kafka-python as ``foreign.ForeignClient``."""

from collections.abc import Iterable
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.structs import OffsetAndMetadata

from tests.clients.foreign import New, Record

WAIT_S = 30


class KafkaPythonConsumer:
    def __init__(
        self, address: str, topic: str, group: str | None, committed_only: bool, partitions: int
    ) -> None:
        self._topic = topic
        self._is_closed = False
        self.kafka = KafkaConsumer(
            bootstrap_servers=address,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed" if committed_only else "read_uncommitted",
            session_timeout_ms=6_000,
            heartbeat_interval_ms=100,
            fetch_max_wait_ms=50,
        )
        if group is None:
            self.kafka.assign([TopicPartition(topic, number) for number in range(partitions)])
        else:
            # A leader that has not heard of the topic yet assigns nothing of it, and does not look again for long.
            self.kafka.partitions_for_topic(topic)
            self.kafka.subscribe([topic])

    def poll(self) -> list[Record]:
        return [
            Record(one.partition, one.offset, one.key, one.value, one.timestamp, tuple(one.headers))
            for records in self.kafka.poll(100).values()
            for one in records
        ]

    def assignment(self) -> set[int]:
        return {one.partition for one in self.kafka.assignment()}

    def seek(self, partition: int, offset: int) -> None:
        self.kafka.seek(TopicPartition(self._topic, partition), offset)

    def commit(self) -> None:
        self.kafka.commit()

    def committed(self, partition: int) -> int | None:
        found: int | None = self.kafka.committed(TopicPartition(self._topic, partition))
        return found

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self.kafka.close()


class KafkaPythonTransaction:
    def __init__(self, address: str, transactional_id: str) -> None:
        self._producer = KafkaProducer(bootstrap_servers=address, transactional_id=transactional_id)
        self._producer.init_transactions()

    def begin(self) -> None:
        self._producer.begin_transaction()

    def send(self, topic: str, records: Iterable[New]) -> None:
        for future in [
            self._producer.send(topic, record.value, record.key, partition=record.partition or 0)
            for record in records
        ]:
            future.get(WAIT_S)

    def commit_input(self, consumer: KafkaPythonConsumer, topic: str, offsets: dict[int, int]) -> None:
        positions = {
            TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in offsets.items()
        }
        self._producer.send_offsets_to_transaction(positions, consumer.kafka.group_metadata())

    def commit(self) -> None:
        self._producer.commit_transaction()

    def abort(self) -> None:
        self._producer.abort_transaction()

    def close(self) -> None:
        self._producer.close(WAIT_S)


class KafkaPython:
    def __init__(self, address: str) -> None:
        self._address = address
        self._admin = KafkaAdminClient(bootstrap_servers=address)

    def send(
        self,
        topic: str,
        records: Iterable[New],
        *,
        compression: str = "none",
        acks: str = "all",
        idempotent: bool = False,
    ) -> list[tuple[int, int]]:
        producer = KafkaProducer(
            bootstrap_servers=self._address,
            compression_type=None if compression == "none" else compression,
            acks=acks if acks == "all" else int(acks),
            enable_idempotence=idempotent,
            linger_ms=5,
        )
        try:
            futures = [
                producer.send(
                    topic,
                    record.value,
                    record.key,
                    headers=list(record.headers),
                    partition=record.partition,
                    timestamp_ms=record.timestamp_ms,
                )
                for record in records
            ]
            sent = [future.get(WAIT_S) for future in futures]
            return [(one.partition, one.offset) for one in sent]
        finally:
            producer.close(WAIT_S)

    def consumer(
        self, topic: str, group: str | None = None, *, committed_only: bool = False
    ) -> KafkaPythonConsumer:
        return KafkaPythonConsumer(self._address, topic, group, committed_only, self.topics().get(topic, 0))

    def transaction(self, transactional_id: str) -> KafkaPythonTransaction:
        return KafkaPythonTransaction(self._address, transactional_id)

    def create_topic(self, topic: str, partitions: int, configs: dict[str, str] | None = None) -> None:
        self._admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs or {})])

    def delete_topic(self, topic: str) -> None:
        self._admin.delete_topics([topic])

    def topics(self) -> dict[str, int]:
        names = list(self._admin.list_topics())
        return (
            {one["name"]: len(one["partitions"]) for one in self._admin.describe_topics(names)}
            if names
            else {}
        )

    def add_partitions(self, topic: str, total: int) -> None:
        self._admin.create_partitions({topic: NewPartitions(total)})

    def topic_config(self, topic: str, name: str) -> str:
        found: Any = self._admin.describe_configs([self._resource(topic)], config_filter="all")
        return str(found["topic"][topic][name]["value"])

    def alter_topic_config(self, topic: str, name: str, value: str) -> None:
        self._admin.alter_configs([self._resource(topic, {name: value})])

    def groups(self) -> set[str]:
        return {one["group_id"] for one in self._admin.list_groups()}

    def group_members(self, group: str) -> int:
        return len(self._admin.describe_groups([group])[group]["members"])

    def delete_group(self, group: str) -> None:
        self._admin.delete_groups([group])

    def delete_records(self, topic: str, partition: int, before_offset: int) -> None:
        self._admin.delete_records({TopicPartition(topic, partition): before_offset})

    def offsets(self, topic: str, partition: int) -> tuple[int, int]:
        where, consumer = TopicPartition(topic, partition), self.consumer(topic)
        try:
            return consumer.kafka.beginning_offsets([where])[where], consumer.kafka.end_offsets([where])[
                where
            ]
        finally:
            consumer.close()

    def offset_for_time(self, topic: str, partition: int, timestamp_ms: int) -> int | None:
        where, consumer = TopicPartition(topic, partition), self.consumer(topic)
        try:
            found = consumer.kafka.offsets_for_times({where: timestamp_ms})[where]
            return None if found is None else int(found.offset)
        finally:
            consumer.close()

    def close(self) -> None:
        self._admin.close()

    @staticmethod
    def _resource(topic: str, configs: dict[str, str] | None = None) -> ConfigResource:
        return ConfigResource(ConfigResourceType.TOPIC, topic, configs)
