"""What the admin client says of transactions.

Owns: the values it answers with, under the names of Kafka's admin client (KIP-664).
Must not know: requests, links.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from streamz_core.model import TopicPartition


class TransactionState(Enum):
    """Where a transactional id is, in Kafka's words."""

    EMPTY = "Empty"
    """Nothing was ever written under its present identity."""
    ONGOING = "Ongoing"
    PREPARE_COMMIT = "PrepareCommit"
    PREPARE_ABORT = "PrepareAbort"
    COMPLETE_COMMIT = "CompleteCommit"
    COMPLETE_ABORT = "CompleteAbort"
    UNKNOWN = "Unknown"
    """A state this client does not know."""

    @classmethod
    def of(cls, name: str) -> TransactionState:
        """The state a broker named."""
        return next((state for state in cls if state.value == name), cls.UNKNOWN)


class TransactionListing(NamedTuple):
    """One transactional id in a list."""

    transactional_id: str
    producer_id: int
    state: TransactionState


class TransactionDescription(NamedTuple):
    """One transactional id; times are wall-clock milliseconds."""

    coordinator_id: int
    state: TransactionState
    producer_id: int
    producer_epoch: int
    transaction_timeout_ms: int
    transaction_start_time_ms: int | None
    """None where no transaction is open."""
    topic_partitions: frozenset[TopicPartition]
    """Where the open transaction has written and has no marker yet."""


class ProducerState(NamedTuple):
    """One producer as a partition remembers it; times are wall-clock milliseconds."""

    producer_id: int
    producer_epoch: int
    last_sequence: int
    last_timestamp: int
    coordinator_epoch: int | None
    """None if it never ended a transaction there."""
    current_transaction_start_offset: int | None
    """None if it has no transaction open."""


class AbortTransactionSpec(NamedTuple):
    """Which open transaction to abort, in which partition."""

    topic_partition: TopicPartition
    producer_id: int
    producer_epoch: int
    coordinator_epoch: int = 0


class ProducerIdAndEpoch(NamedTuple):
    """An identity that fenced all before it."""

    producer_id: int
    epoch: int


class HangingTransaction(NamedTuple):
    """A transaction that is open in a partition and that no coordinator will end."""

    topic_partition: TopicPartition
    producer: ProducerState
