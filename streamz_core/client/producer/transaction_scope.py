"""``async with producer.transaction():``.

Owns: ``TransactionScope``: when a transaction begins, commits and aborts by itself.
Must not know: how a transaction works.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from streamz_core.errors import StreamzError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
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
    """Begins a transaction, commits it at the end of the body, aborts it if body or commit raise.

    An abort that fails, on a full disk for instance, is tried again when the next scope begins.
    """

    def __init__(self, producer: TransactionalProducer, finish_abort: Callable[[], Awaitable[None]]) -> None:
        """``finish_abort`` aborts what can only be aborted, and does nothing where that is done."""
        self._producer = producer
        self._finish_abort = finish_abort

    async def __aenter__(self) -> TransactionScope:
        await self._finish_abort()
        await self._producer.begin_transaction()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if exc is None:
            await self._commit()
        else:
            await self._abort(self._producer.abort_transaction)

    async def _commit(self) -> None:
        try:
            await self._producer.commit_transaction()
        except StreamzError:
            # Not where the outcome is unknown: then only the same again can tell.
            await self._abort(self._finish_abort)
            raise

    async def _abort(self, abort: Callable[[], Awaitable[None]]) -> None:
        try:
            await abort()
        except StreamzError as error:
            # What the body or the commit raised is what its caller must see; a fenced producer has nothing
            # to abort.
            _log.warning("the transaction was not aborted, the next or its timeout does it: %s", error)
