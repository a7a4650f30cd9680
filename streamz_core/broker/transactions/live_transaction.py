"""One transactional id as it lives in the broker.

Owns: its present value, its timeout, and the end under way that others may wait for.
Must not know: how decisions are made or carried out.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from streamz_core.broker.transactions.state import Transaction
from streamz_core.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.clock import Cancellable, Clock


class Answer(NamedTuple):
    """How a request on a transactional id ended, and the identity that its sender may use from now on.

    The identity is part of it: by the time the sender runs again somebody else may have taken over.
    """

    error_code: ErrorCode
    transaction: Transaction


class LiveTransaction:
    """The shell around a ``Transaction`` value."""

    __slots__ = ("_timer", "ending", "transaction", "used_ms")

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.ending: asyncio.Future[Answer] | None = None
        """The end under way: resolved once it is complete, or at its first failure with the code."""
        self.used_ms: float | None = None
        """When, on the monotonic clock, something last happened to it; None: not since the broker was opened."""
        self._timer: Cancellable | None = None

    def start_timer(self, clock: Clock, delay_ms: float, on_timeout: Callable[[], None]) -> None:
        """Call back if the transaction has not ended by then."""
        self.stop_timer()
        self._timer = clock.call_later(delay_ms, on_timeout)

    def stop_timer(self) -> None:
        """The transaction has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def begin_end(self) -> asyncio.Future[Answer]:
        """The transaction is being ended from now on."""
        self.stop_timer()
        self.ending = asyncio.get_running_loop().create_future()
        return self.ending

    def report(self, error_code: ErrorCode) -> None:
        """Tell those who wait for the end how it went, or that it does not go on for now."""
        if self.ending is not None and not self.ending.done():
            self.ending.set_result(Answer(error_code, self.transaction))
