"""CreateTopics: topics with their partitions and settings, or why not.

Owns: the answer to ``CreateTopicsRequest``.
Must not know: how a topic lies on disk.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.broker.topic_rules import Refusal, refuse_new, refuse_partitions
from streamz_core.errors import ErrorCode, Misuse
from streamz_core.log.config import TopicConfig
from streamz_core.protocol.messages.create_topics import (
    CreatableTopic,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker

REQUEST: Final = CreateTopicsRequest
_COPIES: Final = 1


async def handle(broker: HandlerBroker, request: CreateTopicsRequest) -> CreateTopicsResponse:
    """Create each topic by itself: one that is refused does not keep the others from being created."""
    times = Counter(topic.name for topic in request.topics)
    results = []
    for topic in request.topics:
        if times[topic.name] > 1:
            message = f"topic {topic.name!r} is in the request {times[topic.name]} times"
            results.append(_refused(topic, Refusal(ErrorCode.INVALID_REQUEST, message)))
        else:
            results.append(_create(broker, topic, validate_only=request.validate_only))
    return CreateTopicsResponse(topics=results)


def _create(broker: HandlerBroker, topic: CreatableTopic, *, validate_only: bool) -> CreatableTopicResult:
    count = topic.num_partitions if topic.num_partitions != -1 else broker.config.default_partitions
    refusal = (
        refuse_new(topic.name, broker.directory.topics)
        or refuse_partitions(topic.name, count)
        or _refuse_copies(topic)
        or _refuse_configs(topic)
    )
    if refusal is not None:
        return _refused(topic, refusal)
    topic_id = None
    if not validate_only:
        try:
            topic_id = broker.directory.create_topic(topic.name, count, dict(topic.configs)).topic_id
        except DIRECTORY_FAILURES as failure:
            return _refused(topic, Refusal(ErrorCode.KAFKA_STORAGE_ERROR, str(failure)))
    return CreatableTopicResult(
        name=topic.name, topic_id=topic_id, num_partitions=count, replication_factor=_COPIES
    )


def _refuse_copies(topic: CreatableTopic) -> Refusal | None:
    # The engine keeps one copy. An application that asks a cluster for three must run here unchanged,
    # so any sensible number is taken and the answer says how many there are.
    if topic.replication_factor == -1 or topic.replication_factor >= 1:
        return None
    message = f"topic {topic.name!r}: replication factor {topic.replication_factor} is below 1"
    return Refusal(ErrorCode.INVALID_REPLICATION_FACTOR, message)


def _refuse_configs(topic: CreatableTopic) -> Refusal | None:
    try:
        TopicConfig.parse(topic.configs)
    except Misuse as wrong:
        return Refusal(ErrorCode.INVALID_CONFIG, f"topic {topic.name!r}: {wrong}")
    return None


def _refused(topic: CreatableTopic, refusal: Refusal) -> CreatableTopicResult:
    return CreatableTopicResult(name=topic.name, error_code=refusal.code, error_message=refusal.message)
