"""The life of a producer's identity, and of its transactions.

Owns: ``Transactions``: the requests that begin, extend and end a transaction, and what their errors say.
Must not know: batches, partitions' queues, which state follows which (``transaction_state``).

KIP-890 throughout: the broker adds partitions to the transaction when it is produced to, every
EndTxn gives a new epoch, so nothing of one transaction can reach the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.client.errors import (
    CommitFailedError,
    IllegalOperation,
    KafkaError,
    KafkaTimeoutError,
    ProducerFenced,
    error_for,
)
from streamz_core.client.producer.identity import NO_IDENTITY, ProducerIdentity
from streamz_core.client.producer.transaction_state import (
    FENCED,
    REMEDIES,
    TABLE,
    TransactionEvent,
    TransactionState,
    event_of,
    is_undecided,
)
from streamz_core.client.request import name_of
from streamz_core.errors import ErrorCode, StreamzError
from streamz_core.protocol.messages.end_txn import EndTxnRequest
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.offset_commit import OffsetCommitPartition, OffsetCommitTopic
from streamz_core.protocol.messages.txn_offset_commit import TxnOffsetCommitRequest, TxnOffsetCommitResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamz_core.client.group_metadata import GroupMetadata
    from streamz_core.client.request import Requests
    from streamz_core.model import OffsetAndMetadata, TopicPartition


_LEFT_BEHIND = frozenset(
    {
        ErrorCode.ILLEGAL_GENERATION,
        ErrorCode.UNKNOWN_MEMBER_ID,
        ErrorCode.FENCED_INSTANCE_ID,
        ErrorCode.REBALANCE_IN_PROGRESS,
    }
)


class Transactions:
    """Identity and transactions of one producer; without ``transactional_id`` an identity only."""

    def __init__(
        self,
        requests: Requests,
        *,
        is_idempotent: bool,
        transactional_id: str | None,
        timeout_ms: int,
        on_change: Callable[[], None],
    ) -> None:
        self._requests = requests
        self._timeout_ms = timeout_ms
        self._on_change = on_change
        self.is_idempotent = is_idempotent
        self.transactional_id = transactional_id
        self.is_transactional = transactional_id is not None
        """Whether records are written in transactions only."""
        self.identity: ProducerIdentity = NO_IDENTITY
        self.state = TransactionState.READY
        self.error: StreamzError | None = None
        self._reaches_broker = False

    @property
    def may_send(self) -> bool:
        """Whether records can be sent now."""
        return not self.is_transactional or self.state is TransactionState.IN_TRANSACTION

    async def initialize(self) -> None:
        """Get an identity; with a transactional id, fence older holders and end what they left open."""
        if not self.is_idempotent:
            return
        answer = await self._requests.settled(
            InitProducerIdRequest(
                transactional_id=self.transactional_id, transaction_timeout_ms=self._timeout_ms
            ),
            f"the identity of {self._name()}",
            lambda response: response.error_code,
        )
        self.identity = ProducerIdentity(answer.producer_id, answer.producer_epoch)

    def note_sending(self) -> None:
        """Records of the current transaction are about to reach the broker."""
        self._reaches_broker = True

    def batch_failed(self, error: StreamzError, code: int) -> StreamzError:
        """A batch was given up; what to tell those who wait for it. ``recover`` is due."""
        if not self.is_transactional:
            return error
        if code in FENCED:
            error = self._fenced(code, str(error))
        self._note_error(error, event_of(code))
        return error

    async def recover(self) -> None:
        """Begin a new sequence: the given up batch's numbers are, or may be, missing from the log."""
        if self.is_idempotent and not self.is_transactional:
            await self.initialize()

    def refusal(self) -> Exception:
        """Why nothing can be sent, for a transactional producer that may not send."""
        if self.state is TransactionState.FATAL and self.error is not None:
            return self.error
        because = f", because of: {self.error}" if self.error is not None else ""
        refused = IllegalOperation(f"{self._name()} is {self.state.value}{because}: {REMEDIES[self.state]}")
        refused.__cause__ = self.error
        return refused

    def begin(self) -> None:
        """Begin a transaction; costs nothing until something is sent."""
        self._require_transactional()
        self._move(TransactionEvent.BEGIN)
        self._reaches_broker = False

    def check_open(self) -> None:
        """Raise why nothing can be added to a transaction now."""
        self._require_transactional()
        if self.state is not TransactionState.IN_TRANSACTION:
            raise self.refusal()

    def start_ending(self, *, commit: bool) -> None:
        """Take no more records; raises what keeps the transaction from ending so."""
        self._require_transactional()
        self._check_committable(commit=commit)
        self._move(TransactionEvent.COMMIT if commit else TransactionEvent.ABORT)

    async def end(self, *, commit: bool) -> None:
        """Have the broker decide; to be called once everything sent is acknowledged.

        After ``KafkaTimeoutError`` the outcome is unknown: call the same again.
        """
        self._check_committable(commit=commit)
        if self.state is TransactionState.FATAL:
            raise self.refusal()
        if self._reaches_broker:
            await self._end_at_broker(commit=commit)
        self.error = None
        self._reaches_broker = False
        self._move(TransactionEvent.ENDED)

    def _check_committable(self, *, commit: bool) -> None:
        """What failed in the transaction is what its commit fails with."""
        if commit and self.state is TransactionState.ABORT_ONLY and self.error is not None:
            raise self.error

    async def add_offsets(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group: GroupMetadata
    ) -> None:
        """Make ``offsets`` committed for the group when, and only when, the transaction commits."""
        self.check_open()
        self._reaches_broker = True
        request = TxnOffsetCommitRequest(
            transactional_id=self.transactional_id or "",
            group_id=group.group_id,
            producer_id=self.identity.producer_id,
            producer_epoch=self.identity.epoch,
            generation_id=group.generation_id,
            member_id=group.member_id,
            group_instance_id=group.group_instance_id,
            topics=offset_topics(offsets),
        )
        what = f"adding offsets of group {group.group_id!r} to the transaction of {self._name()}"
        try:
            # Not asked again about a topic that is gone: meanwhile the transaction would time out.
            gone = (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,)
            await self._requests.settled(request, what, _first_offset_error, final=gone)
        except KafkaError as error:
            # Also where no answer came: with or without these offsets, it is not known what would be committed.
            code = _code_of(error) or ErrorCode.NONE
            raise self._failed(error, code, what, event_of(code)) from error

    async def _end_at_broker(self, *, commit: bool) -> None:
        what = f"{'committing' if commit else 'aborting'} the transaction of {self._name()}"
        request = EndTxnRequest(
            transactional_id=self.transactional_id or "",
            producer_id=self.identity.producer_id,
            producer_epoch=self.identity.epoch,
            committed=commit,
        )
        try:
            answer = await self._requests.settled(request, what, lambda response: response.error_code)
        except KafkaError as error:
            code = _code_of(error)
            if code is None or is_undecided(code):
                # The state stays: the same can be asked again, and nothing else may be.
                again = "commit_transaction()" if commit else "abort_transaction()"
                raise KafkaTimeoutError(
                    f"{error}; whether it is done is not known: call {again} again"
                ) from error
            raise self._failed(error, code, what, event_of(code, is_end=True)) from error
        if answer.producer_id >= 0:
            self.identity = ProducerIdentity(answer.producer_id, answer.producer_epoch)

    def _failed(self, error: KafkaError, code: int, what: str, event: TransactionEvent) -> KafkaError:
        """Note ``error`` and return what to raise for it."""
        if code in FENCED:
            error = self._fenced(code, what)
        elif code in _LEFT_BEHIND:
            error = CommitFailedError(
                f"{what}: {name_of(code)}: the group has moved on; abort the transaction"
            )
        elif code == ErrorCode.TRANSACTION_ABORTABLE:
            error = error_for(
                code, f"{what}: it timed out and is aborted: abort it here too and begin another"
            )
        self._note_error(error, event)
        return error

    def _note_error(self, error: StreamzError, event: TransactionEvent) -> None:
        before = self.state
        self._move(event)
        if self.state is not before:  # the first error stays the reason
            self.error = error

    def _fenced(self, code: int, what: str) -> KafkaError:
        return ProducerFenced(
            f"{what}: {name_of(code)}: another producer started with transactional_id "
            f"{self.transactional_id!r}, or the transaction timed out; this producer must stop"
        )

    def _require_transactional(self) -> None:
        if not self.is_transactional:
            raise IllegalOperation("this producer has no transactional_id: give it one to use transactions")

    def _move(self, event: TransactionEvent) -> None:
        """Go where the table says; raises ``refusal`` where it says nothing."""
        following = TABLE.get((self.state, event))
        if following is None:
            raise self.refusal()
        self.state = following
        self._on_change()

    def _name(self) -> str:
        if self.transactional_id is None:
            return "the idempotent producer"
        return f"producer {self.transactional_id!r}"


def offset_topics(offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> list[OffsetCommitTopic]:
    """``offsets`` in the shape of the commit requests."""
    topics: dict[str, list[OffsetCommitPartition]] = {}
    for (topic, partition), (offset, metadata) in sorted(offsets.items()):
        wanted = OffsetCommitPartition(
            partition_index=partition, committed_offset=offset, committed_metadata=metadata
        )
        topics.setdefault(topic, []).append(wanted)
    return [OffsetCommitTopic(name=topic, partitions=partitions) for topic, partitions in topics.items()]


def _first_offset_error(response: TxnOffsetCommitResponse) -> int:
    codes = [p.error_code for topic in response.topics for p in topic.partitions if p.error_code]
    return codes[0] if codes else ErrorCode.NONE


def _code_of(error: KafkaError) -> int | None:
    """The broker's code behind an error; None where there was no answer."""
    if isinstance(error, ProducerFenced):
        return ErrorCode.PRODUCER_FENCED
    return getattr(error, "errno", None)
