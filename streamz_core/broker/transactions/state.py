"""What a transactional id is, as values.

Owns: the states of a transaction, which may follow which, and ``Transaction``, one transactional id at
one moment.
Must not know: requests, files, clocks, the event loop. Nothing here changes in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

import msgspec

from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.transaction_version import TransactionVersion

EPOCH_MAX: Final = 32_767
"""The highest epoch a marker may carry."""
PRODUCER_EPOCH_MAX: Final = EPOCH_MAX - 1
"""The highest epoch a producer may have: ending its transaction still needs one above it."""
NO_PRODUCER: Final = -1
NO_EPOCH: Final = -1


class TransactionState(IntEnum):
    """Kafka's states, numbered as in ``__transaction_state``."""

    @property
    def title(self) -> str:
        """Kafka's name of it: ``PrepareCommit``."""
        return self.name.title().replace("_", "")

    EMPTY = 0
    """An identity with no transaction."""
    ONGOING = 1
    PREPARE_COMMIT = 2
    """Decided: committed, whatever happens; the markers are being written."""
    PREPARE_ABORT = 3
    """Decided: aborted, whatever happens; the markers are being written."""
    COMPLETE_COMMIT = 4
    """The last transaction is committed and its markers are everywhere."""
    COMPLETE_ABORT = 5
    """The last transaction is aborted and its markers are everywhere."""
    DEAD = 6
    """Forgotten: not used for so long that its owner cannot come back."""


_S = TransactionState
SETTLED: Final = frozenset({_S.EMPTY, _S.COMPLETE_COMMIT, _S.COMPLETE_ABORT})
"""States in which nothing is open."""
DECIDED: Final = frozenset({_S.PREPARE_COMMIT, _S.PREPARE_ABORT})
"""States whose outcome is fixed and not everywhere yet."""

LEGAL_PREDECESSORS: Final[Mapping[TransactionState, frozenset[TransactionState]]] = {
    _S.EMPTY: SETTLED,
    _S.ONGOING: SETTLED | {_S.ONGOING},
    _S.PREPARE_COMMIT: frozenset({_S.ONGOING}),
    # An abort of nothing raises the epoch all the same: what was sent before it must not count after it.
    _S.PREPARE_ABORT: SETTLED | {_S.ONGOING},
    _S.COMPLETE_COMMIT: frozenset({_S.PREPARE_COMMIT}),
    _S.COMPLETE_ABORT: frozenset({_S.PREPARE_ABORT}),
    _S.DEAD: SETTLED,
}
"""From which states each state may be entered; every move asserts it."""


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One transactional id at one moment. Times are wall-clock milliseconds."""

    transactional_id: str
    state: TransactionState = TransactionState.EMPTY
    producer_id: int
    producer_epoch: int = NO_EPOCH
    previous_producer_id: int = NO_PRODUCER
    """The producer id before the epochs ran out, which a repeated request may still name."""
    next_producer_id: int = NO_PRODUCER
    """The producer id that takes over when the transaction under way is complete."""
    transaction_version: TransactionVersion = TransactionVersion.V2
    """Whether the end under way, or the last one, raised the epoch (``V2``)."""
    last_producer_epoch: int = NO_EPOCH
    """The epoch its owner had before the present one; a repeated request may still name it."""
    timeout_ms: int
    partitions: frozenset[TopicPartition] = frozenset()
    """Where the transaction has, or may have, written."""
    started_ms: int = -1
    updated_ms: int = -1

    @property
    def is_exhausted(self) -> bool:
        """Whether no producer may get a higher epoch of this producer id."""
        return self.producer_epoch >= PRODUCER_EPOCH_MAX


def is_owner(transaction: Transaction, producer_id: int, producer_epoch: int) -> bool:
    """Whether this is the present identity of the transactional id."""
    return producer_id == transaction.producer_id and producer_epoch == transaction.producer_epoch


def change(transaction: Transaction, **changes: Any) -> Transaction:
    """A copy with some fields replaced."""
    return msgspec.structs.replace(transaction, **changes)


def move(transaction: Transaction, state: TransactionState, now_ms: int, **changes: Any) -> Transaction:
    """The transaction in another state; a move the protocol does not know is a bug here and asserts."""
    assert transaction.state in LEGAL_PREDECESSORS[state], (
        f"transactional id {transaction.transactional_id!r}: {transaction.state.name} -> {state.name} "
        "is no transition of the transaction protocol"
    )
    return change(transaction, state=state, updated_ms=now_ms, **changes)
