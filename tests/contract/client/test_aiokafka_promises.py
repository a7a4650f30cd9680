"""What programs written for aiokafka rely on beside names: classes and arguments of errors, edges of calls.

Owns: those promises, on the real broker.
Must not know: anything below ``streamz_core.aiokafka``.
"""

from __future__ import annotations

import asyncio
import pickle

import pytest

from streamz_core.aiokafka import (
    AIOKafkaClient,
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    ConsumerStoppedError,
    IllegalOperation,
    OffsetAndMetadata,
    OffsetAndTimestamp,
    TopicPartition,
    errors,
)

T, BAD = TopicPartition("t", 0), TopicPartition("t", 9)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"value": "text"}, TypeError),
        ({"value": b"v", "key": "text"}, TypeError),
        ({"value": b"v", "headers": [("h", "text")]}, TypeError),
        ({"value": b"v", "headers": {"h": b"v"}}, TypeError),
        ({"value": b"v", "timestamp_ms": 1.5}, TypeError),
        ({"value": b"v", "timestamp_ms": -1}, errors.IllegalArgumentError),
        ({"value": b"v", "partition": 9}, errors.IllegalArgumentError),
        ({"value": b"v", "partition": -1}, errors.IllegalArgumentError),
        ({"value": b"v" * 2_000_000}, errors.MessageSizeTooLargeError),
        ({}, errors.IllegalArgumentError),
    ],
)
async def test_a_record_that_cannot_be_sent_is_refused_at_once(producer, arguments, error):
    with pytest.raises(error):
        await producer.send("t", **arguments)

    await producer.flush()
    assert (await producer.send_and_wait("t", b"first")).offset == 0


async def test_a_record_without_value_needs_a_key(producer, consumers, clock):
    await producer.send_and_wait("t", None, key=b"k")
    consumer = await consumers("t")
    record = await clock.drive(consumer.getone())

    assert (record.key, record.value, record.serialized_value_size) == (b"k", None, -1)


async def test_metadata_of_a_sent_record(producer, clock):
    given = await producer.send_and_wait("t", b"v", timestamp_ms=123)
    stamped = await producer.send_and_wait("t", b"v")

    assert given == ("t", 0, T, 0, 123, 0, 0)
    assert (stamped.offset, stamped.timestamp) == (1, clock.now_ms())


async def test_a_cancelled_future_does_not_take_its_record_back(producer):
    future = await producer.send("t", b"v")
    future.cancel()
    await producer.flush()

    assert (await producer.send_and_wait("t", b"w")).offset == 1


async def test_a_batch_keeps_to_its_size(address):
    async with AIOKafkaProducer(bootstrap_servers=address, max_batch_size=1_000) as producer:
        batch = producer.create_batch()
        number = 0
        while (appended := batch.append(timestamp=5, key=b"k", value=b"value")) is not None:
            assert (appended.offset, appended.timestamp) == (number, 5)
            number += 1
        assert batch.record_count() == number > 10
        assert batch.size() <= 1_000
        assert batch.closed()
        first = await (await producer.send_batch(batch, "t", partition=0))
        after = await producer.send_and_wait("t", b"after")
        for wrong, error in (("now", TypeError), (-1, errors.IllegalArgumentError)):
            with pytest.raises(error, match="since 1970"):
                producer.create_batch().append(timestamp=wrong, key=None, value=b"v")
        large = producer.create_batch()
        assert large.append(timestamp=None, key=None, value=b"v" * 5_000) is not None
        assert large.append(timestamp=None, key=None, value=b"") is None
        assert (await (await producer.send_batch(large, "t", partition=0))).offset == number + 1
        with pytest.raises(errors.IllegalStateError, match="empty"):
            await producer.send_batch(producer.create_batch(), "t", partition=0)
        with pytest.raises(errors.IllegalArgumentError, match=r"partition=9.*'t'"):
            await producer.send_batch(batch, "t", partition=9)

    assert (first.offset, after.offset) == (0, number)


async def test_a_batch_can_be_made_before_start(address):
    producer = AIOKafkaProducer(bootstrap_servers=address)
    batch = producer.create_batch()
    batch.append(timestamp=1, key=None, value=b"v")

    async with producer:
        assert (await (await producer.send_batch(batch, "t", partition=0))).offset == 0


async def test_the_client_of_a_producer(producer):
    assert producer.client.cluster.partitions_for_topic("four") == {0, 1, 2, 3}
    assert producer.client.cluster.leader_for_partition(T) == producer.client.get_random_node()
    assert T in producer.client.cluster.partitions_for_broker(0)
    assert producer.client.cluster.broker_metadata(7) is None
    await producer.client.close()
    assert (await producer.send_and_wait("t", b"v")).offset == 0


async def test_the_bare_client_keeps_track_of_topics(address):
    client = AIOKafkaClient(bootstrap_servers=address)
    await client.bootstrap()
    await client.bootstrap()  # again does nothing
    assert client.cluster.topics() == {"t", "four"}
    assert await client.add_topic("made-by-asking")
    assert client.cluster.partitions_for_topic("made-by-asking") == {0}
    assert client.set_topics(["made-by-asking"]).done()
    assert await client.set_topics([])
    assert await client.coordinator_lookup(0, "g") == client.get_random_node()
    assert (await client.fetch_all_metadata()).topics() == {"t", "four", "made-by-asking"}
    pending = client.force_metadata_update()
    await client.close()
    with pytest.raises(asyncio.CancelledError):
        await pending


async def test_transactions_outside_of_their_order(address, producer):
    for call in (producer.begin_transaction, producer.commit_transaction, producer.abort_transaction):
        with pytest.raises(IllegalOperation, match="transactional_id"):
            await call()
    async with AIOKafkaProducer(bootstrap_servers=address, transactional_id="x") as transactional:
        for call in (
            transactional.send("t", b"v"),
            transactional.commit_transaction(),
            transactional.abort_transaction(),
            transactional.send_offsets_to_transaction({}, group_id=None),
        ):
            with pytest.raises(IllegalOperation):
                await call
        async with transactional.transaction():
            with pytest.raises(IllegalOperation):
                await transactional.begin_transaction()
            with pytest.raises(ValueError, match="group_id=None"):
                await transactional.send_offsets_to_transaction({}, group_id=None)
            with pytest.raises(ValueError, match=r"offsets=\{\}"):
                await transactional.send_offsets_to_transaction({}, group_id="g")
        await transactional.begin_transaction()
        await transactional.commit_transaction()  # an empty one


async def test_committing_flushes(address):
    async with AIOKafkaProducer(
        bootstrap_servers=address, transactional_id="x", linger_ms=60_000
    ) as producer:
        await producer.begin_transaction()
        futures = [await producer.send("t", b"v") for _ in range(10)]
        await producer.commit_transaction()

        assert all(future.done() for future in futures)


@pytest.mark.parametrize(
    ("offsets", "error"),
    [
        ({}, ValueError),
        ("something", ValueError),
        ({T: (0, "text", 100)}, ValueError),
        ({T: -1}, ValueError),
        ({T: None}, ValueError),
        ({"t": 0}, TypeError),
        ({("t", 0): 0}, TypeError),
        ({T: (0, 1_000)}, TypeError),
        ({T: (0, b"\x00")}, TypeError),
        ({BAD: 0}, errors.IllegalStateError),
    ],
)
async def test_offsets_that_cannot_be_committed(consumers, offsets, error):
    consumer = await consumers("t", group_id="g")

    with pytest.raises(error):
        await consumer.commit(offsets)
    assert await consumer.committed(T) is None


@pytest.mark.parametrize("offset", [3, (3, "text"), OffsetAndMetadata(3, "text")])
async def test_the_ways_to_write_an_offset(consumers, offset):
    consumer = await consumers("t", group_id="g")

    await consumer.commit({T: offset})
    assert await consumer.committed(T) == 3


async def test_without_a_group_nothing_is_committed(consumers):
    consumer = await consumers("t")

    for call in (
        consumer.commit(),
        consumer.commit({T: 0}),
        consumer.committed(T),
        consumer.seek_to_committed(),
    ):
        with pytest.raises(IllegalOperation, match="group_id"):
            await call


async def test_partitions_that_are_not_assigned_are_named(consumers, producer):
    consumer = await consumers("t", group_id="g")

    for call in (
        lambda: consumer.seek(BAD, 0),
        lambda: consumer.pause(BAD),
        lambda: consumer.highwater(BAD),
        lambda: consumer.last_stable_offset(BAD),
        lambda: consumer.last_poll_timestamp(BAD),
        lambda: consumer.position(BAD),
        lambda: consumer.seek_to_end(BAD),
        lambda: consumer.seek_to_beginning(BAD),
        lambda: consumer.seek_to_committed(BAD),
        lambda: consumer.getone(BAD),
        lambda: consumer.getmany(BAD),
    ):
        with pytest.raises(errors.IllegalStateError, match=r"'t'.*9.*not assigned"):
            await returned(call())
    for call in (
        consumer.seek_to_beginning,
        consumer.seek_to_committed,
        consumer.seek_to_end,
        consumer.getone,
    ):
        with pytest.raises(TypeError, match="TopicPartition"):
            await call(1)


async def test_a_partition_that_is_not_assigned_comes_before_a_group_that_is_missing(consumers):
    consumer = await consumers("t")

    with pytest.raises(errors.IllegalStateError):
        await consumer.seek_to_committed(BAD)


async def returned(answer):
    return await answer if asyncio.iscoroutine(answer) else answer


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"topics": ("t",), "pattern": "x"}, TypeError),
        ({}, TypeError),
        ({"topics": "t"}, TypeError),
        ({"topics": [["t"]]}, TypeError),
        ({"topics": ["t"], "listener": object()}, TypeError),
        ({"pattern": "^(t"}, ValueError),
    ],
)
async def test_subscriptions_that_make_no_sense(consumers, arguments, error):
    consumer = await consumers("four")
    with pytest.raises(error):
        consumer.subscribe(**arguments)

    assert consumer.subscription() == {"four"}
    with pytest.raises(errors.IllegalStateError):
        consumer.assign([T])


async def test_a_listener_that_comes_later_is_told_what_is_assigned(consumers, clock):
    class Recorder(ConsumerRebalanceListener):
        def __init__(self):
            self.calls = []

        def on_partitions_revoked(self, revoked):
            self.calls.append(("revoked", set(revoked)))

        def on_partitions_assigned(self, assigned):
            self.calls.append(("assigned", set(assigned)))

    consumer = await consumers("t", group_id="g")
    listener = Recorder()

    consumer.subscribe(["t"], listener=listener)
    await clock.advance(1_000)
    consumer.subscribe(["t"], listener=listener)
    await clock.advance(1_000)

    assert listener.calls == [("revoked", {T}), ("assigned", {T})]
    assert consumer.assignment() == {T}


async def test_offsets_for_times(consumers, producer):
    await producer.send_and_wait("t", b"1", timestamp_ms=1_000)
    await producer.send_and_wait("t", b"2", timestamp_ms=3_000)
    consumer = await consumers("t")

    async def at(timestamp):
        return (await consumer.offsets_for_times({T: timestamp}))[T]

    assert await at(0) == await at(1_000) == OffsetAndTimestamp(0, 1_000)
    assert await at(1_000.5) == OffsetAndTimestamp(0, 1_000)
    assert await at(2_000) == await at(3_000) == OffsetAndTimestamp(1, 3_000)
    assert await at(9_999_999_999_999) is None
    assert await consumer.offsets_for_times({}) == {}
    assert await consumer.beginning_offsets([T]) == {T: 0}
    assert await consumer.end_offsets([T]) == {T: 2}
    with pytest.raises(ValueError, match="-1"):
        await at(-1)
    for call in (consumer.offsets_for_times({BAD: 0}), consumer.end_offsets([BAD])):
        with pytest.raises(errors.UnknownTopicOrPartitionError, match=r"t-9.*create it"):
            await call


async def test_an_offset_that_is_gone_is_told_with_its_partition(consumers, producer, clock):
    await producer.send_and_wait("t", b"v")
    consumer = await consumers("t", auto_offset_reset="none")
    consumer.seek(T, 99)

    with pytest.raises(errors.OffsetOutOfRangeError, match=r"'t' partition 0: offset 99.*seek\(\)") as raised:
        await clock.drive(consumer.getone())
    assert raised.value.args[0] == {T: 99}
    await consumer.seek_to_beginning(*raised.value.args[0])
    assert (await clock.drive(consumer.getone())).value == b"v"


async def test_stopping_ends_who_waits(consumers, clock):
    consumer = await consumers("t")
    one, many = (
        asyncio.ensure_future(consumer.getone()),
        asyncio.ensure_future(consumer.getmany(timeout_ms=9_999)),
    )

    async def iterate():
        async for _ in consumer:
            raise AssertionError("there are no records")

    loop = asyncio.ensure_future(iterate())
    await clock.settle()
    await clock.drive(consumer.stop())

    with pytest.raises(ConsumerStoppedError):
        await one
    assert await many == {}
    await loop
    for call in (iterate(), consumer.getone(), consumer.getmany(), consumer.getmany(timeout_ms=50)):
        with pytest.raises(ConsumerStoppedError):
            await call


async def test_a_topic_subscribed_to_is_made_and_waited_for(consumers, producer, clock):
    consumer = await consumers("not-there-yet")
    waiting = asyncio.ensure_future(consumer.getone())
    await clock.settle()
    assert not waiting.done()

    await producer.send("not-there-yet", b"v")

    assert (await clock.drive(waiting)).value == b"v"


async def test_a_consumer_without_subscription_starts_and_stops(address, clock):
    consumer = AIOKafkaConsumer(bootstrap_servers=address, group_id="g")
    await clock.drive(consumer.start())
    await clock.advance(10_000)
    with pytest.raises(errors.IllegalStateError, match=r"subscribe\(\)"):
        await consumer.getone()
    consumer.subscribe(["t"])
    consumer.unsubscribe()
    await clock.drive(consumer.stop())


async def test_assigned_by_hand_with_a_group_that_keeps_the_offsets(address, producer, clock):
    for number in range(10):
        await producer.send("t", b"%d" % number)
    await producer.flush()
    values = []
    for _ in range(2):
        consumer = AIOKafkaConsumer(
            bootstrap_servers=address, group_id="g", enable_auto_commit=False, auto_offset_reset="earliest"
        )
        consumer.assign([T])
        await clock.drive(consumer.start())
        values += [int((await clock.drive(consumer.getone())).value) for _ in range(5)]
        await consumer.commit()
        await clock.drive(consumer.stop())

    assert values == list(range(10))


async def test_seeking_forgets_what_was_fetched(consumers, producer, clock):
    for number in range(1, 4):
        await producer.send("t", b"%d" % number)
    await producer.flush()
    consumer = await consumers("t")

    async def value():
        return int((await clock.drive(consumer.getone())).value)

    assert await value() == 1
    consumer.seek(T, 0)
    assert (await value(), await value()) == (1, 2)
    consumer.seek(T, 1)
    assert [r.value for r in (await clock.drive(consumer.getmany(timeout_ms=500)))[T]] == [b"2", b"3"]
    consumer.seek(T, 2)
    assert await value() == 3
    assert await consumer.getmany(timeout_ms=0) == {}
    await consumer.seek_to_beginning()
    assert await consumer.position(T) == 0
    await consumer.seek_to_end(T)
    assert await consumer.position(T) == 3


async def test_a_paused_partition_stays_assigned_and_gives_nothing(consumers, producer, clock):
    await producer.send_and_wait("t", b"v")
    consumer = await consumers("t")
    consumer.pause(T)
    assert (consumer.paused(), consumer.assignment()) == ({T}, {T})
    assert await clock.drive(consumer.getmany(timeout_ms=1_000)) == {}

    consumer.resume(T)

    assert consumer.paused() == set()
    assert (await clock.drive(consumer.getone())).value == b"v"


def test_errors_survive_a_process_boundary():
    for error in (
        errors.ProducerFenced(),
        errors.CommitFailedError("why"),
        errors.OffsetOutOfRangeError({T: 3}, "why"),
        errors.NoOffsetForPartitionError(T, "why"),
        errors.for_code(74)("why"),
    ):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.args, str(again)) == (type(error), error.args, str(error))


def test_the_text_of_an_error_names_its_class_and_code():
    assert str(errors.OffsetOutOfRangeError({T: 3}, "why")) == "[Error 1] OffsetOutOfRangeError: why"
    assert str(errors.IllegalStateError("why")) == "IllegalStateError: why"
    assert "transaction_timeout_ms" in str(errors.ProducerFenced())
