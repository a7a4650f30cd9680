"""Brokers whose answers are scripts, behind real sockets.

Owns: ``ScriptedBroker``: for each request type a function that answers; it remembers what it was asked.
Must not know: what is tested.
"""

from __future__ import annotations

import asyncio
from typing import Any

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.api_versions import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
    SupportedFeature,
)
from streamz_core.protocol.messages.find_coordinator import (
    Coordinator,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
)
from streamz_core.protocol.messages.metadata import (
    MetadataBroker,
    MetadataPartition,
    MetadataRequest,
    MetadataResponse,
    MetadataTopic,
)
from streamz_core.protocol.wire import codec, headers


class Hang(Exception):
    """Raised by a script: there is no answer."""


class HangUp(Exception):
    """Raised by a script: the connection ends."""


class ScriptedBroker:
    """One broker of a cluster; ``leaders`` (topic to node ids by partition) is shared by all of them."""

    def __init__(self, node_id: int, leaders: dict[str, list[int]]) -> None:
        self.node_id = node_id
        self.leaders = leaders
        self.brokers: list[ScriptedBroker] = [self]
        self.asked: list[Any] = []
        self.headers: list[headers.RequestHeader] = []
        self.connections = 0
        self.versions: dict[int, tuple[int, int]] = dict(codec.supported())
        self.features: list[SupportedFeature] = []
        self.scripts: dict[type, Any] = {
            ApiVersionsRequest: self._api_versions,
            MetadataRequest: self._metadata,
            FindCoordinatorRequest: self._coordinators,
        }
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self.port = 0

    def on(self, request_type: type, script: Any) -> None:
        """``script(request)`` answers, may be async, and may raise ``Hang`` or ``HangUp``."""
        self.scripts[request_type] = script

    def sent(self, request_type: type) -> list[Any]:
        return [request for request in self.asked if isinstance(request, request_type)]

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and end every connection."""
        self._server.close()
        self.hang_up()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def hang_up(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(4))
                await self._answer(memoryview(await reader.readexactly(size)), writer)
        except (asyncio.IncompleteReadError, ConnectionError, HangUp):
            pass
        finally:
            writer.transport.abort()
            self._writers.discard(writer)
            self._tasks.discard(task)

    async def _answer(self, frame: memoryview, writer: asyncio.StreamWriter) -> None:
        header, position = headers.read_request_header(frame)
        request = codec.decode_request(header.api_key, header.api_version, frame[position:])
        self.asked.append(request)
        self.headers.append(header)
        try:
            answer = self.scripts[type(request)](request)
            answer = await answer if asyncio.iscoroutine(answer) else answer
        except Hang:
            return
        version = header.api_version
        if getattr(answer, "error_code", None) is ErrorCode.UNSUPPORTED_VERSION:
            version = 0
        head = headers.write_response_header(header.api_key, version, header.correlation_id)
        body = b"".join([head, *codec.encode_response(header.api_key, version, answer)])
        writer.write(len(body).to_bytes(4) + body)

    def _api_versions(self, _: ApiVersionsRequest) -> ApiVersionsResponse:
        return ApiVersionsResponse(
            api_keys=[
                ApiVersion(api_key=key, min_version=low, max_version=high)
                for key, (low, high) in self.versions.items()
            ],
            supported_features=self.features,
        )

    def _metadata(self, request: MetadataRequest) -> MetadataResponse:
        names = self.leaders if request.topics is None else [topic.name for topic in request.topics]
        return MetadataResponse(
            brokers=[
                MetadataBroker(node_id=one.node_id, host="127.0.0.1", port=one.port) for one in self.brokers
            ],
            cluster_id="scripted",
            controller_id=self.node_id,
            topics=[self._topic(name) for name in names],
        )

    def _coordinators(self, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
        """This broker coordinates everything."""
        return FindCoordinatorResponse(
            coordinators=[
                Coordinator(key=key, node_id=self.node_id, host="127.0.0.1", port=self.port)
                for key in request.coordinator_keys
            ]
        )

    def _topic(self, name: str) -> MetadataTopic:
        leaders = self.leaders.get(name)
        if leaders is None:
            return MetadataTopic(name=name, error_code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, partitions=[])
        return MetadataTopic(
            name=name,
            partitions=[
                MetadataPartition(
                    partition_index=index, leader_id=leader, replica_nodes=[leader], isr_nodes=[leader]
                )
                for index, leader in enumerate(leaders)
            ],
        )
