"""``async with producer.transaction():``.

Owns: ``TransactionScope``: when a transaction begins, commits and aborts by itself.
Must not know: how a transaction works.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from streamz_core.client.errors import KafkaError

if TYPE_CHECKING:
    from types import TracebackType

_log = logging.getLogger(__name__)


class TransactionalProducer(Protocol):
    """What a scope needs of a producer."""

    async def begin_transaction(self) -> None:
        """Begin."""

    async def commit_transaction(self) -> None:
        """Commit."""

    async def abort_transaction(self) -> None:
        """Abort."""


class TransactionScope:
    """Begins a transaction, commits it at the end of the body, aborts it if body or commit raise."""

    def __init__(self, producer: TransactionalProducer) -> None:
        self._producer = producer

    async def __aenter__(self) -> TransactionScope:
        await self._producer.begin_transaction()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if exc is None:
            await self._producer.commit_transaction()
            return
        try:
            await self._producer.abort_transaction()
        except KafkaError as error:
            # What the body raised is what its caller must see; a fenced producer has nothing to abort.
            _log.warning("the transaction was not aborted, it ends by its timeout: %s", error)
