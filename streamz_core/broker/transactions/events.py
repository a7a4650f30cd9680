"""What can happen to a transaction, and what its decisions ask to be done.

Owns: events (in) and steps (out) of ``transitions.decide``, as values.
Must not know: how steps are carried out.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import msgspec

from streamz_core.broker.transactions.state import NO_EPOCH, NO_PRODUCER, Transaction
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a transactional id."""


class InitProducer(Event, frozen=True, kw_only=True):
    """An InitProducerId request: somebody takes the transactional id over, or asks again.

    ``new_producer_id`` is one nobody has, for when the epochs of the present one have run out.
    """

    timeout_ms: int
    producer_id: int = NO_PRODUCER
    producer_epoch: int = NO_EPOCH
    new_producer_id: int


class AddPartition(Event, frozen=True, kw_only=True):
    """Records of the transaction are about to be written to a partition (KIP-890: no request of its own)."""

    producer_id: int
    producer_epoch: int
    partition: TopicPartition


class AnnouncePartitions(Event, frozen=True, kw_only=True):
    """An AddPartitionsToTxn or AddOffsetsToTxn request, of a client of ``TransactionVersion.V1``."""

    producer_id: int
    producer_epoch: int
    partitions: frozenset[TopicPartition]


class VerifyPartition(Event, frozen=True, kw_only=True):
    """Records of a client of ``TransactionVersion.V1`` are about to be written, announced as it should have."""

    producer_id: int
    producer_epoch: int
    partition: TopicPartition


class EndTransaction(Event, frozen=True, kw_only=True):
    """An EndTxn request of a client of ``TransactionVersion.V2``: its producer gets a new epoch."""

    producer_id: int
    producer_epoch: int
    is_committed: bool
    new_producer_id: int


class EndKeepingEpoch(Event, frozen=True, kw_only=True):
    """An EndTxn request of a client of ``TransactionVersion.V1``: the epoch stays."""

    producer_id: int
    producer_epoch: int
    is_committed: bool


class TimedOut(Event, frozen=True, kw_only=True):
    """The transaction may have been open for longer than its owner said."""

    new_producer_id: int


class MarkersWritten(Event, frozen=True, kw_only=True):
    """Every partition has its marker, durably."""


class Expired(Event, frozen=True, kw_only=True):
    """Nobody used the transactional id for the retention of transactional ids."""


class Step(Enum):
    """What is to be done with the transaction that a decision answers."""

    NOTHING = "nothing"
    """The answer stands; nothing changed, or nothing that need be written."""
    NOTE = "note"
    """Write it down and wait for nothing: it can be found out again from the partitions."""
    STORE = "store"
    """It counts, and may be told, once it is durable."""
    END = "end"
    """It is decided once it is durable, after its partitions are; then the markers follow."""
    END_AND_DECIDE_AGAIN = "end and decide again"
    """As ``END``, and then the same event is decided anew."""
    AWAIT_END_AND_DECIDE_AGAIN = "await end and decide again"
    """Its end is under way: the same event is decided anew once that is complete."""
    FORGET = "forget"
    """Take its record back."""


class Decision(NamedTuple):
    """The transaction after an event, what is to be done, and how to answer."""

    transaction: Transaction
    step: Step
    error_code: ErrorCode = ErrorCode.NONE


def refuse(transaction: Transaction, error_code: ErrorCode) -> Decision:
    """Nothing changes, and the answer is an error."""
    return Decision(transaction, Step.NOTHING, error_code)
