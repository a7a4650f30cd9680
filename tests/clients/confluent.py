"""Owns: confluent-kafka (librdkafka) as ``foreign.ForeignClient``."""

from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
)

from tests.clients.foreign import New, Record

WAIT_S = 30


class ConfluentConsumer:
    def __init__(
        self,
        address: str,
        topic: str,
        group: str | None,
        committed_only: bool = False,
        partitions: int = 0,
        **options: Any,
    ) -> None:
        self._topic = topic
        self._consumer = Consumer(
            {
                "bootstrap.servers": address,
                "group.id": group or "nobody",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "isolation.level": "read_committed" if committed_only else "read_uncommitted",
                "fetch.wait.max.ms": 50,
                **(options or {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 100}),
            }
        )
        if group is None:
            self._consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
        else:
            self._consumer.subscribe([topic])

    @property
    def metadata(self) -> Any:
        return self._consumer.consumer_group_metadata()

    def poll(self) -> list[Record]:
        found = []
        for message in self._consumer.consume(1_000, 0.1):
            if message.error() is not None:
                raise KafkaException(message.error())
            found.append(
                Record(
                    message.partition(),
                    message.offset(),
                    message.key(),
                    message.value(),
                    message.timestamp()[1],
                    tuple(message.headers() or ()),
                )
            )
        return found

    def assignment(self) -> set[int]:
        return {one.partition for one in self._consumer.assignment()}

    def seek(self, partition: int, offset: int) -> None:
        self._consumer.seek(TopicPartition(self._topic, partition, offset))

    def commit(self) -> None:
        self._consumer.commit(asynchronous=False)

    def committed(self, partition: int) -> int | None:
        (found,) = self._consumer.committed([TopicPartition(self._topic, partition)], WAIT_S)
        return None if found.offset < 0 else found.offset

    def close(self) -> None:
        self._consumer.close()


class ConfluentTransaction:
    def __init__(self, address: str, transactional_id: str) -> None:
        self._producer = Producer({"bootstrap.servers": address, "transactional.id": transactional_id})
        self._producer.init_transactions(WAIT_S)

    def begin(self) -> None:
        self._producer.begin_transaction()

    def send(self, topic: str, records: Iterable[New]) -> None:
        for record in records:
            self._producer.produce(topic, record.value, record.key, partition=record.partition or 0)
        assert self._producer.flush(WAIT_S) == 0

    def commit_input(self, consumer: ConfluentConsumer, topic: str, offsets: dict[int, int]) -> None:
        positions = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
        self._producer.send_offsets_to_transaction(positions, consumer.metadata, WAIT_S)

    def commit(self) -> None:
        self._producer.commit_transaction(WAIT_S)

    def abort(self) -> None:
        self._producer.abort_transaction(WAIT_S)

    def close(self) -> None:
        self._producer.flush(WAIT_S)


class Confluent:
    def __init__(self, address: str) -> None:
        self._address = address
        self._admin = AdminClient({"bootstrap.servers": address})

    def send(
        self,
        topic: str,
        records: Iterable[New],
        *,
        compression: str = "none",
        acks: str = "all",
        idempotent: bool = False,
    ) -> list[tuple[int, int]]:
        producer = Producer(
            {
                "bootstrap.servers": self._address,
                "compression.type": compression,
                "acks": acks,
                "enable.idempotence": idempotent,
                "linger.ms": 5,
            }
        )
        sent: list[tuple[int, int]] = []

        def delivered(error: Any, message: Any) -> None:
            if error is not None:
                raise KafkaException(error)
            sent.append((message.partition(), message.offset()))

        for record in records:
            options: dict[str, Any] = {} if record.partition is None else {"partition": record.partition}
            if record.timestamp_ms is not None:
                options["timestamp"] = record.timestamp_ms
            producer.produce(
                topic,
                record.value,
                record.key,
                on_delivery=delivered,
                headers=list(record.headers),
                **options,
            )
        assert producer.flush(WAIT_S) == 0
        return sent

    def consumer(
        self, topic: str, group: str | None = None, *, committed_only: bool = False
    ) -> ConfluentConsumer:
        return ConfluentConsumer(self._address, topic, group, committed_only, self.topics().get(topic, 0))

    def member(self, topic: str, group: str) -> ConfluentConsumer:
        """A member by the new consumer protocol: the broker assigns, and says how often to come."""
        return ConfluentConsumer(self._address, topic, group, **{"group.protocol": "consumer"})

    def transaction(self, transactional_id: str) -> ConfluentTransaction:
        return ConfluentTransaction(self._address, transactional_id)

    def create_topic(self, topic: str, partitions: int, configs: dict[str, str] | None = None) -> None:
        self._all(self._admin.create_topics([NewTopic(topic, partitions, 1, config=configs or {})]))

    def delete_topic(self, topic: str) -> None:
        self._all(self._admin.delete_topics([topic]))

    def topics(self) -> dict[str, int]:
        return {
            name: len(one.partitions) for name, one in self._admin.list_topics(timeout=WAIT_S).topics.items()
        }

    def add_partitions(self, topic: str, total: int) -> None:
        self._all(self._admin.create_partitions([NewPartitions(topic, total)]))

    def topic_config(self, topic: str, name: str) -> str:
        (found,) = self._all(self._admin.describe_configs([ConfigResource("topic", topic)]))
        return str(found[name].value)

    def alter_topic_config(self, topic: str, name: str, value: str) -> None:
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource("topic", topic, incremental_configs=[entry])
        self._all(self._admin.incremental_alter_configs([resource]))

    def groups(self) -> set[str]:
        return {one.group_id for one in self._admin.list_consumer_groups().result(WAIT_S).valid}

    def group_members(self, group: str) -> int:
        (found,) = self._all(self._admin.describe_consumer_groups([group]))
        return len(found.members)

    def delete_group(self, group: str) -> None:
        self._all(self._admin.delete_consumer_groups([group]))

    def delete_records(self, topic: str, partition: int, before_offset: int) -> None:
        self._all(self._admin.delete_records([TopicPartition(topic, partition, before_offset)]))

    def offsets(self, topic: str, partition: int) -> tuple[int, int]:
        where = TopicPartition(topic, partition)
        (first,) = self._all(self._admin.list_offsets({where: OffsetSpec.earliest()}))
        (last,) = self._all(self._admin.list_offsets({where: OffsetSpec.latest()}))
        return first.offset, last.offset

    def offset_for_time(self, topic: str, partition: int, timestamp_ms: int) -> int | None:
        where = TopicPartition(topic, partition)
        (found,) = self._all(self._admin.list_offsets({where: OffsetSpec.for_timestamp(timestamp_ms)}))
        return None if found.offset < 0 else found.offset

    def close(self) -> None:
        self._admin.poll(0)

    @staticmethod
    def _all(futures: dict[Any, Any]) -> list[Any]:
        return [future.result(WAIT_S) for future in futures.values()]
