"""``AIOKafkaClient``: the bare client, as far as programs use it directly.

Owns: metadata and requests by aiokafka's names, over any link.
Must not know: producing, consuming, administering.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

from streamz_core.client.errors import IllegalStateError, KafkaError
from streamz_core.client.link_target import LinkTarget
from streamz_core.client.metadata import ClusterMetadata, MetadataCache
from streamz_core.client.own_loop import check_own_loop
from streamz_core.client.request import Requests
from streamz_core.client.settings import (
    check_connection,
    check_loop,
    check_number,
    link_settings,
)
from streamz_core.protocol.messages.find_coordinator import CoordinatorType, FindCoordinatorRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.client.link import Link
    from streamz_core.protocol.messages.request import Request

R = TypeVar("R")

_log = logging.getLogger(__name__)


class AIOKafkaClient:
    """A link and the cluster's metadata. Requests are this project's typed ones."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        bootstrap_servers: str | list[str] | Link = "localhost",
        client_id: str = "streamz-client",
        metadata_max_age_ms: int = 300_000,
        request_timeout_ms: int = 40_000,
        retry_backoff_ms: int = 100,
        ssl_context: Any = None,
        security_protocol: str = "PLAINTEXT",
        api_version: str | None = None,
        connections_max_idle_ms: int = 540_000,
        sasl_mechanism: str = "PLAIN",
        sasl_plain_username: str | None = None,
        sasl_plain_password: str | None = None,
        sasl_kerberos_service_name: str = "kafka",
        sasl_kerberos_domain_name: str | None = None,
        sasl_oauth_token_provider: Any = None,
    ) -> None:
        check_connection(
            bootstrap_servers,
            security_protocol=security_protocol,
            sasl_mechanism=sasl_mechanism,
            ssl_context=ssl_context,
            loop=loop,
            api_version=api_version,
        )
        for name, value, lowest in (
            ("metadata_max_age_ms", metadata_max_age_ms, 1),
            ("request_timeout_ms", request_timeout_ms, 1),
            ("retry_backoff_ms", retry_backoff_ms, 0),
            ("connections_max_idle_ms", connections_max_idle_ms, 0),
        ):
            check_number(name, value, lowest)
        self.client_id = client_id
        self._target = LinkTarget(
            bootstrap_servers,
            link_settings(
                client_id=client_id,
                request_timeout_ms=request_timeout_ms,
                connections_max_idle_ms=connections_max_idle_ms,
                security_protocol=security_protocol,
                ssl_context=ssl_context,
                sasl_mechanism=sasl_mechanism,
                sasl_plain_username=sasl_plain_username,
                sasl_plain_password=sasl_plain_password,
                sasl_oauth_token_provider=sasl_oauth_token_provider,
            ),
        )
        self._loop_argument = loop
        self._metadata_max_age_ms = metadata_max_age_ms
        self._request_timeout_ms = request_timeout_ms
        self._retry_backoff_ms = retry_backoff_ms
        self._topics: set[str] = set()
        self._requests: Requests | None = None
        self._cache: MetadataCache | None = None
        self._update: asyncio.Future[bool] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    def over(
        cls, requests: Requests, cache: MetadataCache, client_id: str, loop: asyncio.AbstractEventLoop
    ) -> AIOKafkaClient:
        """The bare client of one that was started on ``loop``: on that one's link and with its metadata."""
        client = cls(bootstrap_servers=requests.link, client_id=client_id)
        client._requests, client._cache, client._loop = requests, cache, loop
        return client

    @property
    def cluster(self) -> ClusterMetadata:
        """What is known of the cluster; what is older than ``metadata_max_age_ms`` is renewed behind it."""
        if self.metadata.is_stale and (self._update is None or self._update.done()):
            self._update = asyncio.ensure_future(_bring_up_to_date(self.metadata, frozenset()))
        return self.metadata.cluster

    @property
    def hosts(self) -> list[tuple[str, int]]:
        """Addresses of the brokers; an embedded log has none."""
        return [(b.host, b.port) for b in self.cluster.brokers() if b.port >= 0]

    @property
    def requests(self) -> Requests:
        """The link with this client's patience; ``IllegalStateError`` before ``bootstrap``."""
        if self._requests is None:
            raise IllegalStateError("the client is not connected: await client.bootstrap() first")
        self._check_own_loop()
        return self._requests

    @property
    def metadata(self) -> MetadataCache:
        """Keeps ``cluster`` up to date; ``IllegalStateError`` before ``bootstrap``."""
        if self._cache is None:
            raise IllegalStateError("the client is not connected: await client.bootstrap() first")
        self._check_own_loop()
        return self._cache

    async def bootstrap(self) -> None:
        """Open the log and learn its topics; again does nothing."""
        if self._requests is not None:
            self._check_own_loop()
            return
        check_loop(self._loop_argument, type(self).__name__)
        link = await self._target.open()
        self._loop = asyncio.get_running_loop()
        self._requests = Requests(link, self._request_timeout_ms, self._retry_backoff_ms)
        self._cache = MetadataCache(self._requests, self._metadata_max_age_ms)
        try:
            await self._cache.refresh()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of the log; again does nothing."""
        if self._requests is not None:
            self._check_own_loop()
        if self._update is not None:
            self._update.cancel()
        requests, self._requests = self._requests, None
        self._cache = None
        if requests is not None:
            await self._target.close(requests.link)

    async def ready(self, node_id: int, *, group: Any = None) -> bool:
        """Whether requests can be sent to a node."""
        del group
        return self._requests is not None and self.cluster.broker_metadata(node_id) is not None

    async def send(self, node_id: int, request: Request[R], *, group: Any = None) -> R:
        """Have a typed request answered; ``KafkaTimeoutError`` after ``request_timeout_ms``."""
        del node_id, group
        return await self.requests.send(request, type(request).__name__)

    async def coordinator_lookup(self, coordinator_type: int, coordinator_key: str) -> int:
        """The node that coordinates a group (0) or a transactional id (1)."""
        request = FindCoordinatorRequest(
            key_type=CoordinatorType(coordinator_type), coordinator_keys=[coordinator_key]
        )
        answer = await self.requests.settled(
            request, f"the coordinator of {coordinator_key!r}", lambda found: found.coordinators[0].error_code
        )
        return answer.coordinators[0].node_id

    async def fetch_all_metadata(self) -> ClusterMetadata:
        """Ask for all topics."""
        return await self.metadata.refresh()

    def force_metadata_update(self) -> asyncio.Future[bool]:
        """Ask for the topics of ``set_topics`` and ``add_topic``, or for all, unless that is under way.

        The future tells whether the answer came; that it did not is logged.
        """
        cache = self.metadata
        if self._update is None or self._update.done():
            self._update = asyncio.ensure_future(_bring_up_to_date(cache, frozenset(self._topics)))
        # Shielded: who gives up waiting must not take the update from the others who wait.
        return asyncio.shield(self._update)

    def add_topic(self, topic: str) -> asyncio.Future[bool]:
        """Keep track of a topic too."""
        return self.set_topics({*self._topics, topic})

    def set_topics(self, topics: Iterable[str]) -> asyncio.Future[bool]:
        """Keep track of these topics only, of all where none is named; asks for them where there are new ones."""
        known, wanted = self._topics, set(topics)
        if wanted and wanted <= known:
            self._topics = wanted
            answered = asyncio.get_running_loop().create_future()
            answered.set_result(True)
            return answered
        cache = self.metadata
        self._topics = wanted
        # An update under way does not ask for the new ones.
        self._update = asyncio.ensure_future(_bring_up_to_date(cache, frozenset(wanted)))
        return asyncio.shield(self._update)

    def get_random_node(self) -> int | str | None:
        """A node that requests can be sent to."""
        return next((broker.nodeId for broker in self.cluster.brokers()), None)

    def _check_own_loop(self) -> None:
        if self._loop is not None:
            check_own_loop(self._loop, self)


async def _bring_up_to_date(cache: MetadataCache, topics: frozenset[str]) -> bool:
    """Ask for ``topics``, or for all; whether the answer came."""
    try:
        if topics:
            await cache.refresh_topics(topics)
        else:
            await cache.refresh()
    except KafkaError as error:
        _log.warning("the metadata is not up to date: %s", error)
        return False
    return True
