"""What a client knows of topics and partitions.

Owns: ``ClusterMetadata``, the cached knowledge with aiokafka's methods to ask it, and
``MetadataCache``, which brings it up to date.
Must not know: who needs it for what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.aio.deadline import sleep
from streamz_core.client.errors import IllegalArgumentError, KafkaTimeoutError, error_for
from streamz_core.client.request import explained, is_repeatable
from streamz_core.errors import ErrorCode
from streamz_core.model import BrokerMetadata, PartitionMetadata, TopicPartition
from streamz_core.protocol.messages.metadata import (
    MetadataRequest,
    named,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.client.request import Requests
    from streamz_core.protocol.messages.metadata import MetadataResponse, MetadataTopic


class ClusterMetadata:
    """Topics and their partitions as last heard of. Assignors are given this."""

    def __init__(self) -> None:
        self.cluster_id: str | None = None
        self.internal_topics: set[str] = set()
        self._brokers: dict[int, BrokerMetadata] = {}
        self._topics: dict[str, MetadataTopic] = {}

    def brokers(self) -> set[BrokerMetadata]:
        """The brokers of the cluster."""
        return set(self._brokers.values())

    def broker_metadata(self, broker_id: int) -> BrokerMetadata | None:
        """The broker with this node id, None where there is none."""
        return self._brokers.get(broker_id)

    def topics(self, exclude_internal_topics: bool = True) -> set[str]:
        """Names of the known topics."""
        known = set(self._topics)
        return known - self.internal_topics if exclude_internal_topics else known

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """The partitions of ``topic``, None where it is unknown."""
        found = self._topics.get(topic)
        return None if found is None else {partition.partition_index for partition in found.partitions}

    def available_partitions_for_topic(self, topic: str) -> set[int] | None:
        """The partitions of ``topic`` that can be produced to now."""
        found = self._topics.get(topic)
        if found is None:
            return None
        return {p.partition_index for p in found.partitions if p.error_code == ErrorCode.NONE}

    def leader_for_partition(self, partition: TopicPartition) -> int | None:
        """The node that leads ``partition``, None where it is unknown."""
        description = self.describe(partition)
        return None if description is None else description.leader

    def partitions_for_broker(self, broker_id: int) -> set[TopicPartition] | None:
        """The partitions that a node leads, None for a node that is not there."""
        if broker_id not in self._brokers:
            return None
        return {
            TopicPartition(name, known.partition_index)
            for name, topic in self._topics.items()
            for known in topic.partitions
            if known.leader_id == broker_id
        }

    def describe(self, partition: TopicPartition) -> PartitionMetadata | None:
        """What is known of one partition."""
        found = self._topics.get(partition.topic)
        for known in found.partitions if found is not None else ():
            if known.partition_index == partition.partition:
                error = None
                if known.error_code != ErrorCode.NONE:
                    error = error_for(known.error_code, f"{partition.topic}-{partition.partition}")
                return PartitionMetadata(
                    partition.topic,
                    partition.partition,
                    known.leader_id,
                    known.replica_nodes,
                    known.isr_nodes,
                    error,
                )
        return None

    def update(self, answer: MetadataResponse, *, is_complete: bool) -> None:
        """Take ``answer`` in; a complete one also says which topics are gone."""
        self.cluster_id = answer.cluster_id
        self._brokers = {
            broker.node_id: BrokerMetadata(broker.node_id, broker.host, broker.port, broker.rack)
            for broker in answer.brokers
        }
        if is_complete:
            self._topics.clear()
            self.internal_topics.clear()
        for topic in answer.topics:
            if topic.error_code == ErrorCode.NONE:
                self._topics[topic.name] = topic
                if topic.is_internal:
                    self.internal_topics.add(topic.name)
            elif topic.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
                self._topics.pop(topic.name, None)


class MetadataCache:
    """Keeps a ``ClusterMetadata`` up to date over a link."""

    def __init__(self, requests: Requests, max_age_ms: float, *, creates: bool = True) -> None:
        """``creates``: asking for a topic that is not there may make it, where the broker does so."""
        self._requests = requests
        self._creates = creates
        self._max_age_ms = max_age_ms
        self._stale_at_ms = 0.0
        self.cluster = ClusterMetadata()

    @property
    def is_stale(self) -> bool:
        """Whether the last complete answer is older than ``metadata_max_age_ms``."""
        return self._requests.clock.monotonic_ms() >= self._stale_at_ms

    async def refresh(self) -> ClusterMetadata:
        """Ask for all topics."""
        answer = await self._requests.send(
            MetadataRequest(topics=None, allow_auto_topic_creation=False), "metadata of all topics"
        )
        self.cluster.update(answer, is_complete=True)
        self._stale_at_ms = self._requests.clock.monotonic_ms() + self._max_age_ms
        return self.cluster

    async def refresh_topics(self, topics: Iterable[str]) -> dict[str, int]:
        """Ask for ``topics`` and return the error code of each that has one; unknown ones may be created."""
        names = sorted(topics)
        answer = await self._requests.send(
            MetadataRequest(topics=named(names), allow_auto_topic_creation=self._creates),
            f"metadata of topics {names}",
        )
        self.cluster.update(answer, is_complete=False)
        return {topic.name: topic.error_code for topic in answer.topics if topic.error_code != ErrorCode.NONE}

    async def partitions_of(self, topic: str) -> set[int]:
        """The partitions of ``topic``, asking until it is known or ``request_timeout_ms`` have passed.

        Raises ``InvalidTopicError`` for a name outside the rules, ``UnknownTopicOrPartitionError`` for a
        topic that is neither there nor created on demand.
        """
        if not isinstance(topic, str):
            raise IllegalArgumentError(f"topic={topic!r}: must be text")
        clock = self._requests.clock
        ends_at_ms = clock.monotonic_ms() + self._requests.timeout_ms
        while True:
            known = self.cluster.partitions_for_topic(topic)
            if known:
                return known
            code = (await self.refresh_topics([topic])).get(topic, ErrorCode.NONE)
            if code == ErrorCode.NONE and self.cluster.partitions_for_topic(topic):
                continue
            if clock.monotonic_ms() + self._requests.retry_backoff_ms >= ends_at_ms or not is_repeatable(
                code
            ):
                break
            await sleep(clock, self._requests.retry_backoff_ms)
        if code == ErrorCode.NONE:
            raise KafkaTimeoutError(f"topic {topic!r}: the broker names no partitions of it")
        raise error_for(code, f"topic {topic!r}: {explained(code)}")
