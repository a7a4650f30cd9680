"""Owns: administering transactions on the real broker. Must not know: the broker's insides, but to make one hang."""

from __future__ import annotations

import pytest

from streamz_core.client import errors
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.client.transaction_answers import (
    AbortTransactionSpec,
    HangingTransaction,
    ProducerState,
    TransactionState,
)
from streamz_core.model import TopicPartition
from streamz_core.protocol.record_batch import encode

T = TopicPartition("t", 0)


@pytest.fixture
async def admin(address):
    async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
        yield admin


@pytest.fixture
async def transactional(address):
    async with AIOKafkaProducer(bootstrap_servers=address, transactional_id="x") as producer:
        yield producer


async def hang(address, clock):
    """Leave a transaction open in T that nobody knows, as a broker without verification did."""
    link = await open_link(address)
    batch = encode(
        [None],
        [b"v"],
        [clock.now_ms()],
        producer_id=77,
        producer_epoch=4,
        base_sequence=0,
        transactional=True,
    )
    broker = link._broker
    broker.write(broker.log("t", 0), batch)
    await link.close()


async def test_transactions_are_listed_and_described(admin, transactional, clock):
    await transactional.begin_transaction()
    await transactional.send_and_wait("four", b"v", partition=2)
    await transactional.send_and_wait("t", b"v")
    began_ms = clock.now_ms()
    await clock.advance(1_000)

    (listed,) = await admin.list_transactions(states=[TransactionState.ONGOING], duration_ms=999)
    assert (listed.transactional_id, listed.state) == ("x", TransactionState.ONGOING)
    assert await admin.list_transactions(duration_ms=1_000) == []
    assert await admin.list_transactions(transactional_id_pattern="y.*") == []
    found = (await admin.describe_transactions(["x", "x"]))["x"]
    assert (found.state, found.coordinator_id) == (TransactionState.ONGOING, 0)
    assert (found.producer_id, found.transaction_timeout_ms) == (listed.producer_id, 60_000)
    assert found.transaction_start_time_ms == began_ms
    assert found.topic_partitions == {T, TopicPartition("four", 2)}
    (producer,) = (await admin.describe_producers([T]))[T]
    assert producer == ProducerState(found.producer_id, found.producer_epoch, 0, began_ms, None, 0)

    await transactional.commit_transaction()
    found = (await admin.describe_transactions(["x"]))["x"]
    assert (found.state, found.transaction_start_time_ms) == (TransactionState.COMPLETE_COMMIT, None)
    assert found.topic_partitions == frozenset()
    (producer,) = (await admin.describe_producers([T]))[T]
    assert (producer.coordinator_epoch, producer.current_transaction_start_offset) == (0, None)


async def test_what_is_not_there_is_named(admin):
    with pytest.raises(errors.TransactionalIdNotFoundError, match="'nobody'"):
        await admin.describe_transactions(["nobody"])
    with pytest.raises(errors.TransactionalIdNotFoundError, match="'nobody'"):
        await admin.fence_producers(["nobody"])
    assert await admin.list_transactions() == []
    with pytest.raises(errors.UnknownTopicOrPartitionError, match="gone-0"):
        await admin.describe_producers([TopicPartition("gone", 0)])
    with pytest.raises(errors.InvalidRegularExpression, match="listing"):
        await admin.list_transactions(transactional_id_pattern="(")
    with pytest.raises(errors.IllegalArgumentError, match="Unknown"):
        await admin.list_transactions(states=[TransactionState.UNKNOWN])
    with pytest.raises(errors.InvalidTxnState, match="no transaction open"):
        await admin.abort_transaction(AbortTransactionSpec(T, 1, 0))


async def test_fencing_ends_what_is_open(admin, transactional, address):
    await transactional.begin_transaction()
    await transactional.send_and_wait("t", b"v")
    before = (await admin.describe_transactions(["x"]))["x"]

    fenced = (await admin.fence_producers(["x"]))["x"]

    assert fenced.producer_id == before.producer_id
    assert fenced.epoch > before.producer_epoch
    assert (await admin.describe_producers([T]))[T][0].current_transaction_start_offset is None
    with pytest.raises(errors.ProducerFenced):
        await transactional.commit_transaction()
    async with AIOKafkaProducer(bootstrap_servers=address, transactional_id="x") as next_one:
        await next_one.begin_transaction()
        await next_one.send("t", b"works as ever")
        await next_one.commit_transaction()


async def test_a_hanging_transaction_is_found_and_aborted(admin, producer, log, clock, consumers):
    await hang(log, clock)
    await producer.send_and_wait("t", b"behind it")
    consumer = await consumers("t", isolation_level="read_committed")
    assert await clock.drive(consumer.getmany(timeout_ms=200)) == {}

    assert await admin.find_hanging_transactions() == []  # too young to tell
    await clock.advance(900_001)
    (found,) = await admin.find_hanging_transactions()
    assert found == HangingTransaction(T, ProducerState(77, 4, 0, found.producer.last_timestamp, None, 0))
    assert await admin.find_hanging_transactions([TopicPartition("four", 0)]) == []

    with pytest.raises(errors.InvalidProducerEpoch, match="later epoch"):
        await admin.abort_transaction(AbortTransactionSpec(T, 77, 3))
    await admin.abort_transaction(AbortTransactionSpec(T, 77, 4))
    assert await admin.find_hanging_transactions() == []
    records = await clock.drive(consumer.getmany(timeout_ms=200))
    assert [record.value for record in records[T]] == [b"behind it"]


async def test_what_its_coordinator_will_end_does_not_hang(admin, transactional, clock):
    await transactional.begin_transaction()
    await transactional.send_and_wait("t", b"v")
    await clock.advance(1_000)

    assert await admin.find_hanging_transactions(max_transaction_timeout_ms=1) == []
    (producer,) = (await admin.describe_producers([T]))[T]
    with pytest.raises(errors.ConcurrentTransactions, match="fence"):
        await admin.abort_transaction(AbortTransactionSpec(T, producer.producer_id, producer.producer_epoch))
    await transactional.commit_transaction()
