"""DeleteTopics: topics go with every record in them.

Owns: the answer to ``DeleteTopicsRequest``, and that whoever waits for such a topic is told.
Must not know: how a topic lies on disk.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.log_failures import DIRECTORY_FAILURES
from streamz_core.broker.topic_ids import missing, resolve
from streamz_core.broker.topic_rules import Refusal, refuse_change, unknown_topic
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.delete_topics import (
    DeletableTopicResult,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    DeleteTopicState,
)

if TYPE_CHECKING:
    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.log.partition_log import PartitionLog

REQUEST: Final = DeleteTopicsRequest


async def handle(broker: HandlerBroker, request: DeleteTopicsRequest) -> DeleteTopicsResponse:
    """Delete each topic by itself."""
    return DeleteTopicsResponse(responses=[_asked(broker, topic) for topic in request.topics])


def _asked(broker: HandlerBroker, asked: DeleteTopicState) -> DeletableTopicResult:
    if asked.topic_id is None:
        return _delete(broker, asked.name)
    if asked.name:
        message = f"topic {asked.name!r} is named by id {asked.topic_id} as well: give one of them"
        return _refused(asked, Refusal(ErrorCode.INVALID_REQUEST, message))
    name = resolve(broker.directory, asked.name, asked.topic_id)
    if name is None:
        return _refused(asked, Refusal(missing(asked.topic_id), f"no topic has the id {asked.topic_id}"))
    return _delete(broker, name)


def _refused(asked: DeleteTopicState, refusal: Refusal) -> DeletableTopicResult:
    return DeletableTopicResult(
        name=asked.name, topic_id=asked.topic_id, error_code=refusal.code, error_message=refusal.message
    )


def _delete(broker: HandlerBroker, name: str) -> DeletableTopicResult:
    refusal = refuse_change(name)
    entry = broker.directory.topics.get(name)
    if refusal is None and entry is None:
        refusal = unknown_topic(name)
    if refusal is None and entry is not None:
        logs = [broker.directory.partition(name, index) for index in range(entry.partitions)]
        try:
            broker.directory.delete_topic(name)
        except DIRECTORY_FAILURES as failure:
            refusal = Refusal(ErrorCode.KAFKA_STORAGE_ERROR, str(failure))
        if name not in broker.directory.topics:
            # Even where the disk then refused to remove its files: the topic is gone.
            _tell(broker, name, logs)
    topic_id = None if entry is None else entry.topic_id
    if refusal is not None:
        return _refused(DeleteTopicState(name=name, topic_id=topic_id), refusal)
    return DeletableTopicResult(name=name, topic_id=topic_id)


def _tell(broker: HandlerBroker, name: str, logs: list[PartitionLog]) -> None:
    for log in logs:
        broker.flusher.forget(log)
        broker.notify(log)
    for listener in broker.deletion_listeners:
        listener(name)
