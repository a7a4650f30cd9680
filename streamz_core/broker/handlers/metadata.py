"""Metadata: which topics and partitions there are; unknown topics come into being here.

Owns: the answer to ``MetadataRequest`` and the rule of automatic creation.
Must not know: groups, transactions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.authorized_operations import CLUSTER_OPERATIONS, TOPIC_OPERATIONS
from streamz_core.broker.copies import NODE_ID
from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.broker.topic_ids import missing, resolve
from streamz_core.broker.topic_rules import is_internal, refuse_name, refuse_new
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.authorized_operations import NOT_ASKED_FOR
from streamz_core.protocol.messages.metadata import (
    MetadataBroker,
    MetadataPartition,
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataTopic,
    named,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.log.catalog import TopicEntry

REQUEST: Final = MetadataRequest


async def handle(broker: HandlerBroker, request: MetadataRequest) -> MetadataResponse:
    """Describe the topics asked for, or all."""
    asked = named(sorted(broker.directory.topics)) if request.topics is None else request.topics
    node = MetadataBroker(
        node_id=NODE_ID, host=broker.config.advertised_host, port=broker.config.advertised_port
    )
    may_create = request.allow_auto_topic_creation and broker.config.auto_create_topics
    operations = TOPIC_OPERATIONS if request.include_topic_authorized_operations else NOT_ASKED_FOR
    return MetadataResponse(
        brokers=[node],
        cluster_id=broker.cluster_id,
        controller_id=NODE_ID,
        topics=[
            _describe(broker, topic, operations, may_create=may_create)
            for topic in {(one.name, one.topic_id): one for one in asked}.values()
        ],
        cluster_authorized_operations=CLUSTER_OPERATIONS
        if request.include_cluster_authorized_operations
        else NOT_ASKED_FOR,
    )


def _describe(
    broker: HandlerBroker, asked: MetadataRequestTopic, operations: int, *, may_create: bool
) -> MetadataTopic:
    name = resolve(broker.directory, asked.name, asked.topic_id)
    if name is None:
        code = missing(asked.topic_id)
        return MetadataTopic(topic_id=asked.topic_id, error_code=code, partitions=[])
    entry = broker.directory.topics.get(name)
    if entry is None:
        found = _create(broker, name) if may_create else refused_name(name)
        if isinstance(found, ErrorCode):
            return MetadataTopic(name=name, error_code=found, is_internal=is_internal(name), partitions=[])
        entry = found
    partitions = [describe_partition(broker, name, index) for index in range(entry.partitions)]
    return MetadataTopic(
        name=name,
        topic_id=entry.topic_id,
        is_internal=is_internal(name),
        partitions=partitions,
        topic_authorized_operations=operations,
    )


def describe_partition(broker: HandlerBroker, name: str, index: int) -> MetadataPartition:
    """One partition of a topic that is there: the one broker leads it and has its one copy."""
    return MetadataPartition(
        partition_index=index,
        error_code=_health(broker, name, index),
        leader_id=NODE_ID,
        replica_nodes=[NODE_ID],
        isr_nodes=[NODE_ID],
    )


def _health(broker: HandlerBroker, name: str, index: int) -> ErrorCode:
    log = broker.log(name, index)
    return ErrorCode.NONE if log is not None and log.failure is None else ErrorCode.KAFKA_STORAGE_ERROR


def refused_name(name: str) -> ErrorCode:
    """Why a topic that is not there cannot be described."""
    refusal = refuse_name(name)
    return refusal.code if refusal is not None else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def _create(broker: HandlerBroker, name: str) -> TopicEntry | ErrorCode:
    if is_internal(name):
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    refusal = refuse_new(name, broker.directory.topics)
    if refusal is not None:
        return refusal.code
    try:
        return broker.directory.create_topic(name, broker.config.default_partitions, {})
    except DIRECTORY_FAILURES:
        return ErrorCode.KAFKA_STORAGE_ERROR
