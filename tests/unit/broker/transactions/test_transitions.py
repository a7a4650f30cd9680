"""The transaction protocol, decision by decision, without a broker."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from streamz_core.broker.transactions.events import (
    AddPartition,
    AnnouncePartitions,
    Decision,
    EndKeepingEpoch,
    EndTransaction,
    Event,
    Expired,
    InitProducer,
    MarkersWritten,
    Step,
    TimedOut,
    VerifyPartition,
)
from streamz_core.broker.transactions.state import (
    EPOCH_MAX,
    LEGAL_PREDECESSORS,
    PRODUCER_EPOCH_MAX,
    Transaction,
    TransactionState,
    change,
    move,
)
from streamz_core.broker.transactions.transitions import TABLE, decide
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.transaction_version import TransactionVersion

NOW = 1_000
T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)
S = TransactionState
OPEN = (S.ONGOING, S.PREPARE_COMMIT, S.PREPARE_ABORT)
NEW_ID = 99


def transaction(state: TransactionState = S.EMPTY, **changes: Any) -> Transaction:
    fields: dict[str, Any] = {
        "transactional_id": "x",
        "state": state,
        "producer_id": 7,
        "producer_epoch": 3,
        "timeout_ms": 60_000,
        "partitions": frozenset({T0})
        if state in (S.ONGOING, S.PREPARE_COMMIT, S.PREPARE_ABORT)
        else frozenset(),
    }
    return Transaction(**{**fields, **changes})


def init(producer_id: int = -1, producer_epoch: int = -1) -> InitProducer:
    return InitProducer(
        timeout_ms=5_000, producer_id=producer_id, producer_epoch=producer_epoch, new_producer_id=NEW_ID
    )


def add(partition: TopicPartition = T0, producer_id: int = 7, producer_epoch: int = 3) -> AddPartition:
    return AddPartition(producer_id=producer_id, producer_epoch=producer_epoch, partition=partition)


def end(is_committed: bool, producer_id: int = 7, producer_epoch: int = 3) -> EndTransaction:
    return EndTransaction(
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        is_committed=is_committed,
        new_producer_id=NEW_ID,
    )


def announce(
    *partitions: TopicPartition, producer_id: int = 7, producer_epoch: int = 3
) -> AnnouncePartitions:
    return AnnouncePartitions(
        producer_id=producer_id, producer_epoch=producer_epoch, partitions=frozenset(partitions)
    )


def verify(partition: TopicPartition, producer_id: int = 7, producer_epoch: int = 3) -> VerifyPartition:
    return VerifyPartition(producer_id=producer_id, producer_epoch=producer_epoch, partition=partition)


def end_keeping(is_committed: bool, producer_id: int = 7, producer_epoch: int = 3) -> EndKeepingEpoch:
    return EndKeepingEpoch(producer_id=producer_id, producer_epoch=producer_epoch, is_committed=is_committed)


def ask(before: Transaction, event: Event) -> Decision:
    return decide(before, event, NOW)


def run(before: Transaction, *events: Event) -> Transaction:
    for event in events:
        before = ask(before, event).transaction
    return before


def identity(of: Transaction) -> tuple[int, int]:
    return of.producer_id, of.producer_epoch


def test_every_event_is_decided_in_every_state() -> None:
    assert set(TABLE) == set(product(TransactionState, Event.__subclasses__()))


def test_states_only_follow_their_predecessors() -> None:
    for before, after in product(TransactionState, TransactionState):
        if before in LEGAL_PREDECESSORS[after]:
            assert move(transaction(before), after, NOW).state is after
        else:
            with pytest.raises(AssertionError, match="no transition"):
                move(transaction(before), after, NOW)


def test_no_decision_breaks_the_table_of_states() -> None:
    identities = [(7, 2), (7, 3), (7, 4), (6, PRODUCER_EPOCH_MAX), (5, 0), (-1, -1)]
    events: list[Event] = [TimedOut(new_producer_id=NEW_ID), MarkersWritten(), Expired()]
    for producer_id, epoch in identities:
        events += [init(producer_id, epoch), add(T1, producer_id, epoch)]
        events += [announce(T1, producer_id=producer_id, producer_epoch=epoch)]
        events += [verify(T1, producer_id, epoch)]
        for committed in (True, False):
            events += [end(committed, producer_id, epoch), end_keeping(committed, producer_id, epoch)]
    for state, event in product(TransactionState, events):
        before = transaction(state, previous_producer_id=6, producer_epoch=3)
        after = ask(before, event)
        if after.transaction != before:
            assert before.state in LEGAL_PREDECESSORS[after.transaction.state]
            assert after.error_code in (ErrorCode.NONE, ErrorCode.CONCURRENT_TRANSACTIONS)
        elif after.error_code is ErrorCode.NONE:
            assert after.step is Step.NOTHING
        assert identity(after.transaction) >= identity(before) or after.transaction.producer_id == NEW_ID


class TestInit:
    def test_a_newcomer_gets_the_next_epoch(self) -> None:
        decision = ask(transaction(S.COMPLETE_COMMIT), init())

        assert decision.step is Step.STORE
        assert identity(decision.transaction) == (7, 4)
        assert decision.transaction.timeout_ms == 5_000
        assert decision.transaction.state is S.EMPTY

    def test_the_owner_gets_the_next_epoch_and_may_ask_again(self) -> None:
        once = ask(transaction(), init(7, 3))
        again = ask(once.transaction, init(7, 3))

        assert identity(once.transaction) == (7, 4)
        assert (again.step, again.error_code, identity(again.transaction)) == (
            Step.NOTHING,
            ErrorCode.NONE,
            (7, 4),
        )

    def test_who_was_replaced_is_fenced(self) -> None:
        replaced = run(transaction(), init())

        for event in (init(7, 3), init(8, 3)):
            assert ask(replaced, event).error_code is ErrorCode.PRODUCER_FENCED

    def test_what_was_left_open_is_aborted_first(self) -> None:
        decision = ask(transaction(S.ONGOING), init())

        assert decision.step is Step.END_AND_DECIDE_AGAIN
        assert decision.transaction.state is S.PREPARE_ABORT
        assert identity(decision.transaction) == (7, 4)

        done = run(decision.transaction, MarkersWritten(), init())
        assert identity(done) == (7, 5)
        assert ask(done, init(7, 3)).error_code is ErrorCode.PRODUCER_FENCED

    def test_a_replaced_owner_cannot_abort_its_successors_transaction(self) -> None:
        for event in (init(7, 2), init(8, 3)):
            decision = ask(transaction(S.ONGOING), event)
            assert (decision.step, decision.error_code) == (Step.NOTHING, ErrorCode.PRODUCER_FENCED)

    @pytest.mark.parametrize("state", [S.PREPARE_COMMIT, S.PREPARE_ABORT])
    def test_an_end_under_way_is_awaited(self, state: TransactionState) -> None:
        assert ask(transaction(state), init()).step is Step.AWAIT_END_AND_DECIDE_AGAIN
        assert ask(transaction(state), init(8, 3)).error_code is ErrorCode.PRODUCER_FENCED

    def test_epochs_that_ran_out_roll_the_producer_id(self) -> None:
        last = transaction(producer_epoch=PRODUCER_EPOCH_MAX)

        for event in (init(), init(7, PRODUCER_EPOCH_MAX)):
            rolled = ask(last, event).transaction
            assert identity(rolled) == (NEW_ID, 0)
            assert rolled.previous_producer_id == 7

        again = ask(rolled, init(7, PRODUCER_EPOCH_MAX))
        assert (again.step, identity(again.transaction)) == (Step.NOTHING, (NEW_ID, 0))


class TestPartitions:
    @pytest.mark.parametrize("state", [S.EMPTY, S.COMPLETE_COMMIT, S.COMPLETE_ABORT])
    def test_writing_begins_a_transaction(self, state: TransactionState) -> None:
        decision = ask(transaction(state), add(T1))

        assert (decision.step, decision.error_code) == (Step.NOTE, ErrorCode.NONE)
        assert decision.transaction.state is S.ONGOING
        assert decision.transaction.partitions == {T1}
        assert decision.transaction.started_ms == NOW

    def test_more_partitions_join_and_are_not_written_down(self) -> None:
        decision = ask(transaction(S.ONGOING), add(T1))

        assert decision.step is Step.NOTHING
        assert decision.transaction.partitions == {T0, T1}
        assert ask(decision.transaction, add(T1)).transaction is decision.transaction

    @pytest.mark.parametrize(
        ("state", "event", "error"),
        [
            (S.ONGOING, add(producer_epoch=2), ErrorCode.INVALID_PRODUCER_EPOCH),
            (S.ONGOING, add(producer_epoch=4), ErrorCode.INVALID_PRODUCER_EPOCH),
            (S.ONGOING, add(producer_id=8), ErrorCode.INVALID_PRODUCER_ID_MAPPING),
            (S.COMPLETE_COMMIT, add(producer_epoch=2), ErrorCode.INVALID_PRODUCER_EPOCH),
            (S.COMPLETE_ABORT, add(producer_epoch=2), ErrorCode.TRANSACTION_ABORTABLE),
            (S.COMPLETE_ABORT, add(producer_epoch=1), ErrorCode.INVALID_PRODUCER_EPOCH),
            (S.PREPARE_ABORT, add(producer_epoch=2), ErrorCode.TRANSACTION_ABORTABLE),
            (S.PREPARE_COMMIT, add(producer_epoch=2), ErrorCode.INVALID_PRODUCER_EPOCH),
            (S.PREPARE_COMMIT, add(), ErrorCode.CONCURRENT_TRANSACTIONS),
            (S.DEAD, add(), ErrorCode.INVALID_PRODUCER_ID_MAPPING),
        ],
    )
    def test_records_of_another_transaction_are_refused(
        self, state: TransactionState, event: AddPartition, error: ErrorCode
    ) -> None:
        before = transaction(state)

        decision = ask(before, event)

        assert decision == Decision(before, Step.NOTHING, error)


class TestEnd:
    @pytest.mark.parametrize(("committed", "state"), [(True, S.PREPARE_COMMIT), (False, S.PREPARE_ABORT)])
    def test_the_decision_raises_the_epoch(self, committed: bool, state: TransactionState) -> None:
        decision = ask(transaction(S.ONGOING), end(committed))

        assert decision.step is Step.END
        assert decision.transaction.state is state
        assert identity(decision.transaction) == (7, 4)
        assert decision.transaction.partitions == {T0}

    def test_complete_is_noted_and_holds_nothing(self) -> None:
        decision = ask(transaction(S.PREPARE_COMMIT), MarkersWritten())

        assert decision.step is Step.NOTE
        assert decision.transaction.state is S.COMPLETE_COMMIT
        assert decision.transaction.partitions == frozenset()

    @pytest.mark.parametrize("committed", [True, False])
    def test_a_repeated_end_is_told_the_same(self, committed: bool) -> None:
        ending = run(transaction(S.ONGOING), end(committed))
        waiting = ask(ending, end(committed))
        assert waiting.step is Step.AWAIT_END_AND_DECIDE_AGAIN

        done = run(ending, MarkersWritten())
        again = ask(done, end(committed))
        assert (again.step, again.error_code) == (Step.NOTHING, ErrorCode.NONE)
        assert identity(again.transaction) == (7, 4)

    @pytest.mark.parametrize("state", [S.PREPARE_COMMIT, S.COMPLETE_COMMIT])
    def test_what_is_committed_cannot_be_aborted(self, state: TransactionState) -> None:
        decision = ask(transaction(state), end(False, producer_epoch=2))

        assert decision.error_code is ErrorCode.INVALID_TXN_STATE

    @pytest.mark.parametrize("state", [S.PREPARE_ABORT, S.COMPLETE_ABORT])
    def test_committing_what_timed_out_asks_for_an_abort(self, state: TransactionState) -> None:
        decision = ask(transaction(state), end(True, producer_epoch=2))

        assert decision.error_code is ErrorCode.TRANSACTION_ABORTABLE

    def test_a_timed_out_owner_aborts_and_goes_on(self) -> None:
        timed_out = run(transaction(S.ONGOING), TimedOut(new_producer_id=NEW_ID), MarkersWritten())

        decision = ask(timed_out, end(False))

        assert (decision.step, decision.error_code) == (Step.NOTHING, ErrorCode.NONE)
        assert ask(decision.transaction, add(T1, producer_epoch=4)).error_code is ErrorCode.NONE

    @pytest.mark.parametrize("state", [S.EMPTY, S.COMPLETE_COMMIT, S.COMPLETE_ABORT])
    def test_there_is_nothing_to_commit(self, state: TransactionState) -> None:
        assert ask(transaction(state), end(True)).error_code is ErrorCode.INVALID_TXN_STATE

    @pytest.mark.parametrize("state", [S.EMPTY, S.COMPLETE_COMMIT, S.COMPLETE_ABORT])
    def test_aborting_nothing_still_raises_the_epoch(self, state: TransactionState) -> None:
        decision = ask(transaction(state), end(False))

        assert decision.step is Step.END
        assert identity(decision.transaction) == (7, 4)
        assert decision.transaction.partitions == frozenset()

    @pytest.mark.parametrize("state", [s for s in TransactionState if s is not S.DEAD])
    @pytest.mark.parametrize("committed", [True, False])
    def test_strangers_and_the_fenced_end_nothing(self, state: TransactionState, committed: bool) -> None:
        before = transaction(state)
        for event in (end(committed, producer_epoch=1), end(committed, producer_epoch=9)):
            assert ask(before, event) == Decision(before, Step.NOTHING, ErrorCode.PRODUCER_FENCED)
        stranger = ask(before, end(committed, producer_id=8))
        assert stranger == Decision(before, Step.NOTHING, ErrorCode.INVALID_PRODUCER_ID_MAPPING)

    def test_an_end_of_one_transaction_never_ends_the_next(self) -> None:
        done = run(transaction(S.ONGOING), end(True), MarkersWritten())
        following = run(done, add(T1, producer_epoch=4))

        for committed in (True, False):
            assert ask(following, end(committed)).error_code is ErrorCode.PRODUCER_FENCED

    def test_epochs_that_ran_out_roll_the_producer_id_with_the_end(self) -> None:
        ending = run(
            transaction(S.ONGOING, producer_epoch=PRODUCER_EPOCH_MAX), end(True, 7, PRODUCER_EPOCH_MAX)
        )
        assert identity(ending) == (7, EPOCH_MAX)
        assert ending.next_producer_id == NEW_ID

        done = run(ending, MarkersWritten())
        assert identity(done) == (NEW_ID, 0)
        assert (done.previous_producer_id, done.next_producer_id) == (7, -1)

        again = ask(done, end(True, 7, PRODUCER_EPOCH_MAX))
        assert (again.step, again.error_code) == (Step.NOTHING, ErrorCode.NONE)
        assert ask(done, add(T0, 7, PRODUCER_EPOCH_MAX)).error_code is ErrorCode.INVALID_PRODUCER_EPOCH


ABORTABLE, INVALID, FENCED = (
    ErrorCode.TRANSACTION_ABORTABLE,
    ErrorCode.INVALID_TXN_STATE,
    ErrorCode.PRODUCER_FENCED,
)
BUMPED = "a new epoch"


class TestTableOfKip890:
    """Kafka's own table of EndTxn where nothing is open; ours differs from it in one cell (ABORTABLE)."""

    @pytest.mark.parametrize(
        ("state", "committed", "is_retry", "outcome"),
        [
            (S.EMPTY, False, True, FENCED),
            (S.EMPTY, False, False, BUMPED),
            (S.EMPTY, True, True, FENCED),
            (S.EMPTY, True, False, INVALID),
            (S.COMPLETE_ABORT, False, True, ErrorCode.NONE),
            (S.COMPLETE_ABORT, False, False, BUMPED),
            (S.COMPLETE_ABORT, True, True, ABORTABLE),
            (S.COMPLETE_ABORT, True, False, INVALID),
            (S.COMPLETE_COMMIT, False, True, INVALID),
            (S.COMPLETE_COMMIT, False, False, BUMPED),
            (S.COMPLETE_COMMIT, True, True, ErrorCode.NONE),
            (S.COMPLETE_COMMIT, True, False, INVALID),
        ],
    )
    def test_ends_with_the_epoch_that_is_raised(
        self, state: TransactionState, committed: bool, is_retry: bool, outcome: ErrorCode | str
    ) -> None:
        before = transaction(state)
        decision = ask(before, end(committed, producer_epoch=2 if is_retry else 3))

        if outcome is BUMPED:
            assert (decision.step, decision.error_code) == (Step.END, ErrorCode.NONE)
            assert identity(decision.transaction) == (7, 4)
        else:
            assert decision == Decision(before, Step.NOTHING, outcome)

    @pytest.mark.parametrize(
        ("state", "committed", "outcome"),
        [
            (S.EMPTY, False, INVALID),
            (S.EMPTY, True, INVALID),
            (S.COMPLETE_ABORT, False, ErrorCode.NONE),
            (S.COMPLETE_ABORT, True, INVALID),
            (S.COMPLETE_COMMIT, False, INVALID),
            (S.COMPLETE_COMMIT, True, ErrorCode.NONE),
        ],
    )
    def test_ends_with_the_epoch_that_stays(
        self, state: TransactionState, committed: bool, outcome: ErrorCode
    ) -> None:
        before = transaction(state, transaction_version=TransactionVersion.V1)

        assert ask(before, end_keeping(committed)) == Decision(before, Step.NOTHING, outcome)
        for version in TransactionVersion:
            before = transaction(state, transaction_version=version)
            for epoch in (2, 4):
                decision = ask(before, end_keeping(committed, producer_epoch=epoch))
                assert decision == Decision(before, Step.NOTHING, FENCED)
            stranger = ask(before, end_keeping(committed, producer_id=8))
            assert stranger.error_code is ErrorCode.INVALID_PRODUCER_ID_MAPPING


class TestOlderClients:
    def test_announced_partitions_are_stored(self) -> None:
        begun = ask(transaction(S.COMPLETE_COMMIT), announce(T0))
        more = ask(begun.transaction, announce(T0, T1))
        again = ask(more.transaction, announce(T1))

        assert (begun.step, begun.transaction.state) == (Step.STORE, S.ONGOING)
        assert begun.transaction.started_ms == NOW
        assert (more.step, more.transaction.partitions) == (Step.STORE, {T0, T1})
        assert again == Decision(more.transaction, Step.NOTHING)

    @pytest.mark.parametrize("state", [s for s in S if s is not S.DEAD])
    def test_only_the_owner_announces(self, state: TransactionState) -> None:
        before = transaction(state)
        for event, error in (
            (announce(T0, producer_epoch=2), FENCED),
            (announce(T0, producer_epoch=4), FENCED),
            (announce(T0, producer_id=8), ErrorCode.INVALID_PRODUCER_ID_MAPPING),
        ):
            assert ask(before, event) == Decision(before, Step.NOTHING, error)

    @pytest.mark.parametrize("state", [s for s in S if s is not S.ONGOING and s is not S.DEAD])
    def test_nothing_is_written_where_nothing_is_open(self, state: TransactionState) -> None:
        before = transaction(state, partitions=frozenset({T0}))
        assert ask(before, verify(T0)) == Decision(before, Step.NOTHING, INVALID)
        fenced = ask(before, verify(T0, producer_epoch=2))
        assert fenced.error_code is ErrorCode.INVALID_PRODUCER_EPOCH

    def test_only_announced_partitions_are_written_to(self) -> None:
        before = transaction(S.ONGOING)
        assert ask(before, verify(T0)) == Decision(before, Step.NOTHING)
        assert ask(before, verify(T1)) == Decision(before, Step.NOTHING, INVALID)

    @pytest.mark.parametrize("committed", [True, False])
    def test_the_end_keeps_the_epoch(self, committed: bool) -> None:
        ending = ask(transaction(S.ONGOING), end_keeping(committed))
        assert ending.step is Step.END
        assert identity(ending.transaction) == (7, 3)
        assert ending.transaction.transaction_version is TransactionVersion.V1
        assert ask(ending.transaction, announce(T0)).error_code is ErrorCode.CONCURRENT_TRANSACTIONS
        waiting = ask(ending.transaction, end_keeping(committed))
        assert waiting.step is Step.AWAIT_END_AND_DECIDE_AGAIN
        assert ask(ending.transaction, end_keeping(not committed)).error_code is INVALID

        done = run(ending.transaction, MarkersWritten())
        assert identity(done) == (7, 3)

    def test_time_raises_the_epoch_whatever_the_client_speaks(self) -> None:
        timed_out = run(
            transaction(S.ONGOING, transaction_version=TransactionVersion.V1),
            TimedOut(new_producer_id=NEW_ID),
            MarkersWritten(),
        )
        assert identity(timed_out) == (7, 4)
        for committed in (True, False):
            assert ask(timed_out, end_keeping(committed)).error_code is FENCED
        assert ask(timed_out, announce(T0)).error_code is FENCED


class TestTime:
    def test_only_an_open_transaction_times_out(self) -> None:
        for state in TransactionState:
            decision = ask(transaction(state), TimedOut(new_producer_id=NEW_ID))
            if state is S.ONGOING:
                assert decision.step is Step.END
                assert decision.transaction.state is S.PREPARE_ABORT
            else:
                assert decision == Decision(transaction(state), Step.NOTHING)

    def test_only_what_is_settled_expires(self) -> None:
        for state in TransactionState:
            step = ask(transaction(state), Expired()).step
            settled = state in (S.EMPTY, S.COMPLETE_COMMIT, S.COMPLETE_ABORT)
            assert step is (Step.FORGET if settled else Step.NOTHING)

    def test_what_expired_is_unknown(self) -> None:
        dead = run(transaction(), Expired())
        for event in (init(), add(), end(True)):
            assert ask(dead, event).error_code is ErrorCode.INVALID_PRODUCER_ID_MAPPING


def test_decisions_change_nothing_in_place() -> None:
    before = transaction(S.ONGOING)
    ask(before, end(True))
    ask(before, add(T1))

    assert before == transaction(S.ONGOING)
    assert change(before, timeout_ms=1) != before
