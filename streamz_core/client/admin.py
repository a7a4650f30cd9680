"""``AIOKafkaAdminClient``: topics, configs, groups and offsets, by aiokafka's names and signatures.

Owns: the public admin client.
Must not know: how the broker does any of it.

Beyond aiokafka: ``async with``, ``list_offsets``, ``incremental_alter_configs``,
``delete_consumer_groups``, ``alter_consumer_group_offsets``.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from streamz_core.client.admin_resources import (
    ConfigAnswer,
    GroupsAnswer,
    NewPartitions,
    NewTopic,
    RecordsToDelete,
    TopicsAnswer,
)
from streamz_core.client.consumer.offset_requests import commit_offsets, list_offsets
from streamz_core.client.consumer.subscription import check_partitions
from streamz_core.client.errors import IllegalStateError, error_for
from streamz_core.client.group_metadata import GroupMetadata
from streamz_core.client.local_link import open_link
from streamz_core.client.offsets import check_offsets
from streamz_core.client.request import Requests, name_of
from streamz_core.client.settings import check_connection, check_loop, check_number
from streamz_core.errors import ErrorCode
from streamz_core.model import OffsetAndMetadata, OffsetAndTimestamp, TopicPartition
from streamz_core.protocol.messages.configs import (
    AlterableConfig,
    AlterConfigsRequest,
    AlterConfigsResource,
    AlterConfigsResponse,
    ConfigOperation,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    IncrementalAlterConfigsRequest,
)
from streamz_core.protocol.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.delete_groups import DeleteGroupsRequest
from streamz_core.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from streamz_core.protocol.messages.delete_topics import DeleteTopicsRequest
from streamz_core.protocol.messages.describe_groups import DescribeGroupsRequest
from streamz_core.protocol.messages.fetch import IsolationLevel
from streamz_core.protocol.messages.find_coordinator import CoordinatorType, FindCoordinatorRequest
from streamz_core.protocol.messages.list_groups import ListGroupsRequest
from streamz_core.protocol.messages.metadata import MetadataRequest
from streamz_core.protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchTopic

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from streamz_core.client.admin_resources import ConfigResource
    from streamz_core.client.link import Link
    from streamz_core.protocol.messages.metadata import MetadataResponse


class AIOKafkaAdminClient:
    """Administers a log; see aiokafka's documentation for what is not said here.

    Every wait is bounded by ``request_timeout_ms``, or ``timeout_ms`` where a method takes it.

        async with AIOKafkaAdminClient(bootstrap_servers="file://./data") as admin:
            (await admin.create_topics([NewTopic("views", 4, 1)])).raise_for_errors()
    """

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        bootstrap_servers: str | list[str] | Link = "localhost",
        client_id: str = "streamz-admin",
        request_timeout_ms: int = 40_000,
        connections_max_idle_ms: int = 540_000,
        retry_backoff_ms: int = 100,
        metadata_max_age_ms: int = 300_000,
        security_protocol: str = "PLAINTEXT",
        ssl_context: Any = None,
        api_version: str | None = None,
        sasl_mechanism: str = "PLAIN",
        sasl_plain_username: str | None = None,
        sasl_plain_password: str | None = None,
        sasl_kerberos_service_name: str = "kafka",
        sasl_kerberos_domain_name: str | None = None,
        sasl_oauth_token_provider: Any = None,
    ) -> None:
        check_connection(
            bootstrap_servers,
            security_protocol=security_protocol,
            sasl_mechanism=sasl_mechanism,
            ssl_context=ssl_context,
        )
        for name, value, lowest in (
            ("request_timeout_ms", request_timeout_ms, 1),
            ("connections_max_idle_ms", connections_max_idle_ms, 0),
            ("retry_backoff_ms", retry_backoff_ms, 0),
            ("metadata_max_age_ms", metadata_max_age_ms, 1),
        ):
            check_number(name, value, lowest)
        self.client_id = client_id
        self._loop_argument = loop
        self._address = bootstrap_servers
        self._request_timeout_ms = request_timeout_ms
        self._retry_backoff_ms = retry_backoff_ms
        self._link: Link | None = None

    async def start(self) -> None:
        """Open the log."""
        if self._link is not None:
            raise IllegalStateError("start() was called before")
        check_loop(self._loop_argument, "AIOKafkaAdminClient")
        self._link = await open_link(self._address)

    async def close(self) -> None:
        """Let go of the log."""
        link, self._link = self._link, None
        if link is not None and link is not self._address:
            await link.close()

    async def __aenter__(self) -> AIOKafkaAdminClient:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def create_topics(
        self,
        new_topics: Iterable[NewTopic],
        timeout_ms: int | None = None,
        validate_only: bool = False,
    ) -> TopicsAnswer:
        """Create topics, or with ``validate_only`` say whether they could be."""
        topics = list(new_topics)
        request = CreateTopicsRequest(
            topics=[
                CreatableTopic(
                    name=topic.name,
                    num_partitions=topic.num_partitions,
                    replication_factor=topic.replication_factor,
                    assignments={index: list(ids) for index, ids in topic.replica_assignments.items()},
                    configs={key: str(value) for key, value in topic.topic_configs.items()},
                )
                for topic in topics
            ],
            validate_only=validate_only,
        )
        answer = await self._requests(timeout_ms).send(request, f"creating topics {[t.name for t in topics]}")
        return TopicsAnswer([(t.name, t.error_code, t.error_message) for t in answer.topics])

    async def delete_topics(self, topics: Iterable[str], timeout_ms: int | None = None) -> TopicsAnswer:
        """Delete topics and every record in them."""
        names = list(topics)
        request = DeleteTopicsRequest(topic_names=names)
        answer = await self._requests(timeout_ms).send(request, f"deleting topics {names}")
        return TopicsAnswer([(t.name, t.error_code, t.error_message) for t in answer.responses])

    async def list_topics(self) -> list[str]:
        """The names of all topics, internal ones included."""
        return [topic.name for topic in (await self._metadata(None)).topics]

    async def describe_topics(self, topics: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Topics and their partitions; a topic that is not there has an ``error_code``."""
        answer = await self._metadata(None if topics is None else list(topics))
        return [
            {
                "error_code": int(topic.error_code),
                "topic": topic.name,
                "is_internal": topic.is_internal,
                "partitions": [
                    {
                        "error_code": int(partition.error_code),
                        "partition": partition.partition_index,
                        "leader": partition.leader_id,
                        "replicas": list(partition.replica_nodes),
                        "isr": list(partition.isr_nodes),
                        "offline_replicas": [],
                    }
                    for partition in topic.partitions
                ],
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
        request = CreatePartitionsRequest(
            topics=[
                CreatePartitionsTopic(name=t, count=p.total_count, assignments=p.new_assignments)
                for t, p in topic_partitions.items()
            ],
            validate_only=validate_only,
        )
        what = f"adding partitions to {sorted(topic_partitions)}"
        results = (await self._requests(timeout_ms).send(request, what)).results
        answer = TopicsAnswer([(r.name, r.error_code, r.error_message) for r in results])
        answer.raise_for_errors()
        return answer

    async def describe_configs(
        self,
        config_resources: Iterable[ConfigResource],
        include_synonyms: bool = False,
    ) -> list[ConfigAnswer]:
        """The values in force; a resource's ``configs`` name those asked for, all where it has none."""
        request = DescribeConfigsRequest(
            resources=[
                DescribeConfigsResource(
                    resource_type=resource.resource_type,
                    resource_name=resource.name,
                    configuration_keys=None if not resource.configs else list(resource.configs),
                )
                for resource in config_resources
            ],
            include_synonyms=include_synonyms,
        )
        answer = await self._requests().send(request, "describing configs")
        return [
            ConfigAnswer(
                [
                    (
                        int(found.error_code),
                        found.error_message,
                        int(found.resource_type),
                        found.resource_name,
                        [
                            (
                                e.name,
                                e.value,
                                e.read_only,
                                int(e.config_source),
                                e.is_sensitive,
                                [(one.name, one.value, int(one.source)) for one in e.synonyms],
                            )
                            for e in found.configs
                        ],
                    )
                    for found in answer.results
                ]
            )
        ]

    async def alter_configs(self, config_resources: Iterable[ConfigResource]) -> list[ConfigAnswer]:
        """Replace the values of resources: what is not named goes back to its default."""
        request = AlterConfigsRequest(resources=_changes(config_resources))
        return _config_answers(await self._requests().send(request, "altering configs"))

    async def incremental_alter_configs(
        self, config_resources: Iterable[ConfigResource]
    ) -> list[ConfigAnswer]:
        """Change the named values and leave the rest; None puts one back to its default."""
        request = IncrementalAlterConfigsRequest(resources=_changes(config_resources))
        return _config_answers(await self._requests().send(request, "altering configs"))

    async def describe_consumer_groups(
        self,
        group_ids: Iterable[str],
        group_coordinator_id: int | None = None,
        include_authorized_operations: bool = False,
    ) -> list[GroupsAnswer]:
        """Groups with their state and members. There is one coordinator, and all operations are allowed."""
        del group_coordinator_id, include_authorized_operations
        names = list(group_ids)
        answer = await self._requests().send(
            DescribeGroupsRequest(groups=names), f"describing groups {names}"
        )
        for group in answer.groups:
            _raise_for(group.error_code, f"group {group.group_id!r}")
        return [
            GroupsAnswer(
                [
                    (
                        int(group.error_code),
                        group.group_id,
                        group.group_state,
                        group.protocol_type,
                        group.protocol_data,
                        [
                            (m.member_id, m.client_id, m.client_host, m.member_metadata, m.member_assignment)
                            for m in group.members
                        ],
                    )
                ]
            )
            for group in answer.groups
        ]

    async def list_consumer_groups(self, broker_ids: Iterable[int] | None = None) -> list[tuple[str, str]]:
        """(group id, protocol type) of every group; there is one broker to ask."""
        del broker_ids
        answer = await self._requests().settled(
            ListGroupsRequest(), "listing groups", lambda response: response.error_code
        )
        return [(group.group_id, group.protocol_type) for group in answer.groups]

    async def delete_consumer_groups(self, group_ids: Iterable[str]) -> None:
        """Forget groups and their offsets; ``NonEmptyGroup`` for one with members."""
        names = list(group_ids)
        answer = await self._requests().send(
            DeleteGroupsRequest(groups_names=names), f"deleting groups {names}"
        )
        for result in answer.results:
            _raise_for(result.error_code, f"group {result.group_id!r} was not deleted")

    async def find_coordinator(self, group_id: str, coordinator_type: int = 0) -> int:
        """The node that coordinates a group, or with type 1 a transactional id."""
        request = FindCoordinatorRequest(
            key_type=CoordinatorType(coordinator_type), coordinator_keys=[group_id]
        )
        answer = await self._requests().settled(
            request, f"the coordinator of {group_id!r}", lambda response: response.coordinators[0].error_code
        )
        return answer.coordinators[0].node_id

    async def list_consumer_group_offsets(
        self,
        group_id: str,
        group_coordinator_id: int | None = None,
        partitions: Iterable[TopicPartition] | None = None,
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        """What a group committed; of ``partitions`` (-1 where nothing is), or of all it has committed."""
        del group_coordinator_id
        topics = None
        if partitions is not None:
            wanted = sorted(partitions)
            check_partitions(wanted)
            topics = [
                OffsetFetchTopic(name=topic, partition_indexes=[p.partition for p in of_topic])
                for topic, of_topic in groupby(wanted, key=lambda partition: partition.topic)
            ]
        what = f"committed offsets of group {group_id!r}"
        answer = await self._requests().settled(
            OffsetFetchRequest(group_id=group_id, topics=topics), what, lambda response: response.error_code
        )
        found = {}
        for topic in answer.topics:
            for partition in topic.partitions:
                _raise_for(partition.error_code, f"{what}: {topic.name}-{partition.partition_index}")
                key = TopicPartition(topic.name, partition.partition_index)
                found[key] = OffsetAndMetadata(partition.committed_offset, partition.metadata or "")
        return found

    async def alter_consumer_group_offsets(
        self, group_id: str, offsets: Mapping[TopicPartition, int | OffsetAndMetadata | tuple[int, str]]
    ) -> None:
        """Set the committed offsets of a group without members; ``CommitFailedError`` for one with some."""
        await commit_offsets(self._requests(), GroupMetadata(group_id), check_offsets(offsets))

    async def list_offsets(
        self, timestamps: Mapping[TopicPartition, int], isolation_level: str = "read_uncommitted"
    ) -> dict[TopicPartition, OffsetAndTimestamp]:
        """The offset at each time in ms, or at -1 (end), -2 (beginning), -3 (latest time); -1 for none."""
        check_partitions(timestamps)
        return await list_offsets(self._requests(), timestamps, IsolationLevel[isolation_level.upper()])

    async def delete_records(
        self, records_to_delete: Mapping[TopicPartition, RecordsToDelete], timeout_ms: int | None = None
    ) -> dict[TopicPartition, int]:
        """Delete old records; the new first offset of each partition."""
        check_partitions(records_to_delete)
        by_topic: dict[str, list[DeleteRecordsPartition]] = {}
        for (topic, partition), wanted in sorted(records_to_delete.items(), key=lambda item: item[0]):
            by_topic.setdefault(topic, []).append(
                DeleteRecordsPartition(partition_index=partition, offset=wanted.before_offset)
            )
        request = DeleteRecordsRequest(
            topics=[DeleteRecordsTopic(name=name, partitions=parts) for name, parts in by_topic.items()]
        )
        answer = await self._requests(timeout_ms).send(request, f"deleting records of {sorted(by_topic)}")
        found = {}
        for result in answer.topics:
            for part in result.partitions:
                _raise_for(
                    part.error_code, f"records of {result.name}-{part.partition_index} were not deleted"
                )
                found[TopicPartition(result.name, part.partition_index)] = part.low_watermark
        return found

    async def _metadata(self, topics: list[str] | None) -> MetadataResponse:
        request = MetadataRequest(topics=topics, allow_auto_topic_creation=False)
        return await self._requests().send(request, "metadata")

    def _requests(self, timeout_ms: int | None = None) -> Requests:
        if self._link is None:
            raise IllegalStateError("the admin client is not started: await admin.start(), or use async with")
        return Requests(self._link, timeout_ms or self._request_timeout_ms, self._retry_backoff_ms)


def _changes(config_resources: Iterable[ConfigResource]) -> list[AlterConfigsResource]:
    return [
        AlterConfigsResource(
            resource_type=resource.resource_type,
            resource_name=resource.name,
            configs=[
                AlterableConfig(
                    name=name,
                    value=None if value is None else str(value),
                    config_operation=ConfigOperation.DELETE if value is None else ConfigOperation.SET,
                )
                for name, value in (resource.configs or {}).items()
            ],
        )
        for resource in config_resources
    ]


def _config_answers(answer: AlterConfigsResponse) -> list[ConfigAnswer]:
    return [
        ConfigAnswer(
            [
                (int(r.error_code), r.error_message, int(r.resource_type), r.resource_name)
                for r in answer.responses
            ]
        )
    ]


def _raise_for(code: int, what: str) -> None:
    if code != ErrorCode.NONE:
        raise error_for(code, f"{what}: {name_of(code)}")
