"""What a request handler is, and what of the broker it is handed.

Owns: ``HandlerBroker``, the broker as handlers see it, and ``Handler``, the function each file of
``handlers/`` defines as ``handle``.
Must not know: the broker itself, which handlers there are (``registry``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from streamz_core.broker.services import BrokerServices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamz_core.broker.disk_space import DiskSpace
    from streamz_core.broker.fetch_sessions import FetchSessions
    from streamz_core.broker.flusher import Flusher
    from streamz_core.broker.groups.coordinator import GroupCoordinator
    from streamz_core.broker.quotas.quotas import Quotas
    from streamz_core.broker.security.security import Security
    from streamz_core.broker.transactions.coordinator import TransactionCoordinator
    from streamz_core.broker.waiting import Waits


class HandlerBroker(BrokerServices, Protocol):
    """Everything a handler may use."""

    @property
    def groups(self) -> GroupCoordinator:
        """Consumer groups and their offsets."""

    @property
    def transactions(self) -> TransactionCoordinator:
        """Transactional producers."""

    @property
    def security(self) -> Security:
        """Who may do what, and who is who."""

    @property
    def quotas(self) -> Quotas:
        """Who may do how much."""

    @property
    def flusher(self) -> Flusher:
        """Group commit."""

    @property
    def space(self) -> DiskSpace:
        """The disk's free space."""

    @property
    def waits(self) -> Waits:
        """Long polls."""

    @property
    def fetch_sessions(self) -> FetchSessions:
        """What readers of many partitions need not repeat."""

    @property
    def turns(self) -> Iterator[int]:
        """Ever rising numbers: whoever must be fair takes one and begins there."""


class Handler(Protocol):
    """Answers one type of request; never raises for the request's own errors."""

    async def __call__(self, broker: HandlerBroker, request: Any, /) -> Any:
        """Return the response of the request's type; errors are codes in it."""
