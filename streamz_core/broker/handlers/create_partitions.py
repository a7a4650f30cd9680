"""CreatePartitions: more partitions for a topic, never fewer.

Owns: the answer to ``CreatePartitionsRequest``.
Must not know: which keys go to which partition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.copies import refuse_brokers
from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.broker.topic_rules import Refusal, refuse_change, refuse_partitions, unknown_topic
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
    CreatePartitionsTopicResult,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = CreatePartitionsRequest


async def handle(broker: HandlerBroker, request: CreatePartitionsRequest) -> CreatePartitionsResponse:
    """Grow each topic by itself."""
    results = []
    for topic in request.topics:
        refusal = _refuse(broker, topic)
        if refusal is None and not request.validate_only:
            refusal = _grow(broker, topic)
        if refusal is None:
            results.append(CreatePartitionsTopicResult(name=topic.name))
        else:
            results.append(
                CreatePartitionsTopicResult(
                    name=topic.name, error_code=refusal.code, error_message=refusal.message
                )
            )
    return CreatePartitionsResponse(results=results)


def _refuse(broker: HandlerBroker, topic: CreatePartitionsTopic) -> Refusal | None:
    refusal = refuse_change(topic.name)
    if refusal is not None:
        return refusal
    entry = broker.directory.topics.get(topic.name)
    if entry is None:
        return unknown_topic(topic.name)
    if topic.count <= entry.partitions:
        message = f"topic {topic.name!r} has {entry.partitions} partitions; it cannot be given {topic.count}"
        return Refusal(ErrorCode.INVALID_PARTITIONS, f"{message}: only more")
    return refuse_partitions(topic.name, topic.count) or _refuse_assignments(topic, entry.partitions)


def _refuse_assignments(topic: CreatePartitionsTopic, present: int) -> Refusal | None:
    if topic.assignments is None:
        return None
    if len(topic.assignments) != topic.count - present:
        message = (
            f"topic {topic.name!r}: {topic.count - present} new partitions, {len(topic.assignments)} assigned"
        )
        return Refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message)
    return refuse_brokers(topic.name, topic.assignments)


def _grow(broker: HandlerBroker, topic: CreatePartitionsTopic) -> Refusal | None:
    try:
        broker.directory.add_partitions(topic.name, topic.count)
    except DIRECTORY_FAILURES as failure:
        return Refusal(ErrorCode.KAFKA_STORAGE_ERROR, str(failure))
    return None
