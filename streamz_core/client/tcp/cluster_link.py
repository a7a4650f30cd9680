"""The link to a cluster of brokers behind sockets, be it one of Apache Kafka or one broker of our own.

Owns: ``ClusterLink``: finding the brokers, asking the right ones, and asking again where a connection broke.
Must not know: which broker a request belongs to (``routes``), sockets (``node``), what requests mean.

Whoever sends has a deadline of its own, as with every link: until that calls it off, a request whose connection
broke is sent again, on another connection or to another broker. It may take effect twice then, which is what
producers' sequence numbers, transactions and committed offsets are made for; a producer with none of these may
write a record twice, as with every Kafka client.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, TypeVar

from streamz_core.aio.deadline import sleep
from streamz_core.client.errors import ConnectionLost, KafkaConnectionError, LinkClosed
from streamz_core.client.tcp.backoff import Backoff
from streamz_core.client.tcp.connection import ConnectionBroken
from streamz_core.client.tcp.endpoint import Endpoint
from streamz_core.client.tcp.fetching import Fetching
from streamz_core.client.tcp.node import CannotReach, Node
from streamz_core.client.tcp.produced import accepted_without_answer, single_batches, written_together
from streamz_core.client.tcp.routes import (
    Destination,
    by_broker,
    by_coordinator,
    by_leader,
    coordinated,
    destination_of,
    has_moved,
    partitions_of,
    together,
)
from streamz_core.client.tcp.topology import Topology
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.fetch import FetchRequest
from streamz_core.protocol.messages.find_coordinator import FindCoordinatorRequest
from streamz_core.protocol.messages.metadata import MetadataRequest, MetadataResponse, named
from streamz_core.protocol.messages.produce import ProduceRequest
from streamz_core.protocol.wire.framing import receive_space

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamz_core.client.tcp.link_settings import LinkSettings
    from streamz_core.clock import Clock
    from streamz_core.protocol.messages.find_coordinator import CoordinatorType
    from streamz_core.protocol.messages.request import Request

R = TypeVar("R")

_log: Final = logging.getLogger(__name__)


class ClusterLink:
    """See ``client.link.Link``; made by ``open``."""

    def __init__(self, bootstrap: Sequence[Endpoint], settings: LinkSettings, clock: Clock) -> None:
        """Use ``open``."""
        self.clock: Clock = clock
        self._settings = settings
        self._bootstrap = tuple(bootstrap)
        self._space = receive_space()
        self._nodes: dict[Endpoint, Node] = {}
        self._topology = Topology()
        self._fetching = Fetching(self)
        self._closed = False
        self._lost: str | None = None
        """Why nobody will ever answer."""

    @classmethod
    async def open(cls, bootstrap: Sequence[Endpoint], settings: LinkSettings, clock: Clock) -> ClusterLink:
        """Find the cluster by any of ``bootstrap``.

        Raises ``KafkaConnectionError`` where none answers within ``open_timeout_ms``, and at once what is wrong
        with a login.
        """
        link = cls(bootstrap, settings, clock)
        try:
            await link._find()
        except BaseException:
            await link.close()
            raise
        return link

    @property
    def address(self) -> str:
        """Where it looked for the cluster."""
        return ",".join(str(endpoint) for endpoint in self._bootstrap)

    async def send(self, request: Request[R]) -> R:
        """Have ``request`` answered by the broker or brokers it belongs to.

        Raises ``ConnectionLost`` where the owner of a data directory was asked and is gone.
        """
        backoff = self._backoff()
        while True:
            if self._closed:
                raise LinkClosed(
                    f"the link to {self.address} is closed: {type(request).__name__} was not sent"
                )
            if self._lost is not None:
                raise ConnectionLost(self._lost)
            try:
                answer: R = await self._routed(request)
            except (ConnectionBroken, CannotReach) as broken:
                await self._recover(request, broken, backoff)
            else:
                return answer

    async def close(self) -> None:
        """Close every connection; again does nothing."""
        self._closed = True
        self._fetching.close()
        for node in self._nodes.values():
            node.close()
        # What waits for an answer has been told by the time this returns.
        await asyncio.sleep(0)

    # -- asking the right brokers -------------------------------------------------------------------

    async def _routed(self, request: Request[Any]) -> Any:
        if not self._topology.has_several and (self._is_local or not _is_coordinated(request)):
            return await self._ask(self._any(), request)
        match destination_of(request):
            case Destination.LEADERS:
                return await self._ask_leaders(request)
            case Destination.COORDINATORS:
                return await self._ask_coordinators(request)
            case Destination.BROKERS:
                return await self._ask_each(request, by_broker(request, self._topology.controller))
            case Destination.ALL:
                return await self._ask_each(
                    request, [(node_id, request) for node_id in self._topology.node_ids]
                )
            case Destination.CONTROLLER:
                return await self._ask(self._node(self._topology.controller), request)
        return await self._ask(self._any(), request)

    @property
    def _is_local(self) -> bool:
        """Whether the broker is the owner of a data directory of this machine, which is all there is."""
        return all(endpoint.path is not None for endpoint in self._bootstrap)

    async def _ask_leaders(self, request: Request[Any]) -> Any:
        await self._know_leaders(topic for topic, _ in partitions_of(request))
        parts = by_leader(request, self._topology.leader_of)
        if isinstance(request, FetchRequest) and (len(parts) > 1 or self._fetching.is_busy):
            return await self._fetching.fetch(request, parts)
        return await self._ask_each(request, parts)

    async def _ask_coordinators(self, request: Request[Any]) -> Any:
        kind, keys = coordinated(request)
        for key in keys:
            if self._topology.coordinator_of(kind, key) is None:
                await self._find_coordinator(kind, key)
        parts = by_coordinator(request, lambda key: self._topology.coordinator_of(kind, key))
        answer = await self._ask_each(request, parts)
        if has_moved(answer):
            self._topology.forget_coordinators(kind, keys)
        return answer

    async def _ask_each(self, request: Request[Any], parts: Sequence[tuple[Any, Any]]) -> Any:
        """The answers to all parts as one; parts whose broker cannot be reached are routed anew, by themselves."""
        if not parts:
            return await self._ask(self._any(), request)
        if len(parts) == 1:
            return await self._ask(self._node(parts[0][0]), parts[0][1])
        answers = await asyncio.gather(*(self.part(node_id, part) for node_id, part in parts))
        return together(request, answers)

    async def part(self, node_id: int | None, request: Request[Any]) -> Any:
        """The answer to a part of a request of one node; of whichever is right by then, if that cannot be reached."""
        try:
            return await self._ask(self._node(node_id), request)
        except (ConnectionBroken, CannotReach) as broken:
            await self._recover(request, broken, self._backoff())
            return await self.send(request)

    async def _ask(self, node: Node, request: Request[Any]) -> Any:
        if isinstance(request, ProduceRequest):
            answer = await self._produce(node, request)
        else:
            answer = await node.send(request)
        if isinstance(answer, MetadataResponse):
            self._topology.learn(answer)
        elif self._topology.has_several and has_moved(answer):
            self._topology.is_stale = True
        return answer

    async def _produce(self, node: Node, request: ProduceRequest) -> Any:
        if request.acks == 0:
            await node.send(request)
            return accepted_without_answer(request)
        if node.takes_several_batches:
            return await node.send(request)
        first, *rest = single_batches(request)
        if not rest:
            return await node.send(request)
        return await written_together(request, await node.send(first), rest, self.send, self._pause)

    async def _pause(self) -> None:
        self._topology.is_stale = True
        await sleep(self.clock, self._settings.reconnect_backoff_max_ms / 10)

    # -- knowing the cluster ------------------------------------------------------------------------

    async def _find(self) -> None:
        """Connect to the first broker that answers, and learn of the others."""
        ends_at_ms = self.clock.monotonic_ms() + self._settings.open_timeout_ms
        backoff = self._backoff()
        while True:
            try:
                await self._learn()
            except (ConnectionBroken, CannotReach) as error:
                wait_ms = backoff.failed()
                if self.clock.monotonic_ms() + wait_ms >= ends_at_ms:
                    raise KafkaConnectionError(
                        f"no broker of {self.address} can be reached: {error.args[0]}"
                    ) from error
                await sleep(self.clock, wait_ms)
            else:
                return

    async def _learn(self, topics: Iterable[str] = ()) -> None:
        """Ask any broker which there are, and who leads the partitions of ``topics``."""
        request = MetadataRequest(topics=named(topics), allow_auto_topic_creation=False)
        failure: Exception | None = None
        for endpoint in (*self._topology.endpoints, *self._bootstrap):
            try:
                answer = await self._at(endpoint).send(request)
            except (ConnectionBroken, CannotReach) as error:
                failure = error
                continue
            self._topology.learn(answer, via=endpoint)
            self._topology.is_stale = False
            return
        assert failure is not None
        raise failure

    async def _know_leaders(self, topics: Iterable[str]) -> None:
        wanted = set(topics)
        if self._topology.is_stale or any(not self._topology.knows(topic) for topic in wanted):
            await self._learn(sorted(wanted | self._topology.topics if self._topology.is_stale else wanted))

    async def _find_coordinator(self, kind: CoordinatorType, key: str) -> None:
        request = FindCoordinatorRequest(key_type=kind, coordinator_keys=[key])
        answer = await self._any().send(request)
        found = answer.coordinators[0]
        if found.error_code is ErrorCode.NONE:
            self._topology.set_coordinator(kind, key, found.node_id, Endpoint(found.host, found.port))
            return
        # The broker that is asked instead says what is wrong, in the words of its API.
        _log.debug("no coordinator of %s: %s", key, found.error_code.name)

    async def _recover(self, request: Request[Any], broken: KafkaConnectionError, backoff: Backoff) -> None:
        if self._closed:
            raise LinkClosed(f"the link to {self.address} was closed") from broken
        if isinstance(broken, CannotReach) and self._is_local:
            self._lost = f"the process that served {self.address} is gone: {broken.args[0]}"
            raise ConnectionLost(self._lost) from broken
        wait_ms = backoff.failed()
        _log.debug("%s; sending %s again", broken, type(request).__name__)
        self._topology.is_stale = True
        self._topology.forget_all_coordinators()
        await sleep(self.clock, wait_ms)
        if self._topology.has_several or len(self._bootstrap) > 1:
            try:
                await self._learn()
            except (ConnectionBroken, CannotReach) as error:
                _log.debug("the cluster cannot be asked either: %s", error)

    def _backoff(self) -> Backoff:
        return Backoff(self._settings.reconnect_backoff_ms, self._settings.reconnect_backoff_max_ms)

    def _any(self) -> Node:
        endpoint = self._topology.any_endpoint
        return self._at(self._bootstrap[0] if endpoint is None else endpoint)

    def _node(self, node_id: int | None) -> Node:
        endpoint = self._topology.endpoint_of(node_id)
        return self._any() if endpoint is None else self._at(endpoint)

    def _at(self, endpoint: Endpoint) -> Node:
        node = self._nodes.get(endpoint)
        if node is None:
            node = self._nodes[endpoint] = Node(endpoint, self._settings, self.clock, self._space)
        return node


def _is_coordinated(request: Request[Any]) -> bool:
    """Apache Kafka makes its coordinators' topics when it is first asked who coordinates, also where it is alone."""
    return destination_of(request) is Destination.COORDINATORS
