"""Ending a transaction: its data, the record that decides, the markers, in this order.

Owns: the work of an end from its decision to its completion, and what its failures mean to who waits.
Must not know: which transactional ids there are, how ends are decided.

With one copy of the data the order of syncs is what makes a transaction whole (``docs/decisions``).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamz_core.broker.log_failures import LOG_FAILURES
from streamz_core.broker.transactions import markers
from streamz_core.broker.transactions.events import MarkersWritten
from streamz_core.broker.transactions.state import Transaction, TransactionState
from streamz_core.broker.transactions.transaction_log import TransactionLog, reported
from streamz_core.broker.transactions.transitions import decide
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.transaction_version import TransactionVersion

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.broker.services import BrokerServices
    from streamz_core.broker.transactions.live_transaction import Answer, LiveTransaction


class Ending:
    """The ends under way of one broker."""

    def __init__(
        self,
        services: BrokerServices,
        log: TransactionLog,
        watch: Callable[[LiveTransaction, float], None],
    ) -> None:
        """``watch`` gives a transaction that stays open for now its timeout back."""
        self._services = services
        self._log = log
        self._watch = watch

    def start(self, live: LiveTransaction, decided: Transaction | None) -> asyncio.Future[Answer]:
        """End the transaction in the background: it goes on if whoever asked for it goes away.

        ``decided`` is the outcome to write down; None if that is in the log already.
        """
        undecided = live.transaction
        # In this very turn: whoever asks next must see that it is being ended.
        if decided is not None:
            live.transaction = decided
        ending = live.begin_end()
        work = self._end(live, None if decided is None else undecided)
        self._services.spawn(work, name=f"end of {live.transaction.transactional_id!r}")
        return asyncio.shield(ending)

    async def _end(self, live: LiveTransaction, undecided: Transaction | None) -> None:
        try:
            error = ErrorCode.NONE if undecided is None else await self._decide_durably(live, undecided)
            if error is ErrorCode.NONE:
                await self._write_markers(live)
                completed = decide(live.transaction, MarkersWritten(), self._services.clock.now_ms())
                live.transaction = completed.transaction
                self._log.note(completed.transaction)
            live.report(error)
        finally:
            live.report(ErrorCode.COORDINATOR_NOT_AVAILABLE)  # cancelled: the broker closes

    async def _decide_durably(self, live: LiveTransaction, undecided: Transaction) -> ErrorCode:
        """Data first, then the record that decides. What fails before that record leaves all undecided."""
        decided = live.transaction
        if decided.state is TransactionState.PREPARE_COMMIT:
            logs = [self._services.log(p.topic, p.partition) for p in sorted(decided.partitions)]
            try:
                await self._services.durable_all(log for log in logs if log is not None)
            except LOG_FAILURES as failure:
                error = self._undecided(live, undecided, failure)
                # To commit it will never succeed; to abort it may.
                is_told = decided.transaction_version is TransactionVersion.V2
                return ErrorCode.TRANSACTION_ABORTABLE if is_told else error
        try:
            log, end = self._log.write(decided)
        except LOG_FAILURES as failure:
            return self._undecided(live, undecided, failure)
        try:
            await self._services.durable(log, end)
        except LOG_FAILURES as failure:
            # Nobody knows whether the disk holds the decision before the directory is opened again: the
            # client must keep asking, and neither take it for done nor for undone.
            reported(decided, failure)
            return ErrorCode.COORDINATOR_NOT_AVAILABLE
        return ErrorCode.NONE

    def _undecided(self, live: LiveTransaction, undecided: Transaction, failure: Exception) -> ErrorCode:
        live.transaction = undecided
        if undecided.state is TransactionState.ONGOING:
            self._watch(live, undecided.timeout_ms)
        return reported(undecided, failure)

    async def _write_markers(self, live: LiveTransaction) -> None:
        transaction = live.transaction
        await markers.write_all(
            self._services,
            transaction.partitions,
            transaction.producer_id,
            transaction.producer_epoch,
            committed=transaction.state is TransactionState.PREPARE_COMMIT,
            # It is decided, so whoever waits must ask the same again.
            on_failure=lambda: live.report(ErrorCode.COORDINATOR_NOT_AVAILABLE),
        )
