"""Owns: transactions over producer and consumer on the real broker. Must not know: the broker's insides."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.client import errors
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.client.request import Requests
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition

T = TopicPartition("t", 0)


@pytest.fixture
async def transactional(address):
    async with AIOKafkaProducer(bootstrap_servers=address, transactional_id="x") as producer:
        yield producer


async def read(consumer, clock):
    values = []
    while found := await clock.drive(consumer.getmany(timeout_ms=200)):
        values += [record.value for records in found.values() for record in records]
    return values


async def test_only_committed_records_are_seen(transactional, consumers, clock):
    committed = await consumers("t", isolation_level="read_committed")
    everything = await consumers("t")
    async with transactional.transaction():
        await transactional.send("t", b"1")
    with pytest.raises(RuntimeError):
        async with transactional.transaction():
            await transactional.send("t", b"aborted")
            raise RuntimeError
    async with transactional.transaction():
        await transactional.send("t", b"2")

    assert await read(committed, clock) == [b"1", b"2"]
    assert await read(everything, clock) == [b"1", b"aborted", b"2"]
    assert await committed.position(T) == await everything.position(T) == 6  # three records, three markers


async def test_open_transactions_hold_committed_readers_back(transactional, producer, consumers, clock):
    consumer = await consumers("t", isolation_level="read_committed")
    await transactional.begin_transaction()
    await transactional.send_and_wait("t", b"open")
    await producer.send_and_wait("t", b"behind it")

    assert await read(consumer, clock) == []
    await clock.advance(1_000)  # the next fetch tells how far the log has come
    assert consumer.last_stable_offset(T) == 0
    assert consumer.highwater(T) == 2
    assert await consumer.end_offsets([T]) == {T: 0}
    await transactional.commit_transaction()
    assert await read(consumer, clock) == [b"open", b"behind it"]


async def test_aborted_records_among_others_are_left_out(transactional, producer, consumers, clock):
    await transactional.begin_transaction()
    for number in range(5):
        await transactional.send_and_wait("t", b"no %d" % number)
        await producer.send_and_wait("t", b"yes %d" % number)
    await transactional.abort_transaction()
    consumer = await consumers("t", isolation_level="read_committed")

    assert await read(consumer, clock) == [b"yes %d" % number for number in range(5)]
    consumer.seek(T, 5)
    assert await read(consumer, clock) == [b"yes 2", b"yes 3", b"yes 4"]


async def test_offsets_are_committed_with_the_records(transactional, producer, consumers, clock):
    await producer.send_and_wait("t", b"input")
    consumer = await consumers("t", group_id="g", isolation_level="read_committed", enable_auto_commit=False)
    await clock.drive(consumer.getone())
    await transactional.begin_transaction()
    await transactional.send("four", b"output")
    await transactional.send_offsets_to_transaction({T: 1}, consumer.group_metadata())
    waiting = asyncio.ensure_future(consumer.committed(T))
    await clock.settle()
    assert not waiting.done()  # the answer depends on the open transaction

    await transactional.commit_transaction()
    assert await clock.drive(waiting) == 1
    with pytest.raises(RuntimeError):
        async with transactional.transaction():
            await transactional.send_offsets_to_transaction({T: 9}, "g2")
            raise RuntimeError
    other = await consumers("t", group_id="g2")
    assert await other.committed(T) is None


async def test_offsets_of_records_from_before_a_rebalance_are_refused(
    transactional, producer, consumers, clock
):
    """The program holds records and does not see the rebalance: another member may read them again."""
    for _ in range(3):
        await producer.send_and_wait("t", b"input")
    settings = {"group_id": "g", "isolation_level": "read_committed", "enable_auto_commit": False}
    one = await consumers("t", **settings)
    assert (await clock.drive(one.getone())).offset == 0
    await consumers("t", **settings)
    await clock.advance(10_000)

    await transactional.begin_transaction()
    with pytest.raises(errors.CommitFailedError, match="moved on"):
        await transactional.send_offsets_to_transaction({T: 1}, one.group_metadata())
    await transactional.abort_transaction()
    await clock.drive(one.getmany())

    async with transactional.transaction():
        await transactional.send_offsets_to_transaction({T: 1}, one.group_metadata())


async def test_a_newer_producer_fences_the_older(address, transactional, clock):
    await transactional.begin_transaction()
    await transactional.send_and_wait("t", b"old")
    async with AIOKafkaProducer(bootstrap_servers=address, transactional_id="x") as newer:
        with pytest.raises(errors.ProducerFenced, match="transactional_id 'x'"):
            await transactional.send_and_wait("t", b"too late")
        with pytest.raises(errors.ProducerFenced):
            await transactional.commit_transaction()
        with pytest.raises(errors.ProducerFenced):
            await transactional.send("t", b"later")
        with pytest.raises(errors.ProducerFenced):
            await transactional.begin_transaction()
        async with newer.transaction():
            await newer.send("t", b"new")


async def test_calls_out_of_order_say_so(transactional, producer):
    with pytest.raises(errors.IllegalOperation, match="begin"):
        await transactional.send("t", b"v")
    with pytest.raises(errors.IllegalOperation, match="begin a transaction first"):
        await transactional.commit_transaction()
    await transactional.begin_transaction()
    with pytest.raises(errors.IllegalOperation, match="first"):
        await transactional.begin_transaction()
    with pytest.raises(errors.IllegalArgumentError, match="group_id"):
        await transactional.send_offsets_to_transaction({T: 1}, "")
    await transactional.abort_transaction()
    with pytest.raises(errors.IllegalOperation, match="transactional_id"):
        await producer.begin_transaction()


async def test_empty_transactions_cost_nothing(transactional):
    for _ in range(3):
        async with transactional.transaction():
            pass


async def test_a_transaction_with_a_refused_record_can_only_be_aborted(transactional, consumers, clock):
    await transactional.begin_transaction()
    await transactional.send_and_wait("t", b"fine")
    # A record that the topic cannot hold is refused by the broker, not by the producer.
    future = await transactional.send_columns("t", 0, None, [b"x"], [-7])
    with pytest.raises(Exception, match=r"-7|timestamp"):
        await future
    await transactional.abort_transaction()
    async with transactional.transaction():
        await transactional.send("t", b"next")

    assert await read(await consumers("t", isolation_level="read_committed"), clock) == [b"next"]


async def test_a_scope_aborts_where_its_commit_raises(transactional, consumers, clock):
    with pytest.raises(errors.KafkaError, match="'t' partition 0 cannot be encoded"):
        async with transactional.transaction():
            await transactional.send("t", b"fine")
            await transactional.send_columns("t", 0, None, [b"x"], [1 << 63])

    async with transactional.transaction():
        await transactional.send("t", b"next")

    assert await read(await consumers("t", isolation_level="read_committed"), clock) == [b"next"]


async def test_an_abort_that_failed_is_done_by_the_next_scope(transactional, consumers, clock, monkeypatch):
    async def refuse(*arguments, **options):
        raise errors.error_for(ErrorCode.KAFKA_STORAGE_ERROR, "the disk is full")

    async def a_scope(value):
        async with transactional.transaction():
            await transactional.send("t", value)

    with monkeypatch.context() as broken:
        broken.setattr(Requests, "settled", refuse)
        for _ in range(2):
            with pytest.raises(errors.KafkaError, match="the disk is full"):
                await a_scope(b"aborted")
    await a_scope(b"next")

    assert await read(await consumers("t", isolation_level="read_committed"), clock) == [b"next"]


async def test_offsets_of_a_topic_that_is_gone_are_refused_at_once(transactional, clock):
    await transactional.begin_transaction()
    began_ms = clock.monotonic_ms()
    with pytest.raises(errors.UnknownTopicOrPartitionError):
        await clock.drive(transactional.send_offsets_to_transaction({TopicPartition("nowhere", 0): 1}, "g"))
    assert clock.monotonic_ms() - began_ms < 1_000

    await transactional.abort_transaction()
    async with transactional.transaction():
        await transactional.send("t", b"next")


async def test_a_transaction_that_timed_out_says_what_to_do(address, clock):
    settings = {"transactional_id": "z", "transaction_timeout_ms": 1_000}
    async with AIOKafkaProducer(bootstrap_servers=address, **settings) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait("t", b"v")
        await clock.advance(2_000)
        with pytest.raises(errors.KafkaError, match=r"timed out .* abort it here too"):
            await producer.commit_transaction()
        await producer.abort_transaction()


async def test_stop_aborts_what_was_left_open(address, consumers, clock):
    producer = AIOKafkaProducer(bootstrap_servers=address, transactional_id="y")
    await producer.start()
    await producer.begin_transaction()
    await producer.send("t", b"left open")
    await producer.stop()
    async with AIOKafkaProducer(bootstrap_servers=address) as plain:
        await plain.send_and_wait("t", b"after")

    assert await read(await consumers("t", isolation_level="read_committed"), clock) == [b"after"]


async def test_many_transactions_over_many_partitions(transactional, consumers, clock):
    for number in range(12):
        await transactional.begin_transaction()
        for partition in range(4):
            await transactional.send("four", b"%d" % number, partition=partition)
        if number % 3:
            await transactional.commit_transaction()
        else:
            await transactional.abort_transaction()
    consumer = await consumers("four", isolation_level="read_committed")

    values = await read(consumer, clock)
    assert sorted(values) == sorted([b"%d" % n for n in range(12) if n % 3 for _ in range(4)])
