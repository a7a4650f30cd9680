"""What the APIs about topics and records need.

Owns: their rows.
Must not know: who asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.acls import AclOperation, ResourceType
from streamz_core.protocol.messages.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsTopicResult,
)
from streamz_core.protocol.messages.create_topics import CreatableTopicResult, CreateTopicsRequest
from streamz_core.protocol.messages.delete_records import (
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsTopicResult,
)
from streamz_core.protocol.messages.delete_topics import DeletableTopicResult, DeleteTopicsRequest
from streamz_core.protocol.messages.describe_producers import (
    DescribeProducersPartition,
    DescribeProducersRequest,
    DescribeProducersTopicResponse,
)
from streamz_core.protocol.messages.describe_topic_partitions import (
    DescribedTopic,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsTopic,
)
from streamz_core.protocol.messages.fetch import FetchPartitionResponse, FetchRequest, FetchTopicResponse
from streamz_core.protocol.messages.list_offsets import (
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsTopicResponse,
)
from streamz_core.protocol.messages.metadata import MetadataRequest, MetadataTopic
from streamz_core.protocol.messages.offset_for_leader_epoch import (
    EpochEndOffset,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderTopicResult,
)
from streamz_core.protocol.messages.produce import (
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceResponse,
)
from streamz_core.server.security.api import (
    ALTER_TOPIC,
    CREATE_TOPIC,
    DELETE_TOPIC,
    DESCRIBE_CLUSTER,
    DESCRIBE_TOPIC,
    READ_TOPIC,
    WRITE_TOPIC,
    WRITE_TRANSACTION,
    Api,
    by_name,
    by_name_or_id,
    on,
)
from streamz_core.server.security.asking import Rule
from streamz_core.server.security.steps import Bits, Each, Shown, Split, Whole

if TYPE_CHECKING:
    from streamz_core.protocol.messages.produce import TopicProduceData
    from streamz_core.server.security.asking import Asking


def _produce_topic(part: TopicProduceData, code: ErrorCode) -> TopicProduceResponse:
    return TopicProduceResponse(
        name=part.name,
        topic_id=part.topic_id,
        partition_responses=[
            PartitionProduceResponse(index=one.index, error_code=code) for one in part.partition_data
        ],
    )


def _unfetched(part: FetchTopicResponse, code: ErrorCode) -> FetchTopicResponse:
    partitions = [
        FetchPartitionResponse(partition_index=one.partition_index, error_code=code)
        for one in part.partitions
    ]
    return FetchTopicResponse(topic=part.topic, topic_id=part.topic_id, partitions=partitions)


def _metadata_topic(part: Any, code: ErrorCode) -> MetadataTopic:
    return MetadataTopic(name=part.name, topic_id=part.topic_id, error_code=code, partitions=[])


def _would_be_created(asking: Asking, request: MetadataRequest, part: Any) -> bool:
    return (
        part.topic_id is None
        and request.allow_auto_topic_creation
        and asking.topics.creates_topics
        and not asking.topics.exists(part.name)
    )


def _shown_name(_asking: Asking, part: Any) -> tuple[str | None, ...]:
    return (part.name or None,)


def _without_configs(part: CreatableTopicResult, code: ErrorCode) -> CreatableTopicResult:
    return msgspec.structs.replace(
        part, configs=None, topic_config_error_code=code, num_partitions=-1, replication_factor=-1
    )


def _with_configs(_asking: Asking, part: CreatableTopicResult) -> tuple[str, ...]:
    return (part.name,) if part.error_code is ErrorCode.NONE else ()


class _NamedOfAll:
    """DescribeTopicPartitions without topics asks for all: for all that may be shown, so that no cursor tells more."""

    rules: Final = DESCRIBE_TOPIC
    scope: Final = "each one shown, where all are asked for"

    def split(self, asking: Asking, request: DescribeTopicPartitionsRequest) -> Split:
        """See ``Step``."""
        if request.topics:
            return Split(request, lambda answer: answer)
        names = [one for one in sorted(asking.topics.names()) if asking.may_quietly(self.rules, one)]
        if not names:
            return Split(None, lambda _: DescribeTopicPartitionsResponse(topics=[]))
        topics = [DescribeTopicPartitionsTopic(name=name) for name in names]
        return Split(msgspec.structs.replace(request, topics=topics), lambda answer: answer)


PRODUCE: Final = Api(
    ProduceRequest,
    (
        Whole(
            WRITE_TRANSACTION,
            # A transactional batch in a request without the id is refused by the handler.
            names=lambda request: () if request.transactional_id is None else (request.transactional_id,),
            refused=lambda request, code: ProduceResponse(
                responses=[_produce_topic(one, code) for one in request.topic_data]
            ),
            scope="the transactional id, if there is one",
        ),
        Each(WRITE_TOPIC, "topic_data", "responses", _produce_topic, by_name_or_id),
    ),
)
FETCH: Final = Api(
    FetchRequest,
    (
        # What is sent is what is checked: a session goes on with topics that no later request names, and a
        # permission may be taken away while it does.
        Shown(
            READ_TOPIC,
            "responses",
            lambda asking, part: (asking.name_of(part.topic, part.topic_id),),
            _unfetched,
        ),
    ),
)
LIST_OFFSETS: Final = Api(
    ListOffsetsRequest,
    (
        Each(
            DESCRIBE_TOPIC,
            "topics",
            "topics",
            lambda part, code: ListOffsetsTopicResponse(
                name=part.name,
                partitions=[
                    ListOffsetsPartitionResponse(partition_index=one.partition_index, error_code=code)
                    for one in part.partitions
                ],
            ),
            by_name,
        ),
    ),
)
METADATA: Final = Api(
    MetadataRequest,
    (
        Each(DESCRIBE_TOPIC, "topics", "topics", _metadata_topic, by_name_or_id),
        Each(
            CREATE_TOPIC,
            "topics",
            "topics",
            _metadata_topic,
            by_name_or_id,
            applies=_would_be_created,
            scope="each one that asking creates",
        ),
        Shown(DESCRIBE_TOPIC, "topics", _shown_name, scope="each one shown, where all are asked for"),
        Bits(DESCRIBE_TOPIC, "topic_authorized_operations", "topics", lambda part: part.name),
        Bits(DESCRIBE_CLUSTER, "cluster_authorized_operations"),
    ),
)
DESCRIBE_TOPIC_PARTITIONS: Final = Api(
    DescribeTopicPartitionsRequest,
    (
        Each(
            DESCRIBE_TOPIC,
            "topics",
            "topics",
            lambda part, code: DescribedTopic(name=part.name, error_code=code, partitions=[]),
            by_name,
            nothing_left=lambda _: DescribeTopicPartitionsResponse(topics=[]),
        ),
        _NamedOfAll(),
        Bits(DESCRIBE_TOPIC, "topic_authorized_operations", "topics", lambda part: part.name),
    ),
)
CREATE_TOPICS: Final = Api(
    CreateTopicsRequest,
    (
        Each(
            CREATE_TOPIC,
            "topics",
            "topics",
            lambda part, code: CreatableTopicResult(name=part.name, error_code=code),
            by_name,
        ),
        Shown(
            on(AclOperation.DESCRIBE_CONFIGS, ResourceType.TOPIC),
            "topics",
            _with_configs,
            _without_configs,
            is_extra=True,
            scope="each one's settings in the answer",
        ),
    ),
)
DELETE_TOPICS: Final = Api(
    DeleteTopicsRequest,
    (
        Each(
            DELETE_TOPIC,
            "topics",
            "responses",
            lambda part, code: DeletableTopicResult(name=part.name, topic_id=part.topic_id, error_code=code),
            by_name_or_id,
        ),
    ),
)
CREATE_PARTITIONS: Final = Api(
    CreatePartitionsRequest,
    (
        Each(
            ALTER_TOPIC,
            "topics",
            "results",
            lambda part, code: CreatePartitionsTopicResult(name=part.name, error_code=code),
            by_name,
        ),
    ),
)
DELETE_RECORDS: Final = Api(
    DeleteRecordsRequest,
    (
        Each(
            DELETE_TOPIC,
            "topics",
            "topics",
            lambda part, code: DeleteRecordsTopicResult(
                name=part.name,
                partitions=[
                    DeleteRecordsPartitionResult(partition_index=one.partition_index, error_code=code)
                    for one in part.partitions
                ],
            ),
            by_name,
        ),
    ),
)
OFFSET_FOR_LEADER_EPOCH: Final = Api(
    OffsetForLeaderEpochRequest,
    (
        Each(
            (Rule(AclOperation.CLUSTER_ACTION, ResourceType.CLUSTER), *DESCRIBE_TOPIC),
            "topics",
            "topics",
            lambda part, code: OffsetForLeaderTopicResult(
                topic=part.topic,
                partitions=[
                    EpochEndOffset(partition=one.partition, error_code=code) for one in part.partitions
                ],
            ),
            lambda _, part: part.topic,
        ),
    ),
)
DESCRIBE_PRODUCERS: Final = Api(
    DescribeProducersRequest,
    (
        Each(
            READ_TOPIC,
            "topics",
            "topics",
            lambda part, code: DescribeProducersTopicResponse(
                name=part.name,
                partitions=[
                    DescribeProducersPartition(partition_index=index, error_code=code)
                    for index in part.partition_indexes
                ],
            ),
            by_name,
        ),
    ),
)

TOPIC_APIS: Final = (
    PRODUCE,
    FETCH,
    LIST_OFFSETS,
    METADATA,
    DESCRIBE_TOPIC_PARTITIONS,
    CREATE_TOPICS,
    DELETE_TOPICS,
    CREATE_PARTITIONS,
    DELETE_RECORDS,
    OFFSET_FOR_LEADER_EPOCH,
    DESCRIBE_PRODUCERS,
)
