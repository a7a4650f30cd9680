"""CreateTopics: topics with their partitions and settings, or why not.

Owns: the answer to ``CreateTopicsRequest``.
Must not know: how a topic lies on disk.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from streamz_core.broker.copies import COPIES, refuse_assignments, refuse_copies
from streamz_core.broker.described_configs import topic_entries
from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.broker.topic_rules import Refusal, refuse_name, refuse_new, refuse_partitions
from streamz_core.errors import ErrorCode, Misuse
from streamz_core.log.directory import NewTopic
from streamz_core.protocol.messages.create_topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.protocol.messages.configs import DescribeConfigsEntry

REQUEST: Final = CreateTopicsRequest


async def handle(broker: HandlerBroker, request: CreateTopicsRequest) -> CreateTopicsResponse:
    """Create the topics that are not refused, all of them together; a refused one keeps none from it."""
    times = Counter(topic.name for topic in request.topics)
    accepted: dict[str, NewTopic] = {}
    answers: dict[str, CreatableTopicResult] = {}
    for topic in request.topics:
        refusal = _refuse_repeated(topic.name, times[topic.name]) or _refuse(broker, topic, accepted)
        if refusal is not None:
            answers[topic.name] = _refused(topic.name, refusal)
        else:
            accepted[topic.name] = NewTopic(topic.name, _count(broker, topic), _given(topic))
    if accepted:
        answers |= _create(broker, list(accepted.values()), validate_only=request.validate_only)
    return CreateTopicsResponse(topics=[answers[topic.name] for topic in request.topics])


def _create(
    broker: HandlerBroker, topics: list[NewTopic], *, validate_only: bool
) -> dict[str, CreatableTopicResult]:
    ids: dict[str, UUID] = {}
    if not validate_only:
        try:
            ids = {entry.name: entry.topic_id for entry in broker.directory.create_topics(topics)}
        except DIRECTORY_FAILURES as failure:
            refusal = Refusal(ErrorCode.KAFKA_STORAGE_ERROR, str(failure))
            return {topic.name: _refused(topic.name, refusal) for topic in topics}
    return {
        topic.name: CreatableTopicResult(
            name=topic.name,
            topic_id=ids.get(topic.name),
            num_partitions=topic.partitions,
            replication_factor=COPIES,
            configs=[_config(entry) for entry in topic_entries(broker, topic.configs)],
        )
        for topic in topics
    }


def _config(entry: DescribeConfigsEntry) -> CreatableTopicConfig:
    return CreatableTopicConfig(
        name=entry.name,
        value=entry.value,
        read_only=entry.read_only,
        config_source=entry.config_source,
        is_sensitive=entry.is_sensitive,
    )


def _count(broker: HandlerBroker, topic: CreatableTopic) -> int:
    if topic.assignments:
        return len(topic.assignments)
    return topic.num_partitions if topic.num_partitions != -1 else broker.config.default_partitions


def _refuse(broker: HandlerBroker, topic: CreatableTopic, accepted: Mapping[str, NewTopic]) -> Refusal | None:
    return (
        refuse_new(topic.name, broker.directory.topics)
        or refuse_name(topic.name, accepted)
        or _refuse_copies(topic)
        or refuse_partitions(topic.name, _count(broker, topic))
        or _refuse_configs(broker, topic)
    )


def _refuse_repeated(name: str, times: int) -> Refusal | None:
    if times == 1:
        return None
    return Refusal(ErrorCode.INVALID_REQUEST, f"topic {name!r} is in the request {times} times")


def _refuse_copies(topic: CreatableTopic) -> Refusal | None:
    if topic.assignments:
        return refuse_assignments(
            topic.name, topic.assignments, topic.num_partitions, topic.replication_factor
        )
    return refuse_copies(topic.name, topic.replication_factor)


def _given(topic: CreatableTopic) -> dict[str, str]:
    return {key: value for key, value in topic.configs.items() if value is not None}


def _refuse_configs(broker: HandlerBroker, topic: CreatableTopic) -> Refusal | None:
    empty = [key for key, value in topic.configs.items() if value is None]
    if empty:
        message = (
            f"topic {topic.name!r}: {', '.join(empty)} without a value (null, None): "
            "leave out what shall have its default"
        )
        return Refusal(ErrorCode.INVALID_CONFIG, message)
    try:
        broker.directory.config_of(_given(topic))
    except Misuse as wrong:
        return Refusal(ErrorCode.INVALID_CONFIG, f"topic {topic.name!r}: {wrong}")
    return None


def _refused(name: str, refusal: Refusal) -> CreatableTopicResult:
    return CreatableTopicResult(name=name, error_code=refusal.code, error_message=refusal.message)
