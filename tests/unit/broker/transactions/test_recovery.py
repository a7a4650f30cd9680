from __future__ import annotations

from typing import Any

import pytest

from streamz_core.broker.transactions.recovery import Leftover, OpenInLog, reconcile
from streamz_core.broker.transactions.state import EPOCH_MAX, Transaction, TransactionState
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.transaction_version import TransactionVersion

S = TransactionState
T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)


def stored(state: TransactionState, *partitions: TopicPartition, **changes: Any) -> dict[str, Transaction]:
    fields: dict[str, Any] = {
        "transactional_id": "x",
        "state": state,
        "producer_id": 7,
        "producer_epoch": 3,
        "timeout_ms": 60_000,
        "partitions": frozenset(partitions),
    }
    return {"x": Transaction(**{**fields, **changes})}


def test_partitions_that_were_not_noted_are_found_in_their_logs() -> None:
    recovered = reconcile(stored(S.ONGOING, T0), [OpenInLog(T0, 7, 3), OpenInLog(T1, 7, 3)], 1)

    assert recovered.transactions["x"].partitions == {T0, T1}
    assert recovered.leftovers == []


@pytest.mark.parametrize("state", [S.EMPTY, S.COMPLETE_COMMIT, S.COMPLETE_ABORT])
def test_a_transaction_whose_note_is_lost_is_found_in_the_logs(state: TransactionState) -> None:
    recovered = reconcile(stored(state), [OpenInLog(T1, 7, 3)], 5)

    assert recovered.transactions["x"].state is S.ONGOING
    assert recovered.transactions["x"].partitions == {T1}
    assert recovered.transactions["x"].started_ms == 5


def test_what_nobody_owns_is_aborted() -> None:
    recovered = reconcile({}, [OpenInLog(T0, 9, 2)], 1)

    assert recovered.leftovers == [Leftover(T0, 9, 2, is_committed=False)]


@pytest.mark.parametrize(
    ("state", "epoch", "is_committed"),
    [
        (S.COMPLETE_COMMIT, 2, True),
        (S.COMPLETE_COMMIT, 1, False),
        (S.COMPLETE_ABORT, 2, False),
        (S.EMPTY, 2, False),
        (S.ONGOING, 2, False),
        (S.PREPARE_COMMIT, 2, True),
    ],
)
def test_a_marker_that_is_missing_follows_the_outcome(
    state: TransactionState, epoch: int, is_committed: bool
) -> None:
    recovered = reconcile(stored(state), [OpenInLog(T0, 7, epoch)], 1)

    assert recovered.leftovers == [Leftover(T0, 7, 3, is_committed=is_committed)]
    assert recovered.transactions == stored(state)


def test_an_end_under_way_writes_its_own_markers() -> None:
    recovered = reconcile(stored(S.PREPARE_COMMIT, T0), [OpenInLog(T0, 7, 2)], 1)

    assert recovered.leftovers == []


def test_the_outcome_is_followed_across_producer_ids() -> None:
    rolled = stored(S.COMPLETE_COMMIT, producer_id=8, producer_epoch=0, previous_producer_id=7)

    recovered = reconcile(rolled, [OpenInLog(T0, 7, EPOCH_MAX - 1)], 1)

    assert recovered.leftovers == [Leftover(T0, 7, EPOCH_MAX, is_committed=True)]


@pytest.mark.parametrize("state", [S.PREPARE_COMMIT, S.PREPARE_ABORT])
def test_records_of_the_next_transaction_prove_the_end_of_the_one_before(state: TransactionState) -> None:
    recovered = reconcile(stored(state, T0, T1), [OpenInLog(T0, 7, 3)], 5)

    assert recovered.transactions["x"].state is S.ONGOING
    assert recovered.transactions["x"].partitions == {T0}
    assert recovered.leftovers == []


def test_they_prove_it_across_producer_ids() -> None:
    ending = stored(S.PREPARE_COMMIT, T0, producer_epoch=EPOCH_MAX, next_producer_id=9)

    recovered = reconcile(ending, [OpenInLog(T1, 9, 0)], 5)

    found = recovered.transactions["x"]
    assert (found.state, found.producer_id, found.producer_epoch) == (S.ONGOING, 9, 0)
    assert found.previous_producer_id == 7


@pytest.mark.parametrize("state", [S.PREPARE_COMMIT, S.PREPARE_ABORT])
def test_an_end_that_keeps_the_epoch_is_not_taken_for_complete(state: TransactionState) -> None:
    """What is open under that epoch is what is being ended; the next transaction is announced first."""
    before = stored(state, T0, transaction_version=TransactionVersion.V1)

    recovered = reconcile(before, [OpenInLog(T0, 7, 3), OpenInLog(T1, 7, 3)], 1)

    assert recovered.transactions == before
    assert recovered.leftovers == [Leftover(T1, 7, 3, is_committed=False)]
