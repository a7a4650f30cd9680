"""Clients of before KIP-890: partitions are announced, one epoch serves many transactions."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from streamz_core.broker.transactions.state import PRODUCER_EPOCH_MAX, TransactionState, change
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnTopic,
)
from streamz_core.protocol.messages.transaction_version import TransactionVersion
from streamz_core.testing.faulty_files import FAULTS, FaultyFiles
from tests.unit.broker.transactions.producers import PENDING, Producer, committed, seen

OK = ErrorCode.NONE


@pytest.fixture
async def older(talk: Any) -> Producer:
    producer = Producer(talk, version=TransactionVersion.V1)
    assert await producer.init(timeout_ms=5_000) is OK
    return producer


def state_of(producer: Producer) -> TransactionState:
    found = producer.talk.broker.transactions.find(producer.transactional_id)
    assert found is not None
    return found.state


async def test_transactions_one_after_the_other_under_one_epoch(talk: Any, older: Producer) -> None:
    identity = older.identity
    for number, is_committed in enumerate((True, False, True)):
        assert await older.announce(0, 1) is OK
        assert await older.announce_offsets() is OK
        assert await older.send(b"%d" % number) is OK
        assert await older.send(b"%d" % number, 1) is OK
        assert await older.send_offset(number + 1) is OK
        assert await committed(talk) == PENDING
        assert await older.end(is_committed) is OK
        assert older.identity == identity

    assert await seen(talk) == await seen(talk, 1) == [b"0", b"2"]
    assert await committed(talk) == 3


async def test_offsets_of_later_transactions_under_one_epoch_are_kept(
    older: Producer, restarted: Any
) -> None:
    """Their batches must go on counting: else the second is taken for the first one sent again."""
    for offset in (1, 2, 3):
        await older.announce_offsets()
        assert await older.send_offset(offset) is OK
        assert await older.commit() is OK
        assert await committed(await restarted(older)) == offset


async def test_what_was_not_announced_is_refused(talk: Any, older: Producer) -> None:
    assert await older.send(b"a") is ErrorCode.INVALID_TXN_STATE
    assert await older.announce(0) is OK
    assert await older.send(b"a", 1) is ErrorCode.INVALID_TXN_STATE
    assert await older.send_offset(1) is ErrorCode.INVALID_TXN_STATE

    assert talk.broker.log("t", 1).log_end_offset == 0


async def test_records_that_come_after_the_end_are_refused(talk: Any, older: Producer) -> None:
    """They would open a transaction that nobody ever ends: the hanging transactions of KIP-890."""
    late = older.twin()
    for is_committed in (True, False):
        await older.announce(0)
        await older.send(b"a")
        await older.end(is_committed)

        assert await late.send(b"late") is ErrorCode.INVALID_TXN_STATE
        assert talk.broker.log("t", 0).open_producers() == {}


async def test_all_partitions_are_announced_or_none(older: Producer) -> None:
    request = AddPartitionsToTxnRequest(
        transactional_id="x",
        producer_id=older.producer_id,
        producer_epoch=older.producer_epoch,
        topics=[
            AddPartitionsToTxnTopic(name="t", partitions=[0, 9]),
            AddPartitionsToTxnTopic(name="__transaction_state", partitions=[0]),
        ],
    )

    answer = await older.talk.broker.handle(request)

    codes = [(r.name, p.partition_index, p.error_code) for r in answer.results for p in r.results]
    assert codes == [
        ("t", 0, ErrorCode.OPERATION_NOT_ATTEMPTED),
        ("t", 9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ("__transaction_state", 0, ErrorCode.INVALID_TOPIC_EXCEPTION),
    ]
    assert state_of(older) is TransactionState.EMPTY


async def test_strangers_and_the_fenced_announce_nothing(talk: Any, older: Producer) -> None:
    old = older.twin()
    await older.init()
    stranger = Producer(talk, "nobody", TransactionVersion.V1)

    assert await old.announce(0) is await old.announce_offsets() is ErrorCode.PRODUCER_FENCED
    assert await stranger.announce(0) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert await older.announce_offsets("") is ErrorCode.INVALID_GROUP_ID
    assert state_of(older) is TransactionState.EMPTY


async def test_an_end_can_be_asked_for_again_and_not_for_another_outcome(older: Producer) -> None:
    assert await older.commit() is ErrorCode.INVALID_TXN_STATE  # there was nothing yet
    for is_committed in (True, False):
        await older.announce(0)
        assert await older.end(is_committed) is await older.end(is_committed) is OK
        assert await older.end(not is_committed) is ErrorCode.INVALID_TXN_STATE


async def test_time_fences_the_producer(talk: Any, older: Producer) -> None:
    await older.announce(0)
    await older.send(b"a")
    await talk.clock.advance(5_000)

    assert await older.send(b"late") is ErrorCode.INVALID_PRODUCER_EPOCH
    assert await older.announce(0) is ErrorCode.PRODUCER_FENCED
    assert await older.commit() is ErrorCode.PRODUCER_FENCED
    assert await seen(talk) == []

    assert await older.init(as_owner=True) is OK  # KIP-360: nobody else has come meanwhile
    await older.announce(0)
    await older.send(b"b")
    assert await older.commit() is OK
    assert await seen(talk) == [b"b"]


async def test_an_announced_transaction_without_records_times_out_too(talk: Any, older: Producer) -> None:
    await older.announce(0)
    await talk.clock.advance(5_000)

    assert state_of(older) is TransactionState.COMPLETE_ABORT


async def test_a_newcomer_aborts_and_fences(talk: Any, older: Producer) -> None:
    await older.announce(0)
    await older.send(b"a")
    newer = Producer(talk)
    assert await newer.init() is OK

    assert await older.commit() is ErrorCode.PRODUCER_FENCED
    assert await older.send(b"late") is ErrorCode.INVALID_PRODUCER_EPOCH
    assert await newer.send(b"b") is OK
    assert await newer.commit() is OK
    assert await seen(talk) == [b"b"]


async def test_a_fenced_producer_of_the_last_epoch_is_not_taken_for_one_that_repeats(older: Producer) -> None:
    """Where the epoch stays, who has the one before it was replaced, and must not be given the present one."""
    zombie = older.twin()
    zombie.version = TransactionVersion.V2
    assert await older.init() is OK
    await older.announce(0)
    await older.commit()

    assert await zombie.commit() is ErrorCode.PRODUCER_FENCED


async def test_epochs_that_ran_out_serve_until_a_timeout(talk: Any, older: Producer) -> None:
    live = talk.broker.transactions._table["x"]
    live.transaction = change(live.transaction, producer_epoch=PRODUCER_EPOCH_MAX)
    older.identity = (older.producer_id, PRODUCER_EPOCH_MAX)
    await older.announce(0)
    await older.send(b"a")
    assert await older.commit() is OK
    assert older.producer_epoch == PRODUCER_EPOCH_MAX

    await older.announce(0)
    await older.send(b"b")
    before = older.identity
    await talk.clock.advance(5_000)
    assert await older.init(as_owner=True) is OK
    assert older.producer_id > before[0]
    assert await seen(talk) == [b"a"]


@pytest.mark.parametrize("is_clean", [True, False])
async def test_an_announced_transaction_goes_on_after_a_restart(
    older: Producer, restarted: Any, is_clean: bool
) -> None:
    await older.announce(0, 1)
    await older.announce_offsets()
    await older.send(b"a")
    talk = await restarted(older, cleanly=is_clean)

    assert await older.send(b"b", 1) is OK
    assert await older.send_offset(4) is OK
    assert await older.commit() is OK
    assert (await seen(talk), await seen(talk, 1)) == ([b"a"], [b"b"])
    assert await committed(talk) == 4


async def test_an_announcement_is_durable_before_it_is_answered(
    talk: Any, older: Producer, open_broker: Any
) -> None:
    """Else a commit of what a power cut took would look like the last commit repeated."""
    await older.announce(0)
    log = talk.broker.log("__transaction_state", 0)

    assert log.durable_offset == log.log_end_offset


async def test_an_announcement_that_was_not_written_begins_nothing(open_broker: Any, files: Any) -> None:
    fault = next(f for f in FAULTS if "write_at" in f.calls and f.errno == errno.ENOSPC and len(f.calls) <= 2)
    faulty = FaultyFiles(files, fault, at_call=0, persistent=True)
    talk = await open_broker(files=faulty)
    await talk.create("t")
    producer = Producer(talk, version=TransactionVersion.V1)
    await producer.init()
    faulty._at_call = faulty.calls + 1

    assert await producer.announce(0) is ErrorCode.KAFKA_STORAGE_ERROR
    assert state_of(producer) is TransactionState.EMPTY
    faulty.heal()
    assert await producer.announce(0) is OK


async def test_what_was_decided_is_finished_and_stays_apart_from_the_next(
    talk: Any, older: Producer, restarted: Any
) -> None:
    """A crash after the decision: with one epoch for both, its end must not be taken for the next one's."""
    await older.announce(0, 1)
    await older.send(b"a")
    await older.send(b"a", 1)
    live = talk.broker.transactions._table["x"]
    decided = change(
        live.transaction, state=TransactionState.PREPARE_COMMIT, transaction_version=TransactionVersion.V1
    )
    talk.broker.transactions._log.write(decided)
    await talk.broker.append_marker(talk.broker.log("t", 1), *older.identity, committed=True)

    again = await restarted(older)
    assert await seen(again) == await seen(again, 1) == [b"a"]
    assert await older.commit() is OK  # repeated
    await older.announce(0)
    await older.send(b"b")
    assert await older.abort() is OK
    assert await seen(again) == [b"a"]


async def test_partitions_of_a_deleted_topic_hold_nothing_up(talk: Any, older: Producer) -> None:
    await talk.create("gone")
    await older.announce(0)
    await older.announce(0, topic="gone")
    await older.send(b"a")
    talk.broker.directory.delete_topic("gone")

    assert await older.commit() is OK
    assert await seen(talk) == [b"a"]
    assert talk.broker.transactions.ends(TopicPartition("gone", 0), older.producer_id) is False
