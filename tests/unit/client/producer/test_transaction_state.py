"""Owns: the table of a transactional producer. Must not know: how it comes to its events."""

from __future__ import annotations

from itertools import product

import pytest

from streamz_core.client.producer.transaction_state import (
    REMEDIES,
    TABLE,
    TransactionEvent,
    TransactionState,
    event_of,
    is_undecided,
)
from streamz_core.errors import ErrorCode

S, E = TransactionState, TransactionEvent
ERRORS = (E.ABORTABLE_ERROR, E.FATAL_ERROR)


def allowed(event: TransactionEvent) -> set[TransactionState]:
    return {state for state in S if (state, event) in TABLE}


def test_what_may_be_called_where() -> None:
    assert allowed(E.BEGIN) == {S.READY}
    # An unknown outcome must be asked for again, not overruled: the other may have been decided.
    assert allowed(E.COMMIT) == {S.IN_TRANSACTION, S.COMMITTING}
    assert allowed(E.ABORT) == {S.IN_TRANSACTION, S.ABORTING, S.ABORT_ONLY}
    assert allowed(E.ENDED) == {S.COMMITTING, S.ABORTING}
    assert set(REMEDIES) == set(S)


@pytest.mark.parametrize("state", S)
def test_errors_are_known_in_every_state(state: TransactionState) -> None:
    assert TABLE[state, E.FATAL_ERROR] is S.FATAL
    assert TABLE[state, E.ABORTABLE_ERROR] in {state, S.ABORT_ONLY}


def test_nothing_leads_out_of_fatal_and_only_an_abort_out_of_abort_only() -> None:
    assert {TABLE[S.FATAL, event] for event in E if (S.FATAL, event) in TABLE} == {S.FATAL}
    onward = {event for event in E if TABLE.get((S.ABORT_ONLY, event), S.ABORT_ONLY) is not S.ABORT_ONLY}
    assert onward == {E.ABORT, E.FATAL_ERROR}


def test_a_transaction_with_an_error_is_never_ready_without_an_abort() -> None:
    reached = {S.ABORT_ONLY}
    while True:
        further = reached | {
            TABLE[state, event]
            for state, event in product(reached, E)
            if (state, event) in TABLE and event is not E.ABORT
        }
        if further == reached:
            break
        reached = further
    assert reached == {S.ABORT_ONLY, S.FATAL}


@pytest.mark.parametrize(
    ("code", "event"),
    [
        (ErrorCode.PRODUCER_FENCED, E.FATAL_ERROR),
        (ErrorCode.INVALID_PRODUCER_EPOCH, E.FATAL_ERROR),
        (ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, E.FATAL_ERROR),
        (ErrorCode.TOPIC_AUTHORIZATION_FAILED, E.ABORTABLE_ERROR),
        (ErrorCode.GROUP_AUTHORIZATION_FAILED, E.ABORTABLE_ERROR),
        (ErrorCode.TRANSACTION_ABORTABLE, E.ABORTABLE_ERROR),
        (ErrorCode.INVALID_TXN_STATE, E.ABORTABLE_ERROR),
        (ErrorCode.NONE, E.ABORTABLE_ERROR),
        (9_999, E.ABORTABLE_ERROR),
    ],
)
def test_what_an_error_means(code: int, event: TransactionEvent) -> None:
    assert event_of(code) is event


def test_an_end_that_does_not_fit_is_fatal() -> None:
    assert event_of(ErrorCode.INVALID_TXN_STATE, is_end=True) is E.FATAL_ERROR
    assert event_of(ErrorCode.TRANSACTION_ABORTABLE, is_end=True) is E.ABORTABLE_ERROR


@pytest.mark.parametrize(
    ("code", "undecided"),
    [
        (None, True),
        (ErrorCode.CONCURRENT_TRANSACTIONS, True),
        (ErrorCode.COORDINATOR_NOT_AVAILABLE, True),
        (ErrorCode.REQUEST_TIMED_OUT, True),
        (ErrorCode.KAFKA_STORAGE_ERROR, False),
        (ErrorCode.TRANSACTION_ABORTABLE, False),
        (ErrorCode.PRODUCER_FENCED, False),
        (9_999, False),
    ],
)
def test_after_which_errors_the_outcome_is_unknown(code: int | None, undecided: bool) -> None:
    assert is_undecided(code) is undecided
