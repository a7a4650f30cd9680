"""Owns: the producer's tests against a scripted broker. Must not know: real brokers."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.client import errors
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.errors import ErrorCode, Misuse
from streamz_core.protocol.batch_encoder import RawRecords, RecordWriter
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.produce import ProduceRequest
from streamz_core.protocol.murmur2 import partition_for


@pytest.fixture
async def producer(link):
    async with AIOKafkaProducer(bootstrap_servers=link) as producer:
        yield producer


async def test_records_sent_in_one_turn_share_a_batch(link, producer):
    futures = [await producer.send("t", b"%d" % number) for number in range(10)]
    metadata = await asyncio.gather(*futures)

    assert [found.offset for found in metadata] == list(range(10))
    assert len(link.sent(ProduceRequest)) == 1
    assert link.values("t") == [b"%d" % number for number in range(10)]


async def test_a_record_knows_where_it_went(link, producer):
    found = await producer.send_and_wait("four", b"v", key=b"k", timestamp_ms=7)

    assert (found.topic, found.offset, found.timestamp, found.timestamp_type) == ("four", 0, 7, 0)
    assert found.topic_partition == (found.topic, found.partition)
    assert found.partition == partition_for(b"k", 4)


@pytest.mark.parametrize("wrong", [{"timestamp_ms": 2**70}, {"headers": [("\ud800", b"")]}])
async def test_a_record_that_cannot_be_encoded_is_refused_alone(link, producer, wrong):
    first = await producer.send("t", b"1")
    with pytest.raises(Misuse):
        await producer.send("t", b"2", **wrong)
    third = await producer.send("t", b"3")

    assert [(await first).offset, (await third).offset] == [0, 1]
    assert link.values("t") == [b"1", b"3"]


async def test_a_batch_whose_only_record_was_refused_is_not_sent(link, producer):
    with pytest.raises(Misuse):
        await producer.send("t", b"1", timestamp_ms=2**70)
    await producer.flush()

    assert not link.sent(ProduceRequest)
    assert (await producer.send_and_wait("t", b"2")).offset == 0


async def test_records_without_a_key_stay_together_and_move_on_batch_by_batch(producer):
    batches = []
    for _ in range(40):
        together = [await producer.send("four", b"v") for _ in range(3)]
        batches.append({(await future).partition for future in together})

    assert {len(partitions) for partitions in batches} == {1}
    assert len(set.union(*batches)) > 1


async def test_lingering_fills_batches(link, clock):
    async with AIOKafkaProducer(bootstrap_servers=link, linger_ms=100) as producer:
        first = await producer.send("t", b"1")
        await clock.advance(50)
        second = await producer.send("t", b"2")
        assert not link.sent(ProduceRequest)

        await clock.advance(50)
        assert first.done()
        assert second.done()
        assert len(link.sent(ProduceRequest)) == 1


async def test_a_full_batch_does_not_linger(link, clock):
    async with AIOKafkaProducer(bootstrap_servers=link, linger_ms=10_000, max_batch_size=500) as producer:
        futures = [await producer.send("t", b"x" * 100) for _ in range(10)]
        await clock.settle()

        assert [future.done() for future in futures].count(True) >= 6
        assert not futures[-1].done()


async def test_retriable_errors_are_retried_in_order(link, clock, producer):
    link.produce_codes.extend([ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.KAFKA_STORAGE_ERROR])
    first = await producer.send("t", b"1")
    await clock.settle()
    second = await producer.send("t", b"2")
    await clock.advance(1_000)

    assert (first.result().offset, second.result().offset) == (0, 1)
    assert link.values("t") == [b"1", b"2"]


async def test_retries_end_with_the_error_after_request_timeout(link, clock):
    async with AIOKafkaProducer(bootstrap_servers=link, request_timeout_ms=1_000) as producer:
        link.produce_codes.extend([ErrorCode.NOT_ENOUGH_REPLICAS] * 100)
        future = await producer.send("t", b"1")
        await clock.advance(1_000)

        with pytest.raises(errors.NotEnoughReplicasError, match="'t' partition 0"):
            future.result()


async def test_no_answer_is_a_timeout(link, clock):
    async with AIOKafkaProducer(bootstrap_servers=link, request_timeout_ms=1_000) as producer:
        link.produce_gate = asyncio.Event()
        future = await producer.send("t", b"1")
        await clock.advance(999)
        assert not future.done()

        await clock.advance(1)
        with pytest.raises(errors.KafkaTimeoutError, match="unknown"):
            await future


async def test_one_refused_batch_does_not_fail_its_neighbours(link, clock):
    async with AIOKafkaProducer(bootstrap_servers=link, max_batch_size=150, linger_ms=5) as producer:
        futures = [await producer.send("t", b"x" * 100) for _ in range(3)]
        # The group is refused, then its second batch alone.
        link.produce_codes.extend(
            [ErrorCode.INVALID_RECORD, ErrorCode.NONE, ErrorCode.INVALID_RECORD, ErrorCode.NONE]
        )
        link.produce_gate = asyncio.Event()
        await clock.advance(5)
        link.produce_gate.set()
        await clock.settle()
        outcomes = await asyncio.gather(*futures, return_exceptions=True)

        failed = [outcome for outcome in outcomes if isinstance(outcome, errors.InvalidRecordError)]
        assert len(failed) == 1
        assert sorted(o.offset for o in outcomes if o not in failed) == [0, 1]


async def test_too_large_records_are_refused_at_once(producer):
    with pytest.raises(errors.MessageSizeTooLargeError, match="max_request_size"):
        await producer.send("t", b"x" * 2_000_000)
    with pytest.raises(errors.MessageSizeTooLargeError):
        await producer.send_columns("t", 0, None, [b"x" * 2_000_000], [0])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "key or a value"),
        ({"value": "text"}, "not bytes"),
        ({"value": b"v", "key": 7}, "not bytes"),
        ({"value": b"v", "partition": -1}, "partition"),
        ({"value": b"v", "partition": 9}, "partitions 0 to 0"),
        ({"value": b"v", "timestamp_ms": -1}, "timestamp_ms"),
        ({"value": b"v", "timestamp_ms": 1.5}, "timestamp_ms"),
        ({"value": b"v", "timestamp_ms": 1 << 63}, "timestamp_ms"),
        ({"value": b"v", "headers": [("a", "text")]}, "not bytes"),
        ({"value": b"v", "headers": ["a"]}, "pair"),
        ({"value": b"v", "headers": [("\ud800", b"")]}, "UTF-8"),
    ],
)
async def test_wrong_records_are_named(link, producer, arguments, error):
    with pytest.raises((Misuse, TypeError), match=error):
        await producer.send("t", **arguments)

    await producer.flush()
    assert not link.sent(ProduceRequest)


async def test_buffers_are_copied_when_sent(link, producer):
    buffer = bytearray(b"before")
    future = await producer.send("t", buffer)
    buffer[:] = b"after!"
    await future

    assert link.values("t") == [b"before"]


async def test_headers_stay_with_their_records(link, producer):
    await producer.send("t", b"1")
    await producer.send("t", b"2", headers=[("h", b"x"), ("h", None)])
    future = await producer.send("t", b"3")
    await future

    from streamz_core.protocol.record_batch import decode

    (request,) = link.sent(ProduceRequest)
    columns = decode(request.topic_data[0].partition_data[0].records.joined())
    assert [tuple(row) for row in columns.headers] == [(), (("h", b"x"), ("h", None)), ()]


async def test_serializers_and_custom_partitioners_are_used(link):
    calls = []

    def partitioner(key, everything, available):
        calls.append((key, everything, available))
        return 3

    async with AIOKafkaProducer(
        bootstrap_servers=link,
        key_serializer=str.encode,
        value_serializer=str.encode,
        partitioner=partitioner,
    ) as producer:
        found = await producer.send_and_wait("four", "v", key="k")

    assert found.partition == 3
    assert calls == [(b"k", [0, 1, 2, 3], [0, 1, 2, 3])]
    assert link.values("four", 3) == [b"v"]


async def test_a_full_buffer_makes_send_wait_and_then_time_out(link, clock):
    async with AIOKafkaProducer(
        bootstrap_servers=link, buffer_memory=1_000, max_batch_size=500, request_timeout_ms=2_000
    ) as producer:
        link.produce_gate = asyncio.Event()

        async def send_many():
            return [await producer.send("t", b"x" * 200) for _ in range(20)]

        task = asyncio.ensure_future(send_many())
        await clock.settle()
        assert not task.done()
        assert producer._sender._buffer.held_bytes <= 1_600

        link.produce_gate.set()
        assert len(await clock.drive(task)) == 20

        link.produce_gate = asyncio.Event()
        with pytest.raises(errors.KafkaTimeoutError, match="buffer_memory"):
            await clock.drive(send_many())
        link.produce_gate.set()


async def test_a_cancelled_waiter_cancels_nothing_else(link, clock, producer):
    link.produce_gate = asyncio.Event()
    futures = [await producer.send("t", b"%d" % number) for number in range(3)]
    waiters = [
        asyncio.ensure_future(asyncio.wait_for(asyncio.shield(future), None)) for future in futures[:2]
    ]
    direct = asyncio.ensure_future(_await(futures[2]))
    await clock.settle()
    waiters[0].cancel()
    direct.cancel()
    await clock.settle()
    link.produce_gate.set()
    await clock.settle()

    assert futures[0].result().offset == 0
    assert waiters[1].result().offset == 1
    assert futures[2].cancelled()
    with pytest.raises(asyncio.CancelledError):
        futures[2].result()
    assert link.values("t") == [b"0", b"1", b"2"]


async def _await(future):
    return await future


async def test_send_gives_futures_to_asyncio(link, clock, producer):
    future = await producer.send("t", b"v")
    seen = []
    future.add_done_callback(seen.append)
    future.add_done_callback(print)
    assert future.remove_done_callback(print) == 1
    assert asyncio.isfuture(future)
    with pytest.raises(asyncio.InvalidStateError):
        future.result()

    done, _ = await asyncio.wait({future})
    assert done == {future}
    assert await asyncio.wait_for(future, 1) == await asyncio.shield(future) == future.result()
    assert [found async for found in _as_completed([future])] == [future.result()]
    assert seen == [future]
    assert future.exception() is None


async def _as_completed(futures):
    for future in asyncio.as_completed(futures):
        yield await future


async def test_calls_in_the_wrong_order_say_so(link):
    producer = AIOKafkaProducer(bootstrap_servers=link)
    for call in (producer.send("t", b"v"), producer.flush(), producer.partitions_for("t")):
        with pytest.raises(errors.IllegalStateError, match="start"):
            await call
    await producer.start()
    with pytest.raises(errors.IllegalStateError, match="before"):
        await producer.start()
    await producer.stop()
    await producer.stop()
    with pytest.raises(errors.ProducerClosed):
        await producer.send("t", b"v")
    with pytest.raises(errors.ProducerClosed):
        await producer.start()
    assert not link.closed  # it was handed in open: whoever opened it closes it


async def test_stop_sends_what_is_buffered(link, clock):
    producer = AIOKafkaProducer(bootstrap_servers=link, linger_ms=10_000)
    await producer.start()
    future = await producer.send("t", b"v")
    await producer.stop()

    assert future.result().offset == 0


async def test_stop_gives_up_after_request_timeout(link, clock):
    producer = AIOKafkaProducer(bootstrap_servers=link, request_timeout_ms=500)
    await producer.start()
    link.produce_gate = asyncio.Event()
    future = await producer.send("t", b"v")

    await clock.drive(producer.stop(), limit_ms=2_000)

    with pytest.raises(errors.KafkaTimeoutError):
        future.result()


async def test_idempotent_sequences_count_records_and_survive_repeats(link, clock):
    async with AIOKafkaProducer(bootstrap_servers=link, enable_idempotence=True) as producer:
        link.produce_codes.append(ErrorCode.NOT_ENOUGH_REPLICAS)
        await producer.send("t", b"1")
        await producer.send("t", b"2")
        await clock.advance(500)
        await producer.send_and_wait("t", b"3")

    first, repeat, second = link.sent(ProduceRequest)
    assert first.topic_data[0].partition_data[0].records == repeat.topic_data[0].partition_data[0].records
    headers = [header for _, _, header in link.appended["t", 0]]
    assert [header.base_sequence for header in headers] == [0, 0, 2]
    assert {(header.producer_id, header.producer_epoch) for header in headers} == {(101, 0)}
    assert second.acks == -1


async def test_where_the_log_lost_its_sequence_an_idempotent_producer_begins_another(link, clock):
    async with AIOKafkaProducer(bootstrap_servers=link, enable_idempotence=True) as producer:
        await producer.send_and_wait("t", b"1")
        link.produce_codes.append(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
        await producer.send_and_wait("t", b"2")
        await producer.send_and_wait("t", b"3")

    assert len(link.sent(InitProducerIdRequest)) == 2
    headers = [header for _, _, header in link.appended["t", 0]]
    assert [(h.producer_id, h.base_sequence) for h in headers] == [(101, 0), (102, 0), (102, 1)]


async def test_a_batch_that_may_have_been_written_is_not_sent_under_another_identity(link, clock):
    async with AIOKafkaProducer(bootstrap_servers=link, enable_idempotence=True) as producer:
        link.produce_codes.extend((ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER))
        future = await producer.send("t", b"1")
        await clock.advance(500)
        with pytest.raises(errors.OutOfOrderSequenceNumber):
            await future
        await producer.send_and_wait("t", b"2")

    headers = [header for _, _, header in link.appended["t", 0] if header.producer_id == 102]
    assert [header.base_sequence for header in headers] == [0]


async def test_columns_become_whole_batches_in_order_with_sends(link, producer):
    sent = await producer.send("t", b"0")
    columns = await producer.send_columns("t", 0, [None, b"k"], [b"1", b"2"], [5, 6])
    after = await producer.send("t", b"3")
    await asyncio.gather(sent, columns, after)

    assert link.values("t") == [b"0", b"1", b"2", b"3"]
    assert columns.result().offset == 1
    assert columns.result().timestamp == 5


async def test_columns_above_the_request_size_are_cut(link):
    async with AIOKafkaProducer(bootstrap_servers=link, max_request_size=1_000) as producer:
        values = [b"%03d" % number * 20 for number in range(50)]
        future = await producer.send_columns("t", 0, None, values, [1] * 50, headers=[()] * 50)
        assert (await future).offset == 0

    assert link.values("t") == values
    assert all(len(r.topic_data[0].partition_data[0].records) <= 1_000 for r in link.sent(ProduceRequest))


async def test_columns_fail_together(link, clock):
    async with AIOKafkaProducer(bootstrap_servers=link, max_request_size=1_000) as producer:
        link.produce_codes.extend([ErrorCode.NONE, ErrorCode.INVALID_RECORD])
        future = await producer.send_columns("t", 0, None, [b"x" * 400] * 4, [1] * 4)
        with pytest.raises(errors.InvalidRecordError):
            await future


def written(*values: bytes) -> RawRecords:
    writer = RecordWriter()
    for number, value in enumerate(values):
        writer.append(None, value, 5 + number, ())
    return writer.take()


async def test_encoded_batches_are_sent_as_they_are_in_order_with_sends(link, producer):
    sent = await producer.send("t", b"0")
    encoded = await producer.send_encoded("t", 0, [written(b"1", b"2"), written(b"3")])
    after = await producer.send("t", b"4")
    await asyncio.gather(sent, encoded, after)

    assert link.values("t") == [b"0", b"1", b"2", b"3", b"4"]
    assert (encoded.result().offset, encoded.result().timestamp) == (1, 5)
    assert after.result().offset == 4


async def test_encoded_batches_carry_the_producers_sequence(link):
    async with AIOKafkaProducer(bootstrap_servers=link, enable_idempotence=True) as producer:
        await producer.send_and_wait("t", b"0")
        await (await producer.send_encoded("t", 0, [written(b"1", b"2")]))
        await producer.send_and_wait("t", b"3")

    headers = [header for _, _, header in link.appended["t", 0]]
    assert [header.base_sequence for header in headers] == [0, 1, 1, 3]


async def test_encoded_batches_without_records_or_beyond_the_request_size_are_refused(link):
    async with AIOKafkaProducer(bootstrap_servers=link, max_request_size=1_000) as producer:
        for none in ([], [written(b"1"), written()]):
            with pytest.raises(errors.IllegalArgumentError, match="without records"):
                await producer.send_encoded("t", 0, none)
        with pytest.raises(errors.MessageSizeTooLargeError):
            await producer.send_encoded("t", 0, [written(b"1"), written(b"x" * 1_000)])
    assert link.values("t") == []


async def test_uneven_columns_are_refused(producer):
    with pytest.raises(errors.IllegalArgumentError, match="same length"):
        await producer.send_columns("t", 0, None, [b"1"], [])
    with pytest.raises(errors.IllegalArgumentError, match="same length"):
        await producer.send_columns("t", 0, [], [], [])


async def test_batches_built_by_hand(link, producer):
    batch = producer.create_batch()
    count = 0
    while (added := batch.append(timestamp=None, key=None, value=b"x" * 1_000)) is not None:
        assert added.offset == count
        count += 1
    assert batch.closed()
    assert batch.record_count() == count > 10
    assert batch.size() <= 16_384

    found = await (await producer.send_batch(batch, "t", partition=0))

    assert found.offset == 0
    assert len(link.values("t")) == count
    assert batch.append(timestamp=None, key=None, value=b"more") is None
    with pytest.raises(errors.IllegalStateError, match="empty"):
        await producer.send_batch(producer.create_batch(), "t", partition=0)


async def test_unknown_topics_are_named(link, clock):
    producer = AIOKafkaProducer(bootstrap_servers=link, request_timeout_ms=500)
    await producer.start()
    with pytest.raises(errors.UnknownTopicOrPartitionError, match="'nowhere'"):
        await clock.drive(producer.send("nowhere", b"v"))
    await producer.stop()


async def test_new_partitions_are_found(link, producer):
    await producer.send_and_wait("t", b"v", partition=0)
    link.topics["t"] = 3

    assert (await producer.send_and_wait("t", b"v", partition=2)).partition == 2


async def test_records_without_a_key_fill_a_batch_before_they_move_on(link, producer):
    futures = [await producer.send("four", b"v") for _ in range(50)]
    found = await asyncio.gather(*futures)

    assert len({metadata.partition for metadata in found}) == 1


async def test_a_fault_of_ours_is_told_to_those_who_wait(link, producer):
    link.on(ProduceRequest, lambda request: 1 / 0)

    with pytest.raises(errors.UnknownError, match="ZeroDivisionError"):
        await producer.send_and_wait("t", b"v")
