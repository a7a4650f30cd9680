"""All transactional ids of a broker.

Owns: the table of transactional ids, carrying out what is decided on them, their recovery.
Must not know: how decisions are made (``transitions``), what an end takes (``ending``), groups, handlers.

EndTxn is answered after the markers, so that its producer reads what it has committed. Whatever is decided is
finished after a crash, whatever is not is aborted.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from streamz_core.aio.deadline import sleep
from streamz_core.broker.log_failures import LOG_FAILURES
from streamz_core.broker.record_fields import is_writable
from streamz_core.broker.transactions import markers, transaction_log
from streamz_core.broker.transactions.ending import Ending
from streamz_core.broker.transactions.events import (
    AddPartition,
    AnnouncePartitions,
    Decision,
    EndKeepingEpoch,
    EndTransaction,
    Event,
    Expired,
    InitProducer,
    Step,
    TimedOut,
    VerifyPartition,
)
from streamz_core.broker.transactions.live_transaction import Answer, LiveTransaction
from streamz_core.broker.transactions.recovery import Leftover, OpenInLog, reconcile
from streamz_core.broker.transactions.state import (
    DECIDED,
    NO_EPOCH,
    NO_PRODUCER,
    SETTLED,
    Transaction,
    TransactionState,
)
from streamz_core.broker.transactions.transaction_log import TransactionLog, reported
from streamz_core.broker.transactions.transitions import decide
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.end_txn import EndTxnRequest, EndTxnResponse
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from streamz_core.protocol.messages.transaction_version import TransactionVersion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.broker.services import BrokerServices

_log = logging.getLogger(__name__)


class TransactionCoordinator:
    """The transactional producers of one broker; ``load`` before use, after the groups."""

    def __init__(self, services: BrokerServices) -> None:
        self._services = services
        self._log = TransactionLog(services)
        self._table: dict[str, LiveTransaction] = {}
        self._ending = Ending(services, self._log, self._watch)

    async def load(self) -> None:
        """Read ``__transaction_state``; finish what is decided, and give every other open one its timeout."""
        services = self._services
        now_ms = services.clock.now_ms()
        recovered = reconcile(transaction_log.load(services), _open_in_logs(services), now_ms)
        for transaction in recovered.transactions.values():
            live = self._table[transaction.transactional_id] = LiveTransaction(transaction)
            if transaction.state in DECIDED:
                await self._ending.start(live, None)
            elif transaction.state is TransactionState.ONGOING:
                open_ms = min(max(now_ms - transaction.started_ms, 0), transaction.timeout_ms)
                self._watch(live, transaction.timeout_ms - open_ms)
        for leftover in recovered.leftovers:
            await self._end_leftover(leftover)
        services.spawn(self._expire_forever(), name="transactional id retention")

    async def close(self) -> None:
        """No timeout fires any more; an end under way is cancelled with the broker's background work."""
        self.stop()

    def stop(self) -> None:
        """As ``close``, for a broker that stops as in a crash."""
        for live in self._table.values():
            live.stop_timer()

    def transactions(self) -> list[Transaction]:
        """Every transactional id at this moment, in the order they came."""
        return [live.transaction for live in self._table.values()]

    async def init_producer_id(self, request: InitProducerIdRequest) -> InitProducerIdResponse:
        """InitProducerId with a transactional id: fences older holders and ends what they left open."""
        transactional_id = request.transactional_id or ""
        has_half = (request.producer_id == NO_PRODUCER) != (request.producer_epoch == NO_EPOCH)
        if has_half or not _is_valid_id(transactional_id):
            return InitProducerIdResponse(error_code=ErrorCode.INVALID_REQUEST)
        timeout_max_ms = self._services.config.transaction_max_timeout_ms
        if not 0 < request.transaction_timeout_ms <= timeout_max_ms:
            return InitProducerIdResponse(error_code=ErrorCode.INVALID_TRANSACTION_TIMEOUT)
        event = InitProducer(
            timeout_ms=request.transaction_timeout_ms,
            producer_id=request.producer_id,
            producer_epoch=request.producer_epoch,
            new_producer_id=self._services.allocate_producer_id(),
        )
        live = self._table.get(transactional_id)
        if live is None:
            # Nobody can own what does not exist (it expired): who claims to is given a new identity.
            event = InitProducer(timeout_ms=event.timeout_ms, new_producer_id=NO_PRODUCER)
            live = self._create(transactional_id, event.timeout_ms)
        error, owned = await self._ask(live, event)
        if error is not ErrorCode.NONE:
            return InitProducerIdResponse(error_code=error)
        return InitProducerIdResponse(producer_id=owned.producer_id, producer_epoch=owned.producer_epoch)

    def _create(self, transactional_id: str, timeout_ms: int) -> LiveTransaction:
        producer_id = self._services.allocate_producer_id()
        transaction = Transaction(
            transactional_id=transactional_id, producer_id=producer_id, timeout_ms=timeout_ms
        )
        live = self._table[transactional_id] = LiveTransaction(transaction)
        return live

    async def verify_partition(
        self,
        transactional_id: str,
        producer_id: int,
        producer_epoch: int,
        partition: TopicPartition,
        version: TransactionVersion = TransactionVersion.V2,
    ) -> ErrorCode:
        """Take ``partition`` into the producer's transaction, beginning one if need be (KIP-890).

        For a client that announces its partitions: only see that it has. Anything but NONE: the records must
        not be written. Does not suspend: who writes right after it writes within the transaction.
        """
        live = self._table.get(transactional_id)
        if live is None:
            return ErrorCode.INVALID_PRODUCER_ID_MAPPING
        event_type = AddPartition if version is TransactionVersion.V2 else VerifyPartition
        event = event_type(producer_id=producer_id, producer_epoch=producer_epoch, partition=partition)
        decision = self._decide(live, event)
        self._become(live, decision.transaction)
        if decision.step is Step.NOTE:
            self._log.note(decision.transaction)
        return decision.error_code

    async def announce_partitions(
        self,
        transactional_id: str,
        producer_id: int,
        producer_epoch: int,
        partitions: Iterable[TopicPartition],
    ) -> ErrorCode:
        """AddPartitionsToTxn and AddOffsetsToTxn: answered when the transaction with them is durable."""
        if not _is_valid_id(transactional_id):
            return ErrorCode.INVALID_REQUEST
        live = self._table.get(transactional_id)
        if live is None:
            return ErrorCode.INVALID_PRODUCER_ID_MAPPING
        event = AnnouncePartitions(
            producer_id=producer_id, producer_epoch=producer_epoch, partitions=frozenset(partitions)
        )
        return (await self._ask(live, event)).error_code

    async def end_transaction(self, request: EndTxnRequest) -> EndTxnResponse:
        """EndTxn: answered when the outcome is durable and its markers are everywhere, with the new epoch."""
        if not _is_valid_id(request.transactional_id):
            return EndTxnResponse(error_code=ErrorCode.INVALID_REQUEST)
        live = self._table.get(request.transactional_id)
        if live is None:
            return EndTxnResponse(error_code=ErrorCode.INVALID_PRODUCER_ID_MAPPING)
        error, ended = await self._ask(live, self._end_event(request))
        if error is not ErrorCode.NONE:
            return EndTxnResponse(error_code=error)
        return EndTxnResponse(producer_id=ended.producer_id, producer_epoch=ended.producer_epoch)

    def _end_event(self, request: EndTxnRequest) -> EndTransaction | EndKeepingEpoch:
        if request.transaction_version is TransactionVersion.V2:
            return EndTransaction(
                producer_id=request.producer_id,
                producer_epoch=request.producer_epoch,
                is_committed=request.committed,
                new_producer_id=self._services.allocate_producer_id(),
            )
        return EndKeepingEpoch(
            producer_id=request.producer_id,
            producer_epoch=request.producer_epoch,
            is_committed=request.committed,
        )

    def find(self, transactional_id: str) -> Transaction | None:
        """A transactional id at this moment, None if it is not known."""
        live = self._table.get(transactional_id)
        return None if live is None else live.transaction

    def ends(self, partition: TopicPartition, producer_id: int) -> bool:
        """Whether a transaction of this producer in this partition is known, and will end, here."""
        return any(
            partition in live.transaction.partitions
            for live in self._table.values()
            if live.transaction.producer_id == producer_id
        )

    def _decide(self, live: LiveTransaction, event: Event) -> Decision:
        live.used_ms = self._services.clock.monotonic_ms()
        return decide(live.transaction, event, self._services.clock.now_ms())

    def _become(self, live: LiveTransaction, transaction: Transaction) -> None:
        """Take in a decision's outcome; a transaction that begins has its timeout from now on."""
        is_begun = transaction.state is TransactionState.ONGOING is not live.transaction.state
        live.transaction = transaction
        if is_begun:
            self._watch(live, transaction.timeout_ms)

    async def _ask(
        self,
        live: LiveTransaction,
        event: InitProducer | AnnouncePartitions | EndTransaction | EndKeepingEpoch,
    ) -> Answer:
        """Decide on ``event`` and carry it out, as often as it takes."""
        while True:
            decision = self._decide(live, event)
            match decision.step:
                case Step.STORE:
                    return await self._store(live, decision.transaction)
                case Step.END:
                    return await self._ending.start(live, decision.transaction)
                case Step.END_AND_DECIDE_AGAIN:
                    answer = await self._ending.start(live, decision.transaction)
                case Step.AWAIT_END_AND_DECIDE_AGAIN if live.ending is not None and not live.ending.done():
                    answer = await asyncio.shield(live.ending)
                case _:
                    # Also where an end under way has failed and is being tried again.
                    return Answer(decision.error_code, decision.transaction)
            if answer.error_code is not ErrorCode.NONE:
                return answer

    async def _store(self, live: LiveTransaction, transaction: Transaction) -> Answer:
        """Make it durable before anybody is told of it."""
        before = live.transaction
        try:
            log, end = self._log.write(transaction)
        except LOG_FAILURES as failure:
            if before.producer_epoch == NO_EPOCH:
                self._table.pop(transaction.transactional_id, None)
            return Answer(reported(transaction, failure), before)
        self._become(live, transaction)
        try:
            await self._services.durable(log, end)
        except LOG_FAILURES as failure:
            return Answer(reported(transaction, failure), transaction)
        return Answer(ErrorCode.NONE, transaction)

    async def _end_leftover(self, leftover: Leftover) -> None:
        outcome = "committed" if leftover.is_committed else "aborted"
        where = f"{leftover.partition.topic}-{leftover.partition.partition}"
        _log.warning("%s: a transaction of producer %d is %s", where, leftover.producer_id, outcome)
        await markers.write_one(
            self._services,
            leftover.partition,
            leftover.producer_id,
            leftover.producer_epoch,
            committed=leftover.is_committed,
        )

    def _watch(self, live: LiveTransaction, delay_ms: float) -> None:
        live.start_timer(self._services.clock, delay_ms, lambda: self._time_out(live))

    def _time_out(self, live: LiveTransaction) -> None:
        decision = self._decide(live, TimedOut(new_producer_id=self._services.allocate_producer_id()))
        if decision.step is Step.END:
            transaction = live.transaction
            _log.warning(
                "transactional id %r: its transaction was open for more than %d ms and is aborted",
                transaction.transactional_id,
                transaction.timeout_ms,
            )
            self._ending.start(live, decision.transaction)

    async def _expire_forever(self) -> None:
        while True:
            await sleep(self._services.clock, self._services.config.retention_check_interval_ms)
            self.expire_ids()

    def expire_ids(self) -> None:
        """Forget transactional ids that nobody used for ``transactional_id_expiration_ms``."""
        for transactional_id, live in list(self._table.items()):
            if live.transaction.state not in SETTLED or not self._is_silent(live):
                continue
            decision = self._decide(live, Expired())
            try:
                self._log.forget(transactional_id)
            except LOG_FAILURES as failure:
                reported(live.transaction, failure)
                continue  # tried again at the next check
            live.transaction = decision.transaction
            del self._table[transactional_id]

    def _is_silent(self, live: LiveTransaction) -> bool:
        """By the clock on the wall, and by the other since it was used here: the first may have jumped."""
        clock, expiration_ms = self._services.clock, self._services.config.transactional_id_expiration_ms
        if clock.now_ms() - live.transaction.updated_ms <= expiration_ms:
            return False
        return live.used_ms is None or clock.monotonic_ms() - live.used_ms > expiration_ms


def _open_in_logs(services: BrokerServices) -> list[OpenInLog]:
    return [
        OpenInLog(TopicPartition(log.topic, log.partition), producer_id, producer_epoch)
        for log in services.directory.partitions()
        for producer_id, (producer_epoch, _) in log.open_producers().items()
    ]


def _is_valid_id(transactional_id: str) -> bool:
    return transactional_id != "" and is_writable(transactional_id)
