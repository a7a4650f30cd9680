"""Owns: consumer groups on the real broker. Must not know: the broker's insides."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.client import errors
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.consumer.assignors.range import RangePartitionAssignor
from streamz_core.client.consumer.assignors.sticky import StickyPartitionAssignor
from streamz_core.client.consumer.listener import ConsumerRebalanceListener
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import OffsetAndMetadata, TopicPartition

T = TopicPartition("t", 0)
FOUR = {TopicPartition("four", index) for index in range(4)}


async def fill(producer, topic, count, partition=0):
    futures = [await producer.send(topic, b"%d" % n, partition=partition) for n in range(count)]
    await asyncio.gather(*futures)


class Recorder(ConsumerRebalanceListener):
    def __init__(self):
        self.calls = []

    async def on_partitions_revoked(self, revoked):
        self.calls.append(("revoked", set(revoked)))

    def on_partitions_assigned(self, assigned):
        self.calls.append(("assigned", set(assigned)))

    def on_partitions_lost(self, lost):
        self.calls.append(("lost", set(lost)))


@pytest.mark.parametrize("assignor", [None, RangePartitionAssignor, StickyPartitionAssignor])
async def test_members_share_the_partitions(consumers, clock, assignor):
    settings = {"group_id": "g"} | ({} if assignor is None else {"partition_assignment_strategy": [assignor]})
    one = await consumers("four", **settings)
    assert one.assignment() == FOUR
    two = await consumers("four", **settings)
    await clock.advance(10_000)

    assert len(one.assignment()) == len(two.assignment()) == 2
    assert one.assignment() | two.assignment() == FOUR
    assert one.group_metadata().generation_id == two.group_metadata().generation_id
    await clock.drive(two.stop())
    await clock.advance(10_000)
    assert one.assignment() == FOUR


async def test_a_member_that_falls_silent_is_replaced(consumers, clock):
    listener = Recorder()
    one = await consumers("four", group_id="g", listener=listener)
    two = await consumers("four", group_id="g")
    await clock.advance(5_000)
    held = one.assignment()
    before = len(listener.calls)
    (beat,) = [
        task for task in asyncio.all_tasks() if task.get_name().endswith("heartbeat") and _of(task, one)
    ]
    beat.cancel()  # as if its process had died
    await clock.advance(30_000)

    assert two.assignment() == FOUR
    assert held
    assert before == len(listener.calls)


def _of(task, consumer):
    return task in consumer._background._tasks


async def test_positions_are_committed_and_taken_up(producer, consumers, clock):
    await fill(producer, "t", 10)
    first = await consumers("t", group_id="g")
    for _ in range(4):
        await clock.drive(first.getone())
    await first.commit()
    assert await first.committed(T) == 4
    await clock.drive(first.stop(commit=False))

    second = await consumers("t", group_id="g")
    assert (await clock.drive(second.getone())).offset == 4
    await second.commit({T: OffsetAndMetadata(7, "note")})
    assert await second.committed(T) == 7
    assert await second.committed(TopicPartition("four", 0)) is None
    await second.commit({T: 8})
    assert await second.seek_to_committed() == {T: 8}
    assert await second.position(T) == 8


async def test_automatic_commits_leave_out_the_record_in_hand(producer, consumers, clock, address):
    await fill(producer, "t", 10)
    consumer = await consumers("t", group_id="g", auto_commit_interval_ms=1_000)
    for _ in range(3):
        await clock.drive(consumer.getone())
    await clock.advance(1_500)
    assert await consumer.committed(T) == 2  # record 2 may still fail

    waiting = [await clock.drive(consumer.getone()) for _ in range(7)]
    more = asyncio.ensure_future(consumer.getone())  # asking for more says the last one is done
    await clock.advance(1_500)
    assert len(waiting) == 7
    assert await consumer.committed(T) == 10
    more.cancel()


async def test_automatic_commits_do_not_take_back_what_the_program_committed(producer, consumers, clock):
    await fill(producer, "t", 10)
    consumer = await consumers("t", group_id="g", auto_commit_interval_ms=1_000)
    await clock.drive(consumer.getmany(timeout_ms=100))
    await consumer.commit()
    await clock.advance(5_000)
    assert await consumer.committed(T) == 10

    consumer.seek(T, 4)  # going back is the program's own decision
    await clock.drive(consumer.getone())
    asking = asyncio.ensure_future(consumer.getmany(max_records=1))
    await clock.advance(1_500)
    assert await consumer.committed(T) == 5
    await asking


async def test_a_record_that_made_the_program_fail_is_delivered_again(producer, consumers, clock, address):
    await fill(producer, "t", 5)
    consumer = await consumers("t", group_id="g")
    with pytest.raises(RuntimeError, match="bad record"):
        await clock.drive(_fail_at(consumer, 3))

    again = await consumers("t", group_id="g")
    assert (await clock.drive(again.getone())).offset == 3


async def _fail_at(consumer, offset):
    try:
        async for record in consumer:
            if record.offset == offset:
                raise RuntimeError("bad record")
    finally:
        await consumer.stop()


async def test_stopping_commits_what_was_read_unless_told_not_to(producer, consumers, clock):
    await fill(producer, "t", 5)
    for commit, expected in ((True, 2), (False, 2), (True, 4)):
        consumer = await consumers("t", group_id="g")
        await clock.drive(consumer.getone())
        await clock.drive(consumer.getone())
        await clock.drive(consumer.stop(commit=commit))
        observer = await consumers("four", group_id="g")
        assert await observer.committed(T) == expected
        await clock.drive(observer.stop())


async def test_manual_commits_only(producer, consumers, clock):
    await fill(producer, "t", 5)
    consumer = await consumers("t", group_id="g", enable_auto_commit=False)
    await clock.drive(consumer.getmany(timeout_ms=100))
    await clock.advance(20_000)
    assert await consumer.committed(T) is None
    await clock.drive(consumer.stop())

    assert (await clock.drive((await consumers("t", group_id="g")).getone())).offset == 0


async def test_listeners_are_told_in_order_and_may_seek(producer, consumers, clock):
    await fill(producer, "t", 10)

    class Seeker(Recorder):
        async def on_partitions_assigned(self, assigned):
            super().on_partitions_assigned(assigned)
            assert await self.consumer.position(T) == 0
            self.consumer.seek(T, 6)

    listener = Seeker()
    consumer = await consumers()
    del consumer
    from streamz_core.client.consumer.consumer import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(
        bootstrap_servers=await _link(producer), group_id="g", auto_offset_reset="earliest"
    )
    listener.consumer = consumer
    consumer.subscribe(["t"], listener=listener)
    await clock.drive(consumer.start())
    assert (await clock.drive(consumer.getone())).offset == 6
    other = await consumers("t", group_id="g")
    await clock.advance(10_000)
    await clock.drive(other.stop())
    await clock.drive(consumer.stop())

    assert listener.calls[:2] == [("assigned", {T}), ("revoked", {T})]


async def _link(producer):
    return producer._link


async def test_a_listener_that_fails_is_heard_of(producer, consumers, clock):
    class Failing(Recorder):
        def on_partitions_assigned(self, assigned):
            raise RuntimeError("listener")

    with pytest.raises(RuntimeError, match="listener"):
        await consumers("t", group_id="g", listener=Failing())


async def test_a_program_that_does_not_poll_gives_its_partitions_up_and_comes_back(
    producer, consumers, clock
):
    await fill(producer, "t", 10)
    listener = Recorder()
    slow = await consumers("t", group_id="g", max_poll_interval_ms=30_000, listener=listener)
    other = await consumers("t", group_id="g")
    await clock.advance(5_000)
    holder = slow if slow.assignment() else other
    if holder is other:
        await clock.drive(other.stop())
        await clock.advance(10_000)
    await clock.drive(slow.getone())

    await clock.advance(60_000)
    assert ("lost", {T}) in listener.calls
    assert slow.assignment() == set()
    with pytest.raises(errors.CommitFailedError):
        await slow.commit({T: 1}) if slow.assignment() else await slow._member.commits.commit(
            {T: OffsetAndMetadata(1)}
        )

    record = await clock.drive(slow.getone())
    assert record.offset in (0, 1)


async def test_waiting_for_records_counts_as_polling(consumers, clock):
    consumer = await consumers("t", group_id="g", max_poll_interval_ms=20_000)
    waiting = asyncio.ensure_future(consumer.getone())
    await clock.advance(100_000)

    assert consumer.assignment() == {T}
    waiting.cancel()


async def test_no_record_is_lost_or_read_twice_while_members_come_and_go(producer, consumers, clock):
    for partition in range(4):
        await fill(producer, "four", 50, partition)
    seen = []

    async def work(consumer, count):
        while count > 0:
            found = await consumer.getmany(timeout_ms=500, max_records=7)
            if not found:
                return
            for partition, records in found.items():
                seen.extend((partition, record.offset) for record in records)
                count -= len(records)
            await consumer.commit()

    one = await consumers("four", group_id="g", enable_auto_commit=False)
    await clock.drive(work(one, 40))
    two = await consumers("four", group_id="g", enable_auto_commit=False)
    await clock.advance(10_000)
    await clock.drive(asyncio.gather(work(one, 30), work(two, 30)))
    await clock.drive(one.stop())
    await clock.advance(10_000)
    await clock.drive(work(two, 10_000))

    assert sorted(seen) == sorted((TopicPartition("four", p), n) for p in range(4) for n in range(50))


async def test_static_members_keep_their_place(consumers, clock):
    one = await consumers("four", group_id="g", group_instance_id="a")
    generation = one.group_metadata().generation_id
    await clock.drive(one.stop())
    back = await consumers("four", group_id="g", group_instance_id="a")

    assert back.assignment() == FOUR
    assert back.group_metadata().generation_id >= generation


async def test_a_group_that_cannot_be_joined_says_why(consumers, clock):
    await consumers("t", group_id="g", partition_assignment_strategy=[RangePartitionAssignor])
    with pytest.raises(errors.InconsistentGroupProtocolError, match="'g'"):
        await consumers("t", group_id="g", partition_assignment_strategy=[StickyPartitionAssignor])


async def test_leaving_by_unsubscribing(consumers, clock, address):
    consumer = await consumers("t", group_id="g")
    consumer.unsubscribe()
    await clock.settle()
    async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
        (described,) = await admin.describe_consumer_groups(["g"])
        assert described.groups[0][2] == "Empty"
    consumer.subscribe(["four"])
    await clock.settle()

    assert consumer.assignment() == FOUR


async def test_a_group_can_be_used_for_offsets_only(producer, consumers, clock):
    await fill(producer, "t", 5)
    consumer = await consumers(group_id="manual")
    consumer.assign([T])
    assert (await clock.drive(consumer.getone())).offset == 0
    await consumer.commit({T: 3})
    await clock.drive(consumer.stop(commit=False))
    again = await consumers(group_id="manual")
    again.assign([T])

    assert (await clock.drive(again.getone())).offset == 3


async def test_wrong_offsets_are_named(consumers, clock):
    consumer = await consumers("t", group_id="g")
    for wrong in ({}, {T: -1}, {("t", 0): 1}, {T: (1, 2)}, {T: "1"}):
        with pytest.raises(errors.IllegalArgumentError):
            await consumer.commit(wrong)
    with pytest.raises(errors.IllegalStateError, match="not assigned"):
        await consumer.commit({TopicPartition("four", 0): 1})


async def test_an_older_generation_cannot_commit_in_a_transaction(address, consumers, clock):
    one = await consumers("four", group_id="g")
    old = one.group_metadata()
    await consumers("four", group_id="g")
    await clock.advance(10_000)
    async with AIOKafkaProducer(bootstrap_servers=address, transactional_id="x") as producer:
        await producer.begin_transaction()
        await producer.send("t", b"v")
        with pytest.raises(errors.CommitFailedError, match="moved on"):
            await producer.send_offsets_to_transaction({TopicPartition("four", 0): 1}, old)
        with pytest.raises(errors.CommitFailedError):
            await producer.commit_transaction()
        await producer.abort_transaction()


async def test_a_deleted_topic_holds_up_no_commit_and_no_stop(address, producer, consumers, clock):
    await fill(producer, "t", 2)
    await fill(producer, "four", 1)
    consumer = await consumers("t", "four", group_id="g")
    while await consumer.position(T) < 2:
        await clock.drive(consumer.getmany(timeout_ms=100))
    async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
        await admin.delete_topics(["four"])
    began_ms = clock.monotonic_ms()

    with pytest.raises(errors.UnknownTopicOrPartitionError, match="four-0"):
        await clock.drive(consumer.commit())
    await clock.drive(consumer.stop())

    assert clock.monotonic_ms() - began_ms < 1_000
    assert await (await consumers(group_id="g")).committed(T) == 2
