"""Owns: how soon a group rebalances, and what it takes from whom. Must not know: the broker's insides."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.client import errors
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import NewPartitions, NewTopic
from streamz_core.client.consumer.assignors.abstract import AbstractPartitionAssignor
from streamz_core.client.consumer.assignors.cooperative_sticky import CooperativeStickyPartitionAssignor
from streamz_core.client.consumer.assignors.range import RangePartitionAssignor
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.consumer.listener import ConsumerRebalanceListener
from streamz_core.client.local_link import open_link
from streamz_core.model import TopicPartition
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from streamz_core.protocol.messages.offset_commit import OffsetCommitRequest

FOUR = {TopicPartition("four", index) for index in range(4)}
T = TopicPartition("t", 0)
COOPERATIVE = [CooperativeStickyPartitionAssignor]
SESSION_MS = 10_000


class Recorder(ConsumerRebalanceListener):
    def __init__(self):
        self.calls = []

    def on_partitions_revoked(self, revoked):
        self.calls.append(("revoked", set(revoked)))

    def on_partitions_assigned(self, assigned):
        self.calls.append(("assigned", set(assigned)))

    def on_partitions_lost(self, lost):
        self.calls.append(("lost", set(lost)))


async def fill(producer, topic, count, partition=0):
    futures = [await producer.send(topic, b"%d" % n, partition=partition) for n in range(count)]
    await asyncio.gather(*futures)


async def die(consumer):
    """As if its process had ended: nothing more is heard of it."""
    await consumer._background.close()


strategies = pytest.mark.parametrize(
    "strategy", [[RangePartitionAssignor], COOPERATIVE], ids=["eager", "cooperative"]
)


@strategies
async def test_who_comes_and_who_goes_is_noticed_without_waiting(consumers, clock, strategy):
    settings = {"group_id": "g", "partition_assignment_strategy": strategy}
    began_ms = clock.monotonic_ms()
    one = await consumers("four", **settings)
    two = await consumers("four", **settings)
    await clock.settle()
    assert len(one.assignment()) == len(two.assignment()) == 2
    assert one.assignment() | two.assignment() == FOUR
    assert one.group_metadata().generation_id == two.group_metadata().generation_id

    await clock.drive(one.stop())
    await clock.settle()

    assert two.assignment() == FOUR
    assert clock.monotonic_ms() == began_ms


@strategies
async def test_who_dies_is_missed_when_its_session_ends_and_not_later(consumers, clock, strategy):
    settings = {"group_id": "g", "partition_assignment_strategy": strategy}
    one = await consumers("four", **settings)
    two = await consumers("four", **settings)
    await clock.settle()
    await die(one)

    await clock.advance(SESSION_MS - 1)
    assert len(two.assignment()) == 2
    await clock.advance(1)

    assert two.assignment() == FOUR


async def test_ten_members_settle_at_once(consumers, clock, address):
    async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
        await admin.create_partitions({"four": NewPartitions(100)})
    began_ms = clock.monotonic_ms()
    made = await asyncio.gather(
        *(consumers("four", group_id="g", partition_assignment_strategy=COOPERATIVE) for _ in range(10))
    )
    await clock.settle()

    assert [len(consumer.assignment()) for consumer in made] == [10] * 10
    assert len(set().union(*(consumer.assignment() for consumer in made))) == 100
    assert clock.monotonic_ms() == began_ms


class SlowCommits:
    """A link on which commits wait until they are let through."""

    def __init__(self, link):
        self._link = link
        self.clock = link.clock
        self.let_through = asyncio.Event()

    async def send(self, request):
        if isinstance(request, OffsetCommitRequest):
            await self.let_through.wait()
        return await self._link.send(request)

    async def close(self):
        await self._link.close()


async def test_a_commit_of_before_a_revocation_is_not_made_after_it(consumers, clock, producer, address):
    """Between the two another member may have owned the partition, and gone further."""
    await fill(producer, "t", 10)
    link = SlowCommits(await open_link(address))
    one = AIOKafkaConsumer("t", bootstrap_servers=link, group_id="g", enable_auto_commit=False)
    await clock.drive(one.start())
    committing = asyncio.ensure_future(one.commit({T: 4}))
    await clock.settle()
    two = await consumers("four", group_id="g")
    assert one.assignment() == {T}

    link.let_through.set()
    with pytest.raises(errors.CommitFailedError, match="the group has rebalanced"):
        await committing

    assert await two.committed(T) is None
    await clock.drive(one.stop())
    await clock.drive(link.close())


async def test_who_stops_while_it_joins_leaves_nobody_waiting(consumers, clock):
    class Slow(Recorder):
        async def on_partitions_revoked(self, revoked):
            super().on_partitions_revoked(revoked)
            await asyncio.Event().wait()

    slow = Slow()
    one = await consumers("four", group_id="g", listener=slow)
    joining = asyncio.ensure_future(consumers("four", group_id="g"))
    await clock.settle()
    assert slow.calls[-1] == ("revoked", FOUR)
    joining.cancel()
    await clock.settle()
    await die(one)
    began_ms = clock.monotonic_ms()

    third = await consumers("four", group_id="g")

    assert third.assignment() == FOUR
    assert clock.monotonic_ms() - began_ms <= SESSION_MS  # of the one that died, not of a ghost after it


class TestCooperative:
    async def test_only_what_changes_hands_is_revoked(self, consumers, clock):
        told_one, told_two = Recorder(), Recorder()
        one = await consumers(
            "four", group_id="g", partition_assignment_strategy=COOPERATIVE, listener=told_one
        )
        two = await consumers(
            "four", group_id="g", partition_assignment_strategy=COOPERATIVE, listener=told_two
        )
        await clock.settle()

        moved = two.assignment()
        assert len(moved) == 2
        assert one.assignment() == FOUR - moved
        assert [call for call in told_one.calls if call[1]] == [("assigned", FOUR), ("revoked", moved)]
        assert [call for call in told_two.calls if call[1]] == [("assigned", moved)]

        await clock.drive(two.stop())
        await clock.settle()
        assert told_one.calls[-1] == ("assigned", moved)

    async def test_what_is_kept_is_read_on_where_it_stands_while_the_group_rebalances(
        self, consumers, clock, producer
    ):
        for partition in range(4):
            await fill(producer, "four", 10, partition)
        one = await consumers(
            "four", group_id="g", partition_assignment_strategy=COOPERATIVE, enable_auto_commit=False
        )
        read = dict.fromkeys(FOUR, 0)
        found = await clock.drive(one.getmany(timeout_ms=100, max_records=20))
        for partition, records in found.items():
            read[partition] += len(records)
        two = await consumers(
            "four", group_id="g", partition_assignment_strategy=COOPERATIVE, enable_auto_commit=False
        )
        await clock.settle()

        for partition in one.assignment():  # nothing was committed: only who kept its position goes on
            assert await one.position(partition) == read[partition]
        for partition in two.assignment():
            assert await clock.drive(two.position(partition)) == 0

    async def test_records_and_commits_go_on_while_others_hold_a_rebalance_up(
        self, consumers, clock, producer, address
    ):
        for partition in range(4):
            await fill(producer, "four", 10, partition)
        settings = {"group_id": "g", "partition_assignment_strategy": COOPERATIVE}
        one = await consumers("four", **settings, rebalance_timeout_ms=60_000)
        two = await consumers("four", **settings, rebalance_timeout_ms=60_000)
        await clock.settle()
        await die(two)  # it will not join: the rebalance waits for the end of its session
        third = AIOKafkaConsumer("four", bootstrap_servers=address, **settings)
        starting = asyncio.ensure_future(third.start())
        await clock.settle()

        kept = sorted(one.assignment())
        found = await one.getmany(timeout_ms=0)
        assert sorted(found) == kept
        await one.commit()
        assert not starting.done()

        await clock.advance(SESSION_MS)
        await starting
        assert one.assignment() | third.assignment() == FOUR
        assert [await one.committed(partition) for partition in kept] == [10] * len(kept)
        await clock.drive(third.stop())

    async def test_a_commit_that_meets_the_new_generation_is_made_in_it(
        self, consumers, clock, producer, address
    ):
        for partition in range(4):
            await fill(producer, "four", 90, partition)
        settings = {"group_id": "g", "partition_assignment_strategy": COOPERATIVE}
        one = await consumers("four", **settings, enable_auto_commit=False)
        await clock.drive(one.getmany(timeout_ms=100))
        two = AIOKafkaConsumer("four", bootstrap_servers=address, **settings)
        starting = asyncio.ensure_future(two.start())
        commits = []
        for turn in range(80):  # at every moment of the two rebalances
            commits += [(p, asyncio.ensure_future(one.commit({p: turn + 1}))) for p in one.assignment()]
            await asyncio.sleep(0)
        await clock.settle()
        await starting

        assert len(one.assignment()) == len(two.assignment()) == 2
        for partition, commit in commits:
            if partition in one.assignment():
                assert commit.exception() is None
            else:
                refusals = (errors.CommitFailedError, errors.IllegalStateError)
                assert isinstance(commit.exception(), (type(None), *refusals))
        assert {await one.committed(partition) for partition in one.assignment()} == {80}
        await clock.drive(two.stop())

    async def test_a_subscription_that_shrinks_gives_up_only_that_topic(self, consumers, clock):
        told = Recorder()
        one = await consumers(
            "four", "t", group_id="g", partition_assignment_strategy=COOPERATIVE, listener=told
        )
        one.subscribe(["four"], listener=told)
        await clock.settle()

        assert one.assignment() == FOUR
        assert [call for call in told.calls if call[1]] == [("assigned", {*FOUR, T}), ("revoked", {T})]

    async def test_who_was_put_out_loses_everything_and_owns_nothing_when_it_joins_again(
        self, consumers, clock
    ):
        told = Recorder()
        settings = {"group_id": "g", "partition_assignment_strategy": COOPERATIVE}
        idle = await consumers("four", **settings, listener=told, max_poll_interval_ms=20_000)
        other = await consumers("four", **settings)
        await clock.settle()
        held = idle.assignment()
        reading = asyncio.ensure_future(other.getone())
        await clock.advance(30_000)
        assert told.calls[-1] == ("lost", held)
        assert idle.assignment() == set()
        assert other.assignment() == FOUR

        assert await idle.getmany(timeout_ms=0) == {}
        await clock.settle()
        assert len(idle.assignment()) == len(other.assignment()) == 2
        reading.cancel()

    async def test_beside_an_eager_assignor_members_are_eager(self, consumers, clock):
        """The first of the two rolling restarts in which a group becomes cooperative."""
        told = Recorder()
        both = [CooperativeStickyPartitionAssignor, RangePartitionAssignor]
        one = await consumers("four", group_id="g", partition_assignment_strategy=both, listener=told)
        two = await consumers("four", group_id="g", partition_assignment_strategy=[RangePartitionAssignor])
        await clock.settle()
        assert told.calls[1] == ("revoked", FOUR)
        assert one.assignment() | two.assignment() == FOUR

        await clock.drive(two.stop())
        third = await consumers("four", group_id="g", partition_assignment_strategy=COOPERATIVE)
        await clock.settle()
        assert len(one.assignment()) == len(third.assignment()) == 2
        assert one.assignment() | third.assignment() == FOUR

    async def test_eager_and_cooperative_members_without_a_common_assignor_cannot_meet(
        self, consumers, clock
    ):
        await consumers("four", group_id="g", partition_assignment_strategy=COOPERATIVE)
        with pytest.raises(errors.InconsistentGroupProtocolError, match="'g'"):
            await consumers("four", group_id="g", partition_assignment_strategy=[RangePartitionAssignor])

    async def test_static_members_come_back_to_what_they_had(self, consumers, clock):
        told = Recorder()
        settings = {"group_id": "g", "partition_assignment_strategy": COOPERATIVE}
        one = await consumers("four", **settings, group_instance_id="one", listener=told)
        two = await consumers("four", **settings, group_instance_id="two")
        await clock.settle()
        before, generation = two.assignment(), one.group_metadata().generation_id
        calls = len(told.calls)
        await clock.drive(two.stop())

        back = await consumers("four", **settings, group_instance_id="two")
        await clock.settle()

        assert back.assignment() == before
        assert told.calls[calls:] == []
        assert one.group_metadata().generation_id == back.group_metadata().generation_id == generation

    async def test_an_assignor_that_takes_from_under_an_owner_is_refused(self, consumers, clock):
        class Grabbing(CooperativeStickyPartitionAssignor):
            name = "grabbing"

            def assign(self, cluster, members):
                last = sorted(members)[-1]
                everything = ConsumerProtocolMemberAssignment(0, [("four", [0, 1, 2, 3])])
                return {m: everything if m == last else ConsumerProtocolMemberAssignment() for m in members}

        one = await consumers("four", group_id="g", partition_assignment_strategy=[Grabbing], client_id="a")
        two = asyncio.ensure_future(
            consumers("four", group_id="g", partition_assignment_strategy=[Grabbing], client_id="b")
        )
        await clock.settle()

        with pytest.raises(errors.IllegalStateError, match="'grabbing' gave four-0 to 'b-"):
            await one.getone()
        assert (await two).assignment() == FOUR


class TestAssignorsOfThePrograms:
    async def test_an_assignor_written_against_aiokafkas_interface_is_used(self, consumers, clock):
        told = []

        class Firsts(AbstractPartitionAssignor):
            """The first member, by id, gets everything."""

            name = "firsts"
            version = 0

            @classmethod
            def assign(cls, cluster, members):
                owner = min(members)
                topics = {topic for metadata in members.values() for topic in metadata.subscription}
                share = [(topic, sorted(cluster.partitions_for_topic(topic))) for topic in sorted(topics)]
                return {
                    m: ConsumerProtocolMemberAssignment(cls.version, share if m == owner else [], b"")
                    for m in members
                }

            @classmethod
            def metadata(cls, topics):
                return ConsumerProtocolMemberMetadata(cls.version, list(topics), b"mine")

            @classmethod
            def on_assignment(cls, assignment):
                told.append(assignment.partitions())

        one = await consumers("four", group_id="g", partition_assignment_strategy=[Firsts], client_id="a")
        two = await consumers("four", group_id="g", partition_assignment_strategy=(Firsts,), client_id="b")
        await clock.settle()

        assert (one.assignment(), two.assignment()) == (FOUR, set())
        assert sorted(told[-2:], key=len) == [[], sorted(FOUR)]


async def test_a_member_whose_subscription_cannot_be_read_does_not_stop_the_others(consumers, clock):
    class Scrambled(RangePartitionAssignor):
        def metadata(self, topics):
            class Noise:
                def encode(self):
                    return b"\x00\x00\x7f\xff\xff\xff"

            return Noise()

    one = await consumers("four", group_id="g", partition_assignment_strategy=[RangePartitionAssignor])
    odd = await consumers("four", group_id="g", partition_assignment_strategy=[Scrambled])
    await clock.settle()

    assert one.assignment() == FOUR
    assert odd.assignment() == set()


@strategies
async def test_a_topic_that_a_pattern_finds_costs_no_record_of_the_others(
    address, producer, consumers, clock, strategy
):
    """``latest`` is where a partition without a commit begins, also after a rebalance: a commit has to be there."""
    await clock.drive(fill(producer, "t", 2))
    consumer = await consumers(
        group_id="g",
        auto_offset_reset="latest",
        metadata_max_age_ms=1_000,
        partition_assignment_strategy=strategy,
    )
    consumer.subscribe(pattern="^t")
    await clock.settle()
    await clock.drive(consumer.position(T))
    await clock.drive(fill(producer, "t", 3))  # not asked for before the rebalance

    async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
        (await admin.create_topics([NewTopic("tea", 1, 1)])).raise_for_errors()
    await clock.advance(4_000)
    await clock.settle()
    assert consumer.subscription() == {"t", "tea"}
    await clock.drive(consumer.position(TopicPartition("tea", 0)))
    await clock.drive(fill(producer, "tea", 1))

    read = [await clock.drive(consumer.getone()) for _ in range(4)]
    assert [record.offset for record in read if record.topic == "t"] == [2, 3, 4]
