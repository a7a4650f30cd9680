"""Metadata: which topics and partitions there are; unknown topics come into being here.

Owns: the answer to ``MetadataRequest`` and the rule of automatic creation.
Must not know: groups, transactions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.copies import NODE_ID
from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.broker.topic_rules import is_internal, refuse_name, refuse_new
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.metadata import (
    MetadataBroker,
    MetadataPartition,
    MetadataRequest,
    MetadataResponse,
    MetadataTopic,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.log.catalog import TopicEntry

REQUEST: Final = MetadataRequest


async def handle(broker: HandlerBroker, request: MetadataRequest) -> MetadataResponse:
    """Describe the topics asked for, or all."""
    names = sorted(broker.directory.topics) if request.topics is None else dict.fromkeys(request.topics)
    node = MetadataBroker(
        node_id=NODE_ID, host=broker.config.advertised_host, port=broker.config.advertised_port
    )
    may_create = request.allow_auto_topic_creation and broker.config.auto_create_topics
    topics = [_describe(broker, name, may_create=may_create) for name in names]
    return MetadataResponse(
        brokers=[node], cluster_id=broker.cluster_id, controller_id=NODE_ID, topics=topics
    )


def _describe(broker: HandlerBroker, name: str, *, may_create: bool) -> MetadataTopic:
    entry = broker.directory.topics.get(name)
    if entry is None:
        found = _create(broker, name) if may_create else _missing(name)
        if isinstance(found, ErrorCode):
            return MetadataTopic(name=name, error_code=found, is_internal=is_internal(name), partitions=[])
        entry = found
    partitions = [
        MetadataPartition(
            partition_index=index,
            error_code=_health(broker, name, index),
            leader_id=NODE_ID,
            replica_nodes=[NODE_ID],
            isr_nodes=[NODE_ID],
        )
        for index in range(entry.partitions)
    ]
    return MetadataTopic(
        name=name, topic_id=entry.topic_id, is_internal=is_internal(name), partitions=partitions
    )


def _health(broker: HandlerBroker, name: str, index: int) -> ErrorCode:
    log = broker.log(name, index)
    return ErrorCode.NONE if log is not None and log.failure is None else ErrorCode.KAFKA_STORAGE_ERROR


def _missing(name: str) -> ErrorCode:
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
