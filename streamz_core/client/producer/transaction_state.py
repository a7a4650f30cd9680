"""Where a transactional producer is, and what may happen there: a table over values.

Owns: the states, the events, which state follows, and which errors can be mended by an abort.
Must not know: requests, batches, whose state it is.

Source: KIP-98, KIP-360, KIP-1050
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from streamz_core.errors import ErrorCode


class TransactionState(Enum):
    """Where a transactional producer is; the value completes "the producer is ..."."""

    READY = "ready"
    IN_TRANSACTION = "in a transaction"
    COMMITTING = "committing"
    """Also where no answer came: only the same again can tell the outcome."""
    ABORTING = "aborting"
    ABORT_ONLY = "in a transaction that can only be aborted"
    FATAL = "of no more use"


class TransactionEvent(Enum):
    """What can happen to it."""

    BEGIN = "begin"
    COMMIT = "commit"
    ABORT = "abort"
    ENDED = "ended"
    """The broker has decided as it was asked."""
    ABORTABLE_ERROR = "abortable error"
    FATAL_ERROR = "fatal error"


_S, _E = TransactionState, TransactionEvent

TABLE: Final[Mapping[tuple[TransactionState, TransactionEvent], TransactionState]] = {
    (_S.READY, _E.BEGIN): _S.IN_TRANSACTION,
    (_S.READY, _E.ABORTABLE_ERROR): _S.READY,
    (_S.READY, _E.FATAL_ERROR): _S.FATAL,
    (_S.IN_TRANSACTION, _E.COMMIT): _S.COMMITTING,
    (_S.IN_TRANSACTION, _E.ABORT): _S.ABORTING,
    (_S.IN_TRANSACTION, _E.ABORTABLE_ERROR): _S.ABORT_ONLY,
    (_S.IN_TRANSACTION, _E.FATAL_ERROR): _S.FATAL,
    (_S.COMMITTING, _E.COMMIT): _S.COMMITTING,
    (_S.COMMITTING, _E.ENDED): _S.READY,
    (_S.COMMITTING, _E.ABORTABLE_ERROR): _S.ABORT_ONLY,
    (_S.COMMITTING, _E.FATAL_ERROR): _S.FATAL,
    (_S.ABORTING, _E.ABORT): _S.ABORTING,
    (_S.ABORTING, _E.ENDED): _S.READY,
    (_S.ABORTING, _E.ABORTABLE_ERROR): _S.ABORTING,
    (_S.ABORTING, _E.FATAL_ERROR): _S.FATAL,
    (_S.ABORT_ONLY, _E.ABORT): _S.ABORTING,
    (_S.ABORT_ONLY, _E.ABORTABLE_ERROR): _S.ABORT_ONLY,
    (_S.ABORT_ONLY, _E.FATAL_ERROR): _S.FATAL,
    (_S.FATAL, _E.ABORTABLE_ERROR): _S.FATAL,
    (_S.FATAL, _E.FATAL_ERROR): _S.FATAL,
}
"""A pair that is missing is a call out of order."""

REMEDIES: Final[Mapping[TransactionState, str]] = {
    _S.READY: "begin a transaction first",
    _S.IN_TRANSACTION: "commit or abort it first",
    _S.COMMITTING: "its outcome is not known yet: call commit_transaction() again",
    _S.ABORTING: "call abort_transaction() again",
    _S.ABORT_ONLY: "abort it and begin another",
    _S.FATAL: "stop it and start another",
}
"""What a program that called out of order is to do."""

FENCED: Final = frozenset({ErrorCode.PRODUCER_FENCED, ErrorCode.INVALID_PRODUCER_EPOCH})
"""Somebody else has the transactional id now."""
_FATAL: Final = FENCED | {
    ErrorCode.INVALID_PRODUCER_ID_MAPPING,
    ErrorCode.TRANSACTION_COORDINATOR_FENCED,
    ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    ErrorCode.UNSUPPORTED_VERSION,
}


def event_of(code: int, *, is_end: bool = False) -> TransactionEvent:
    """What an error means for the producer; ``is_end``: it answers the request to commit or abort."""
    # A batch may come too late for its transaction; an end that does not fit means that the two disagree.
    is_fatal = code in _FATAL or (is_end and code == ErrorCode.INVALID_TXN_STATE)
    return TransactionEvent.FATAL_ERROR if is_fatal else TransactionEvent.ABORTABLE_ERROR


def is_undecided(code: int | None) -> bool:
    """Whether a broker that gives this error to the request to commit or abort may have done it, or may yet.

    KAFKA_STORAGE_ERROR is the broker's word that nothing is decided.
    """
    if code is None:
        return True  # there was no answer
    try:
        known = ErrorCode(code)
    except ValueError:
        return False
    return known.is_retriable and known is not ErrorCode.KAFKA_STORAGE_ERROR
