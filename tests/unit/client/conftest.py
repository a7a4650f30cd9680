"""A link whose broker is a script.

Owns: ``ScriptedLink``: for each request type the answers a test lined up, or a function that makes them.
Must not know: what is tested.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from typing import Any

import pytest

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from streamz_core.protocol.messages.metadata import (
    MetadataPartition,
    MetadataRequest,
    MetadataResponse,
    MetadataTopic,
)
from streamz_core.protocol.messages.produce import (
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceResponse,
)
from streamz_core.protocol.record_batch import EncodedBatches, decode, split
from streamz_core.testing.manual_clock import ManualClock


class ScriptedLink:
    """Answers from a script; records every request. Appends what is produced, unless told otherwise."""

    def __init__(self, clock: ManualClock, topics: dict[str, int]) -> None:
        self.clock = clock
        self.topics = topics
        self.requests: list[Any] = []
        self.closed = False
        self.appended: dict[tuple[str, int], list[Any]] = defaultdict(list)
        self.produce_codes: deque[ErrorCode] = deque()
        self.produce_gate: asyncio.Event | None = None
        self.handlers: dict[type, Any] = {
            MetadataRequest: self._metadata,
            ProduceRequest: self._produce,
            InitProducerIdRequest: self._init_producer_id,
        }
        self._next_producer_id = 100

    def on(self, request_type: type, handler: Any) -> None:
        """``handler(request)`` answers, may be async, and may raise."""
        self.handlers[request_type] = handler

    def sent(self, request_type: type) -> list[Any]:
        return [request for request in self.requests if isinstance(request, request_type)]

    async def send(self, request: Any) -> Any:
        self.requests.append(request)
        answer = self.handlers[type(request)](request)
        return await answer if asyncio.iscoroutine(answer) else answer

    async def close(self) -> None:
        self.closed = True

    def _metadata(self, request: MetadataRequest) -> MetadataResponse:
        names = sorted(self.topics) if request.topics is None else [one.name for one in request.topics]
        return MetadataResponse(
            brokers=[],
            cluster_id="scripted",
            topics=[
                MetadataTopic(
                    name=name,
                    error_code=ErrorCode.NONE
                    if name in self.topics
                    else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                    partitions=[
                        MetadataPartition(partition_index=index, replica_nodes=[0], isr_nodes=[0])
                        for index in range(self.topics.get(name, 0))
                    ],
                )
                for name in names
            ],
        )

    async def _produce(self, request: ProduceRequest) -> ProduceResponse:
        if self.produce_gate is not None:
            await self.produce_gate.wait()
        code = self.produce_codes.popleft() if self.produce_codes else ErrorCode.NONE
        (topic,) = request.topic_data
        (data,) = topic.partition_data
        log = self.appended[topic.name, data.index]
        base = len(log)
        if code == ErrorCode.NONE:
            records = data.records.joined() if isinstance(data.records, EncodedBatches) else data.records
            for position, header in split(records):
                columns = decode(records, position)
                for index in range(len(columns)):
                    log.append((columns.keys[index], columns.values[index], header))
        return ProduceResponse(
            responses=[
                TopicProduceResponse(
                    name=topic.name,
                    partition_responses=[
                        PartitionProduceResponse(
                            index=data.index,
                            error_code=code,
                            base_offset=base if code == ErrorCode.NONE else -1,
                        )
                    ],
                )
            ]
        )

    def _init_producer_id(self, request: InitProducerIdRequest) -> InitProducerIdResponse:
        self._next_producer_id += 1
        return InitProducerIdResponse(producer_id=self._next_producer_id, producer_epoch=0)

    def values(self, topic: str, partition: int = 0) -> list[bytes | None]:
        return [value for _, value, _ in self.appended[topic, partition]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def link(clock: ManualClock) -> ScriptedLink:
    return ScriptedLink(clock, {"t": 1, "four": 4})
