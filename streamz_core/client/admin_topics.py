"""Administering topics and what is in them.

Owns: the admin client's methods about topics, partitions and records.
Must not know: groups, configs beyond those a topic is created with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamz_core.client.admin_answers import DeletedTopicsAnswer, TopicError, TopicsAnswer
from streamz_core.client.admin_arguments import config_text, dict_of, list_of
from streamz_core.client.admin_resources import NewPartitions, NewTopic, RecordsToDelete
from streamz_core.client.admin_session import AdminSession, raise_for
from streamz_core.client.consumer.offset_requests import list_offsets
from streamz_core.client.consumer.settings import ISOLATION_LEVELS
from streamz_core.client.errors import IllegalArgumentError
from streamz_core.client.settings import check_choice
from streamz_core.model import OffsetAndTimestamp, TopicPartition
from streamz_core.protocol.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from streamz_core.protocol.messages.delete_topics import (
    DeleteTopicsRequest,
    DeleteTopicState,
)
from streamz_core.protocol.messages.fetch import IsolationLevel
from streamz_core.protocol.messages.metadata import (
    MetadataRequest,
    named,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.protocol.messages.create_partitions import CreatePartitionsTopicResult
    from streamz_core.protocol.messages.create_topics import CreatableTopicResult
    from streamz_core.protocol.messages.delete_topics import DeletableTopicResult
    from streamz_core.protocol.messages.metadata import MetadataPartition, MetadataResponse


class TopicAdministration(AdminSession):
    """Topics, partitions, records, and the offsets they are at."""

    async def create_topics(
        self,
        new_topics: Iterable[NewTopic],
        timeout_ms: int | None = None,
        validate_only: bool = False,
    ) -> TopicsAnswer:
        """Create topics, or with ``validate_only`` say whether they could be."""
        requests = self._requests(timeout_ms)
        topics = [self._creatable(topic) for topic in list_of(NewTopic, "new_topics", new_topics)]
        request = CreateTopicsRequest(topics=topics, validate_only=validate_only)
        answer = await requests.send(request, f"creating topics {[topic.name for topic in topics]}")
        return TopicsAnswer(topic_errors=[_topic_error(topic) for topic in answer.topics])

    async def delete_topics(
        self, topics: Iterable[str], timeout_ms: int | None = None
    ) -> DeletedTopicsAnswer:
        """Delete topics and every record in them."""
        names = list_of(str, "topics", topics)
        request = DeleteTopicsRequest(topics=[DeleteTopicState(name=name) for name in names])
        answer = await self._requests(timeout_ms).send(request, f"deleting topics {names}")
        return DeletedTopicsAnswer(topic_errors=[_topic_error(topic) for topic in answer.responses])

    async def list_topics(self) -> list[str]:
        """The names of all topics, internal ones included."""
        return [topic.name for topic in (await self._metadata(None)).topics]

    async def describe_topics(self, topics: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Topics and their partitions; a topic that is not there has an ``error_code``."""
        answer = await self._metadata(None if topics is None else list_of(str, "topics", topics))
        return [
            {
                "error_code": int(topic.error_code),
                "topic": topic.name,
                "is_internal": topic.is_internal,
                "partitions": [_described(partition) for partition in topic.partitions],
            }
            for topic in answer.topics
        ]

    async def describe_cluster(self) -> dict[str, Any]:
        """Cluster id, controller and brokers."""
        answer = await self._metadata([])
        return {
            "throttle_time_ms": answer.throttle_time_ms,
            "brokers": [
                {"node_id": b.node_id, "host": b.host, "port": b.port, "rack": b.rack} for b in answer.brokers
            ],
            "cluster_id": answer.cluster_id,
            "controller_id": answer.controller_id,
        }

    async def create_partitions(
        self,
        topic_partitions: Mapping[str, NewPartitions],
        timeout_ms: int | None = None,
        validate_only: bool = False,
    ) -> TopicsAnswer:
        """Add partitions; raises what the first topic that could not have them failed with."""
        requests = self._requests(timeout_ms)
        topics = dict_of(str, NewPartitions, "topic_partitions", topic_partitions)
        for topic, wanted in topics.items():
            self._check_replicas(f"topic {topic!r}: new_assignments", wanted.new_assignments or ())
        request = CreatePartitionsRequest(
            topics=[CreatePartitionsTopic(name=t, count=p.total_count) for t, p in topics.items()],
            validate_only=validate_only,
        )
        answer = await requests.send(request, f"adding partitions to {sorted(topics)}")
        found = TopicsAnswer(topic_errors=[_topic_error(topic) for topic in answer.results])
        found.raise_for_errors()
        return found

    async def list_offsets(
        self, timestamps: Mapping[TopicPartition, int], isolation_level: str = "read_uncommitted"
    ) -> dict[TopicPartition, OffsetAndTimestamp]:
        """The offset at each time in ms, or at -1 (end), -2 (beginning), -3 (latest time); -1 for none."""
        check_choice("isolation_level", isolation_level, ISOLATION_LEVELS)
        asked = dict_of(TopicPartition, int, "timestamps", timestamps)
        return await list_offsets(self._requests(), asked, IsolationLevel[isolation_level.upper()])

    async def delete_records(
        self, records_to_delete: Mapping[TopicPartition, RecordsToDelete], timeout_ms: int | None = None
    ) -> dict[TopicPartition, int]:
        """Delete old records; the new first offset of each partition."""
        before = dict_of(TopicPartition, RecordsToDelete, "records_to_delete", records_to_delete)
        by_topic: dict[str, list[DeleteRecordsPartition]] = {}
        for (topic, partition), wanted in sorted(before.items(), key=lambda item: item[0]):
            by_topic.setdefault(topic, []).append(
                DeleteRecordsPartition(partition_index=partition, offset=wanted.before_offset)
            )
        request = DeleteRecordsRequest(
            topics=[DeleteRecordsTopic(name=name, partitions=parts) for name, parts in by_topic.items()]
        )
        answer = await self._requests(timeout_ms).send(request, f"deleting records of {sorted(by_topic)}")
        found = {}
        for topic_found in answer.topics:
            for result in topic_found.partitions:
                key = TopicPartition(topic_found.name, result.partition_index)
                what = f"records of {key.topic!r} partition {key.partition} before offset "
                raise_for(result.error_code, f"{what}{before[key].before_offset} were not deleted")
                found[key] = result.low_watermark
        return found

    async def _metadata(self, topics: list[str] | None) -> MetadataResponse:
        wanted = None if topics is None else named(topics)
        request = MetadataRequest(topics=wanted, allow_auto_topic_creation=False)
        return await self._requests().send(request, "metadata")

    def _creatable(self, topic: NewTopic) -> CreatableTopic:
        """``topic`` for the request; by ``replica_assignments`` it has a partition for each of them."""
        assignments = topic.replica_assignments
        if assignments:
            self._check_replicas(f"topic {topic.name!r}: replica_assignments", assignments.values())
            if sorted(assignments) != list(range(len(assignments))):
                raise IllegalArgumentError(
                    f"topic {topic.name!r}: replica_assignments={assignments!r}: must name partitions 0, 1, ..."
                )
        return CreatableTopic(
            name=topic.name,
            num_partitions=len(assignments) or topic.num_partitions,
            replication_factor=1 if assignments else topic.replication_factor,
            configs={key: config_text(value) for key, value in topic.topic_configs.items()},
        )

    def _check_replicas(self, what: str, assignments: Iterable[list[int]]) -> None:
        for nodes in assignments:
            if len(nodes) != 1:
                raise IllegalArgumentError(f"{what}: {nodes!r} cannot be had: there is one copy, on one node")
            self._check_node(what, nodes[0])


def _topic_error(
    result: CreatableTopicResult | DeletableTopicResult | CreatePartitionsTopicResult,
) -> TopicError:
    return TopicError(result.name, int(result.error_code), result.error_message)


def _described(partition: MetadataPartition) -> dict[str, Any]:
    return {
        "error_code": int(partition.error_code),
        "partition": partition.partition_index,
        "leader": partition.leader_id,
        "replicas": list(partition.replica_nodes),
        "isr": list(partition.isr_nodes),
        "offline_replicas": [],
    }
