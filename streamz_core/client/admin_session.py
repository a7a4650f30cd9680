"""What every part of the admin client needs.

Owns: the admin client's settings and life, and sending its requests.
Must not know: what is administered.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from streamz_core.client.compatible_client import AIOKafkaClient
from streamz_core.client.errors import IllegalArgumentError, IllegalStateError, error_for
from streamz_core.client.own_loop import check_own_loop
from streamz_core.client.request import Requests, explained
from streamz_core.client.settings import check_number
from streamz_core.errors import ErrorCode

if TYPE_CHECKING:
    from types import TracebackType

    from streamz_core.client.link import Link


class AdminSession:
    """An admin client that can be started and closed, and no more."""

    _loop: asyncio.AbstractEventLoop

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        bootstrap_servers: str | list[str] | Link = "localhost",
        client_id: str = "streamz-admin",
        request_timeout_ms: int = 40_000,
        connections_max_idle_ms: int = 540_000,
        retry_backoff_ms: int = 100,
        metadata_max_age_ms: int = 300_000,
        security_protocol: str = "PLAINTEXT",
        ssl_context: Any = None,
        api_version: str | None = None,
        sasl_mechanism: str = "PLAIN",
        sasl_plain_username: str | None = None,
        sasl_plain_password: str | None = None,
        sasl_kerberos_service_name: str = "kafka",
        sasl_kerberos_domain_name: str | None = None,
        sasl_oauth_token_provider: Any = None,
    ) -> None:
        self.client_id = client_id
        self._client = AIOKafkaClient(
            loop=loop,
            bootstrap_servers=bootstrap_servers,
            client_id=client_id,
            request_timeout_ms=request_timeout_ms,
            connections_max_idle_ms=connections_max_idle_ms,
            retry_backoff_ms=retry_backoff_ms,
            metadata_max_age_ms=metadata_max_age_ms,
            security_protocol=security_protocol,
            ssl_context=ssl_context,
            api_version=api_version,
            sasl_mechanism=sasl_mechanism,
            sasl_plain_username=sasl_plain_username,
            sasl_plain_password=sasl_plain_password,
            sasl_kerberos_service_name=sasl_kerberos_service_name,
            sasl_kerberos_domain_name=sasl_kerberos_domain_name,
            sasl_oauth_token_provider=sasl_oauth_token_provider,
        )
        self._started = False
        self._closed = False

    async def start(self) -> None:
        """Open the log; again does nothing."""
        if self._closed:
            raise IllegalStateError("the admin client was closed: make a new one")
        if self._started:
            check_own_loop(self._loop, self)
            return
        await self._client.bootstrap()
        self._loop = asyncio.get_running_loop()
        self._started = True

    async def close(self) -> None:
        """Let go of the log; again does nothing."""
        if self._started and not self._closed:
            check_own_loop(self._loop, self)
        self._closed = True
        await self._client.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    def _requests(self, timeout_ms: int | None = None) -> Requests:
        """The link, with ``timeout_ms`` in place of ``request_timeout_ms`` where it is given."""
        if self._closed:
            raise IllegalStateError("the admin client was closed: make a new one")
        if not self._started:
            raise IllegalStateError("the admin client is not started: await admin.start(), or use async with")
        check_own_loop(self._loop, self)
        requests = self._client.requests
        if timeout_ms is None:
            return requests
        check_number("timeout_ms", timeout_ms, 1)
        return Requests(requests.link, timeout_ms, requests.retry_backoff_ms)

    def _check_node(self, what: str, node_id: int | None) -> None:
        """Refuse a node that is not there: every request goes to the ones there are."""
        nodes = sorted(broker.nodeId for broker in self._client.cluster.brokers())
        if node_id is not None and node_id not in nodes:
            raise IllegalArgumentError(f"{what}={node_id!r}: there is no such node, the nodes are {nodes}")


def raise_for(code: int, what: str) -> None:
    """Raise the exception of an error code, naming ``what``; code 0 is none."""
    if code != ErrorCode.NONE:
        raise error_for(code, f"{what}: {explained(code)}")
