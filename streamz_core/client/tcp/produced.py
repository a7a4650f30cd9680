"""Producing to brokers that take one batch for a partition in a request, as Kafka's do.

Owns: taking a request apart into single batches, having them written one after the other, and the one answer.
Must not know: connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from streamz_core.errors import ErrorCode
from streamz_core.protocol.encoded_batches import EncodedBatches
from streamz_core.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceResponse,
)
from streamz_core.protocol.record_batch import split

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def accepted_without_answer(request: ProduceRequest) -> ProduceResponse:
    """What is said of a request with acks=0, of which nothing is ever heard."""
    return ProduceResponse(
        responses=[
            TopicProduceResponse(
                name=topic.name,
                topic_id=topic.topic_id,
                partition_responses=[
                    PartitionProduceResponse(index=one.index) for one in topic.partition_data
                ],
            )
            for topic in request.topic_data
        ]
    )


def single_batches(request: ProduceRequest) -> list[ProduceRequest]:
    """Requests with no more than one batch for a partition each, to be written in this order."""
    rounds: list[list[tuple[int, PartitionProduceData]]] = []
    for place, topic in enumerate(request.topic_data):
        for part in topic.partition_data:
            for number, batch in enumerate(_batches(part)):
                if number == len(rounds):
                    rounds.append([])
                rounds[number].append((place, batch))
    if len(rounds) <= 1:
        return [request]
    return [_request(request, batches) for batches in rounds]


async def written_together(
    request: ProduceRequest,
    answer: ProduceResponse,
    rest: list[ProduceRequest],
    send: Callable[[ProduceRequest], Awaitable[ProduceResponse]],
    pause: Callable[[], Awaitable[None]],
) -> ProduceResponse:
    """Have the ``rest`` written, one after the other, after the first, which was given ``answer``.

    Where a partition errs nothing more is written to it. Once its first batch is written, what is worth repeating is
    repeated here after a ``pause``: repeated from the beginning, it would be written twice.
    """
    found: dict[tuple[str, int], PartitionProduceResponse] = {}
    _take_in(found, answer)
    for single in rest:
        todo = _without(single, {key for key, one in found.items() if one.error_code is not ErrorCode.NONE})
        while todo.topic_data:
            answer = await send(todo)
            again = _take_in(found, answer)
            if not again:
                break
            await pause()
            todo = _only(todo, again)
    return _answer(request, found)


def _batches(part: PartitionProduceData) -> list[PartitionProduceData]:
    records = part.records
    if isinstance(records, EncodedBatches):
        if len(records.headers()) == 1:
            return [part]
        pieces = records.placed()
        wholes = [head + packed for head, packed in zip(pieces[::2], pieces[1::2], strict=True)]
        return [replace(part, records=whole) for whole in wholes]
    starts = [position for position, _ in split(records)]
    if len(starts) <= 1:
        return [part]
    view = memoryview(records)
    ends = [*starts[1:], len(view)]
    return [replace(part, records=view[start:end]) for start, end in zip(starts, ends, strict=True)]


def _request(request: ProduceRequest, batches: list[tuple[int, PartitionProduceData]]) -> ProduceRequest:
    by_topic: dict[int, list[PartitionProduceData]] = {}
    for place, batch in batches:
        by_topic.setdefault(place, []).append(batch)
    topics = [replace(request.topic_data[place], partition_data=some) for place, some in by_topic.items()]
    return replace(request, topic_data=topics)


def _take_in(
    found: dict[tuple[str, int], PartitionProduceResponse], answer: ProduceResponse
) -> set[tuple[str, int]]:
    """Note what became of batches; the partitions whose batch is to be sent again."""
    again = set()
    for topic in answer.responses:
        for one in topic.partition_responses:
            key = (topic.name, one.index)
            is_written = one.error_code in (ErrorCode.NONE, ErrorCode.DUPLICATE_SEQUENCE_NUMBER)
            if key not in found:
                found[key] = one
            elif not is_written and one.error_code.is_retriable:
                again.add(key)
            elif not is_written:
                found[key] = one
    return again


def _without(request: ProduceRequest, keys: set[tuple[str, int]]) -> ProduceRequest:
    return _chosen(request, lambda key: key not in keys) if keys else request


def _only(request: ProduceRequest, keys: set[tuple[str, int]]) -> ProduceRequest:
    return _chosen(request, lambda key: key in keys)


def _chosen(request: ProduceRequest, is_wanted: Callable[[tuple[str, int]], bool]) -> ProduceRequest:
    topics = []
    for topic in request.topic_data:
        parts = [part for part in topic.partition_data if is_wanted((topic.name, part.index))]
        if parts:
            topics.append(replace(topic, partition_data=parts))
    return replace(request, topic_data=topics)


def _answer(
    request: ProduceRequest, found: dict[tuple[str, int], PartitionProduceResponse]
) -> ProduceResponse:
    return ProduceResponse(
        responses=[
            TopicProduceResponse(
                name=topic.name,
                partition_responses=[found[topic.name, one.index] for one in topic.partition_data],
            )
            for topic in request.topic_data
        ]
    )
