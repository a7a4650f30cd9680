"""Owns: reading from the real broker: positions, ends, filters, forms. Must not know: groups."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.client import errors
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import ConsumerRecord, OffsetAndTimestamp, TopicPartition

T = TopicPartition("t", 0)


async def fill(producer, count, start=0):
    futures = [
        await producer.send("t", b"v%d" % n, key=b"k%d" % n, timestamp_ms=1_000 + n)
        for n in range(start, start + count)
    ]
    await asyncio.gather(*futures)


async def test_records_come_as_they_were_sent(producer, consumers, clock):
    await producer.send("t", b"v", key=b"k", timestamp_ms=5, headers=[("h", b"x"), ("h", None)])
    await producer.send_and_wait("t", None, key=b"tombstone", timestamp_ms=6)
    consumer = await consumers("t")

    first, second = await clock.drive(consumer.getone()), await clock.drive(consumer.getone())

    assert first == ConsumerRecord("t", 0, 0, 5, 0, b"k", b"v", None, 1, 1, (("h", b"x"), ("h", None)))
    assert (second.key, second.value, second.headers) == (b"tombstone", None, ())
    assert (second.serialized_key_size, second.serialized_value_size) == (9, -1)


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
async def test_every_compression_is_read_back(address, consumers, clock, codec):
    async with AIOKafkaProducer(bootstrap_servers=address, compression_type=codec) as producer:
        await fill(producer, 300)
    consumer = await consumers("t")

    found = await clock.drive(consumer.getmany(timeout_ms=1_000))

    assert [record.value for record in found[T]] == [b"v%d" % n for n in range(300)]


async def test_the_three_forms_read_the_same(producer, consumers, clock):
    await fill(producer, 500)
    loop, many, columns = [await consumers("t", max_poll_records=70) for _ in range(3)]
    values = {"loop": [], "many": [], "columns": []}

    async for record in loop:
        values["loop"].append(record.value)
        if len(values["loop"]) == 500:
            break
    while len(values["many"]) < 500:
        found = await clock.drive(many.getmany(timeout_ms=100))
        assert sum(map(len, found.values())) <= 70
        values["many"] += [record.value for record in found[T]]
    while len(values["columns"]) < 500:
        found = await clock.drive(columns.getcolumns(timeout_ms=100))
        assert len(found[T]) <= 70
        values["columns"] += found[T].values

    assert values["loop"] == values["many"] == values["columns"] == [b"v%d" % n for n in range(500)]
    for consumer in (loop, many, columns):
        assert await consumer.position(T) == 500
        assert consumer.highwater(T) == 500


async def test_forms_can_be_mixed_without_loss_or_repeat(producer, consumers, clock):
    await fill(producer, 100)
    consumer = await consumers("t")
    offsets = []
    while len(offsets) < 100:
        offsets.append((await clock.drive(consumer.getone())).offset)
        offsets.append((await anext(consumer)).offset)
        offsets.append((await clock.drive(consumer.getone(T))).offset)
        found = await clock.drive(consumer.getmany(max_records=3))
        offsets += [record.offset for record in found.get(T, [])]
        found = await clock.drive(consumer.getcolumns(T, max_records=4))
        offsets += found[T].offsets if found else []
        assert await consumer.position(T) == len(offsets)

    assert offsets == list(range(100))


async def test_seeking(producer, consumers, clock):
    await fill(producer, 50)
    consumer = await consumers("t")
    assert (await anext(consumer)).offset == 0

    consumer.seek(T, 20)
    assert await consumer.position(T) == 20
    assert (await clock.drive(consumer.getone())).offset == 20
    await consumer.seek_to_end()
    assert await consumer.position(T) == 50
    await consumer.seek_to_beginning(T)
    assert (await clock.drive(consumer.getone())).offset == 0

    with pytest.raises(ValueError, match="offset=-1"):
        consumer.seek(T, -1)
    with pytest.raises(errors.IllegalStateError, match="not assigned"):
        consumer.seek(TopicPartition("t", 7), 0)


async def test_ends_and_times(producer, consumers):
    await fill(producer, 10)
    consumer = await consumers("t")

    assert await consumer.beginning_offsets([T]) == {T: 0}
    assert await consumer.end_offsets([T]) == {T: 10}
    assert await consumer.offsets_for_times({T: 1_004}) == {T: OffsetAndTimestamp(4, 1_004)}
    assert await consumer.offsets_for_times({T: 5_000}) == {T: None}
    with pytest.raises(ValueError, match="timestamps"):
        await consumer.offsets_for_times({T: -1})
    assert await consumer.topics() == {"t", "four"}
    assert consumer.partitions_for_topic("four") == {0, 1, 2, 3}
    assert consumer.partitions_for_topic("nowhere") is None


async def test_paused_partitions_hand_out_nothing(producer, consumers, clock):
    await fill(producer, 5)
    consumer = await consumers("t")
    assert (await anext(consumer)).offset == 0

    consumer.pause(T)
    assert consumer.paused() == {T}
    assert await clock.drive(consumer.getmany(timeout_ms=500)) == {}
    consumer.resume(T)

    assert (await anext(consumer)).offset == 1


async def test_the_latest_reset_sees_only_what_comes(producer, consumers, clock):
    await fill(producer, 5)
    consumer = await consumers("t", auto_offset_reset="latest")
    assert await clock.drive(consumer.position(T)) == 5
    waiting = asyncio.ensure_future(consumer.getone())
    await clock.settle()
    assert not waiting.done()

    await fill(producer, 1, start=5)
    await clock.settle()

    assert waiting.result().offset == 5


@pytest.mark.parametrize("group_id", ["g", None])
@pytest.mark.parametrize("by_hand", [False, True])
async def test_the_none_reset_asks_the_program(producer, consumers, clock, group_id, by_hand):
    await fill(producer, 5)
    topics = () if by_hand else ("t",)
    consumer = await consumers(*topics, auto_offset_reset="none", group_id=group_id)
    if by_hand:
        consumer.assign([T])
    with pytest.raises(errors.NoOffsetForPartitionError, match="'t' partition 0"):
        await clock.drive(consumer.getone())

    consumer.seek(T, 3)
    assert (await clock.drive(consumer.getone())).offset == 3
    consumer.seek(T, 99)
    with pytest.raises(errors.OffsetOutOfRangeError, match="99"):
        await clock.drive(consumer.getone())


async def test_an_offset_out_of_range_follows_the_reset_policy(producer, consumers, clock, caplog):
    await fill(producer, 5)
    consumer = await consumers("t")
    consumer.seek(T, 99)

    assert (await clock.drive(consumer.getone())).offset == 0
    assert "not in the log any more" in caplog.text


async def test_nothing_in_time_is_nothing(consumers, clock):
    consumer = await consumers("t")

    assert await clock.drive(consumer.getmany(timeout_ms=1_000)) == {}
    assert await consumer.getmany() == {}
    assert await consumer.getcolumns() == {}
    with pytest.raises(ValueError, match="max_records"):
        await consumer.getmany(max_records=0)


async def test_polling_without_waiting_lets_others_run(producer, consumers):
    consumer = await consumers("t")
    others = asyncio.ensure_future(fill(producer, 1))
    found = {}
    while not found:  # would never end if getmany() kept the loop to itself
        found = await consumer.getmany()
    await others

    assert [record.offset for record in found[T]] == [0]


async def test_a_deserializer_that_fails_names_the_record_and_loses_none(producer, consumers, clock):
    for value in (b"1", b"2", b"x", b"4"):
        await producer.send("t", value)
    await producer.flush()
    consumer = await consumers("t", value_deserializer=int)

    found = await clock.drive(consumer.getmany(timeout_ms=100))
    assert [record.value for record in found[T]] == [1, 2]
    for _ in range(2):  # it stays the next record until the program decides
        with pytest.raises(ValueError, match="invalid literal") as raised:
            await clock.drive(consumer.getone())
        assert "t-0 offset 2" in raised.value.__notes__[0]
    consumer.seek(T, 3)
    assert (await clock.drive(consumer.getone())).value == 4


async def test_assigning_by_hand(producer, consumers, clock):
    await fill(producer, 3)
    consumer = await consumers()
    with pytest.raises(errors.IllegalStateError, match="subscribe"):
        await consumer.getone()
    consumer.assign([T])

    assert consumer.assignment() == {T}
    assert (await clock.drive(consumer.getone())).offset == 0
    with pytest.raises(errors.IllegalStateError, match="unsubscribe"):
        consumer.subscribe(["t"])
    with pytest.raises(TypeError, match="TopicPartition"):
        consumer.assign([("t", 0)])
    with pytest.raises(errors.IllegalOperation, match="group_id"):
        await consumer.commit()
    consumer.unsubscribe()
    assert consumer.assignment() == set()


async def test_a_pattern_follows_new_topics(address, producer, consumers, clock):
    consumer = await consumers(metadata_max_age_ms=1_000)
    consumer.subscribe(pattern="^fo")
    await clock.settle()
    assert consumer.subscription() == {"four"}
    assert len(consumer.assignment()) == 4

    await producer.send_and_wait("forty", b"v")
    await clock.advance(2_000)
    await clock.settle()

    assert consumer.subscription() == {"four", "forty"}
    assert (await clock.drive(consumer.getone())).topic == "forty"
    with pytest.raises(ValueError, match="regular expression"):
        consumer.subscribe(pattern="(")
    with pytest.raises(TypeError, match="list of topic names"):
        consumer.subscribe("t")
    with pytest.raises(TypeError, match="either"):
        consumer.subscribe(["t"], pattern="x")


async def test_stopping_wakes_whoever_waits(consumers, clock):
    consumer = await consumers("t")
    waiting = asyncio.ensure_future(consumer.getone())
    loop = asyncio.ensure_future(_all(consumer))
    await clock.settle()
    await clock.drive(consumer.stop())

    with pytest.raises(errors.ConsumerStoppedError):
        await waiting
    assert await loop == []
    with pytest.raises(errors.ConsumerStoppedError):
        await consumer.getmany()
    with pytest.raises(errors.ConsumerStoppedError):
        await consumer.start()


async def _all(consumer):
    return [record async for record in consumer]


async def test_calls_before_start_say_so(address):
    consumer = AIOKafkaConsumer("t", bootstrap_servers=address)
    for call in (consumer.getone(), consumer.getmany(), consumer.position(T), consumer.topics()):
        with pytest.raises(errors.IllegalStateError, match="start"):
            await call
    with pytest.raises(errors.IllegalStateError, match="start"):
        consumer.seek(T, 0)


async def test_buffers_stay_within_bounds(producer, consumers, clock):
    for _ in range(40):
        await producer.send_columns("t", 0, None, [b"x" * 1_000] * 10, [1] * 10)
    await producer.flush()
    consumer = await consumers("t", max_partition_fetch_bytes=20_000)
    await clock.settle()

    (state,) = consumer._subscription.states()
    assert 0 < state.buffered_bytes <= 30_000
    count = 0
    while count < 400:
        count += len((await clock.drive(consumer.getcolumns(timeout_ms=100, max_records=25)))[T])
        await clock.settle()
        assert state.buffered_bytes <= 30_000


async def test_damage_is_named_and_can_be_passed(producer, consumers, clock, address):
    await producer.send_and_wait("t", b"good")
    consumer = await consumers("t")
    await clock.drive(consumer.getone())
    (state,) = consumer._subscription.states()
    consumer.pause(T)
    await clock.advance(1_000)  # the fetch under way ends
    await producer.send_and_wait("t", b"rotten")
    await producer.send_and_wait("t", b"after")
    from streamz_core.protocol.record_batch import encode

    rotten = bytearray(encode([None], [b"rotten"], [1], base_offset=1))
    rotten[-1] ^= 1
    state.take_in(bytes(rotten), None)
    consumer.resume(T)

    with pytest.raises(errors.CorruptRecordException, match="'t' partition 0: the batch at offset 1"):
        await clock.drive(consumer.getone())
    consumer.seek(T, 2)
    assert (await clock.drive(consumer.getone())).value == b"after"


async def test_a_partition_that_is_not_there_keeps_no_other_from_being_read(producer, consumers, clock):
    await producer.send_and_wait("t", b"v")
    consumer = await consumers()
    consumer.assign([TopicPartition("nowhere", 0), TopicPartition("t", 0)])
    began_ms = clock.monotonic_ms()

    record = await clock.drive(consumer.getone())

    assert record.value == b"v"
    assert clock.monotonic_ms() - began_ms < 1_000
