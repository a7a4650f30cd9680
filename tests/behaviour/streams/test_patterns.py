"""Topics read by pattern: those that come are read while the app runs, those that go are let go of."""

from __future__ import annotations

import re
from collections import Counter
from random import Random
from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.delete_topics import DeleteTopicsRequest, DeleteTopicState
from streamz_core.streams import Materialized, StreamsBuilder
from streamz_core.streams.runtime.failures import TaskFailed
from streamz_core.streams.runtime.runtime import TOPICS_CHECK_MS
from streamz_core.streams.runtime.store_parts import StoreUnavailable
from streamz_core.testing import MemoryBroker, kill_at_every_commit
from streamz_core.testing.driven_app import ends_of, tasks_of
from streamz_core.testing.kill_points import KillPoint, KillPoints
from tests.behaviour.streams.lives import Lives
from tests.harness_form import Form, chosen_form

POINTS = {Form.SHORT: 25, Form.CI: 500, Form.LONG: 10_000}[chosen_form()]
ORDERS = re.compile(r"orders-(?!all).*")


def copied() -> StreamsBuilder:
    builder = StreamsBuilder()
    builder.stream(ORDERS, key_type=str, value_type=str).map_values(str.upper, value_type=str).to("all")
    return builder


def counted() -> StreamsBuilder:
    builder = StreamsBuilder()
    groups = builder.stream(ORDERS, key_type=str, value_type=str).group_by_key()
    groups.count(Materialized("counts")).to_stream().to("all", value_type=int)
    return builder


def recounted() -> StreamsBuilder:
    builder = StreamsBuilder()
    orders = builder.stream(ORDERS, key_type=str, value_type=str)
    groups = orders.group_by(lambda _, value: value, "by-value", key_type=str)
    groups.count(Materialized("counts")).to_stream().to("all", value_type=int)
    return builder


class Shop(Lives):
    """Lives of an app that reads ``orders-…``, and what happens to its topics. Asking for one makes it."""

    def _broker_on(self, image: Any) -> MemoryBroker:
        return MemoryBroker(self._name, clock=self.clock, image=image)

    async def create(self, name: str, partitions: int | None = None) -> None:
        topic = CreatableTopic(
            name=name, num_partitions=partitions or self._partitions, replication_factor=1, configs={}
        )
        await self.broker.broker.handle(CreateTopicsRequest(topics=[topic]))

    async def delete(self, name: str) -> None:
        await self.broker.broker.handle(DeleteTopicsRequest(topics=[DeleteTopicState(name=name)]))

    async def grow(self, name: str, partitions: int) -> None:
        await self.broker.broker.handle(
            CreatePartitionsRequest(topics=[CreatePartitionsTopic(name=name, count=partitions)])
        )

    async def orders(self, topic: str, *values: str, partition: int = 0) -> None:
        await self.write((topic, partition, b"k", value.encode(), 1_000) for value in values)

    async def look(self) -> None:
        """Let so much time pass that everybody has looked for topics."""
        for _ in range(3):
            await self.clock.advance(TOPICS_CHECK_MS)

    async def all(self) -> list[Any]:
        await self.commit()
        return [record.value for record in (await self.read("all"))["all"]]

    def owned(self) -> list[set[tuple[str, int]]]:
        return [{p for task in tasks_of(app) for p in task.partitions} for app in self.apps]


@pytest.fixture
async def shop(request):
    made = []

    async def make(builder: Any, *topics: str, partitions: int = 2) -> Shop:
        shop = Shop(builder, ("all", *topics), partitions)
        made.append(shop)
        await shop.begin()
        return shop

    yield make
    for one in made:
        await one.end()


async def test_topics_that_are_there_are_read(shop):
    app = await shop(copied, "orders-eu", "orders-us", "reorders-eu")

    for topic in ("orders-eu", "reorders-eu", "orders-us"):
        await app.orders(topic, topic)

    assert sorted(await app.all()) == [b"ORDERS-EU", b"ORDERS-US"]


async def test_a_topic_that_comes_later_is_read_from_its_beginning(shop):
    app = await shop(copied, "orders-eu")
    await app.orders("orders-eu", "a")
    await app.create("orders-us")
    await app.orders("orders-us", "b")

    await app.look()
    await app.orders("orders-us", "c", partition=1)
    await app.orders("orders-eu", "d")

    assert sorted(await app.all()) == [b"A", b"B", b"C", b"D"]


async def test_what_comes_later_is_read_from_its_beginning_where_others_are_not(shop):
    def latest() -> StreamsBuilder:
        builder = StreamsBuilder()
        builder.stream(ORDERS, offset_reset="latest", key_serializer="raw", value_serializer="raw").to("all")
        return builder

    app = await shop(latest, "orders-eu")
    await app.create("orders-us")
    await app.orders("orders-us", "b")
    await app.look()

    assert await app.all() == [b"b"]


async def test_an_app_waits_for_the_first_topic(shop):
    app = await shop(counted)
    (running,) = app.apps
    with pytest.raises(StoreUnavailable, match="no topic matches yet"):
        running.store("counts")

    await app.create("orders-eu")
    await app.look()
    await app.orders("orders-eu", "a", "b")

    assert await app.all() == [b"2"]
    assert running.store("counts").get("k") == 2


async def test_a_topic_that_goes_is_let_go_of_and_its_name_may_come_again(shop):
    app = await shop(copied, "orders-eu", "orders-us")
    await app.orders("orders-eu", "a")
    await app.orders("orders-us", "b")  # not committed yet
    await app.delete("orders-us")
    await app.look()
    await app.orders("orders-eu", "c")
    assert {b"A", b"C"} <= set(await app.all())

    await app.create("orders-us")
    await app.look()
    await app.orders("orders-us", "d")

    values = Counter(await app.all())
    assert values[b"D"] == values[b"A"] == values[b"C"] == 1
    assert app.owned() == [{(topic, index) for topic in ("orders-eu", "orders-us") for index in range(2)}]


@pytest.mark.parametrize("seen", [True, False])
async def test_a_name_that_comes_again_is_another_topic(shop, seen):
    app = await shop(copied, "orders-eu", "orders-us")
    await app.orders("orders-us", "a", "b")
    assert await app.all() == [b"A", b"B"]

    await app.delete("orders-us")
    if seen:
        await app.look()
    await app.create("orders-us")
    await app.orders("orders-us", "c")
    await app.look()

    assert sorted(await app.all()) == [b"A", b"B", b"C"]


async def test_all_topics_may_go(shop):
    app = await shop(copied, "orders-eu")
    await app.orders("orders-eu", "a")
    assert await app.all() == [b"A"]

    await app.delete("orders-eu")
    await app.look()
    assert app.owned() == [set()]

    await app.create("orders-us")
    await app.look()
    await app.orders("orders-us", "b")
    assert sorted(await app.all()) == [b"A", b"B"]


async def test_more_partitions_are_read_where_there_is_no_state(shop):
    app = await shop(copied, "orders-eu")
    await app.grow("orders-eu", 4)
    await app.look()
    await app.orders("orders-eu", "a", partition=3)

    assert await app.all() == [b"A"]


async def test_more_partitions_below_a_store_fail_the_app_with_the_remedy(shop):
    app = await shop(counted, "orders-eu")
    (running,) = app.apps
    await app.grow("orders-eu", 4)
    await app.look()

    with pytest.raises(Misuse, match=r"has 2 partitions, its sources have 4.*Reset the app"):
        raise running.running.runtime.failure


async def test_a_topic_of_another_size_below_a_store_fails_the_app_with_the_remedy(shop):
    app = await shop(counted, "orders-eu")
    (running,) = app.apps
    await app.create("orders-us", partitions=3)
    await app.look()

    with pytest.raises(Misuse, match=r"orders-eu: 2, orders-us: 3.*repartition"):
        raise running.running.runtime.failure


async def test_what_is_dealt_out_anew_takes_topics_of_any_size(shop):
    app = await shop(recounted, "orders-eu")
    await app.orders("orders-eu", "x", "y")
    await app.create("orders-us", partitions=5)
    await app.look()
    await app.orders("orders-us", "x", partition=4)
    assert sorted(await app.all()) == [b"1", b"1", b"2"]

    await app.die(loses_power=False)
    await app.orders("orders-us", "x", partition=4)

    assert sorted(await app.all()) == [b"1", b"1", b"2", b"3"]


async def test_a_topic_by_name_that_grows_fails_the_app_still(shop):
    def both() -> StreamsBuilder:
        builder = copied()
        builder.stream("plain").to("all")
        return builder

    app = await shop(both, "orders-eu", "plain")
    (running,) = app.apps
    await app.grow("plain", 3)
    await app.look()

    with pytest.raises(TaskFailed, match="'plain' has 3 partitions instead of 2"):
        raise running.running.runtime.failure


@pytest.mark.parametrize("make", [copied, counted])
async def test_two_members_share_what_comes_and_goes(shop, make):
    app = await shop(make, "orders-eu", "orders-ap")
    await app.join()
    await app.orders("orders-eu", "a")
    await app.create("orders-us")
    await app.orders("orders-us", "b", partition=1)
    await app.look()
    await app.orders("orders-us", "c")

    topics = ("orders-ap", "orders-eu", "orders-us")
    assert sorted(app.owned(), key=sorted) == [{(topic, index) for topic in topics} for index in range(2)]
    expected = [b"A", b"B", b"C"] if make is copied else [b"1", b"1", b"2"]
    assert sorted(await app.all()) == expected

    await app.delete("orders-ap")
    await app.leave()
    await app.look()
    await app.orders("orders-us", "d")
    assert app.owned() == [{(topic, index) for topic in topics[1:] for index in range(2)}]
    assert sorted(await app.all()) == sorted([*expected, b"D" if make is copied else b"3"])


async def test_a_topic_that_not_all_members_know_waits_until_they_do(shop, monkeypatch):
    app = await shop(copied, "orders-eu")
    await app.join()
    monkeypatch.setattr(app.apps[1].running.runtime._layout, "look", _see_nothing)
    await app.create("orders-us")
    await app.look()
    assert sorted(app.owned(), key=sorted) == [{("orders-eu", 0)}, {("orders-eu", 1)}]

    monkeypatch.undo()
    await app.look()
    assert sorted(app.owned(), key=sorted) == [
        {("orders-eu", index), ("orders-us", index)} for index in range(2)
    ]


async def _see_nothing() -> bool:
    return False


async def test_what_the_app_makes_for_itself_never_matches(shop):
    def everything() -> StreamsBuilder:
        builder = StreamsBuilder(error_policy="dead_letter")
        orders = builder.stream(re.compile("(?!all).*"), key_type=str, value_type=str)
        groups = orders.map_values(_not_bad, value_type=str).group_by(lambda _, v: v, "by", key_type=str)
        groups.count(Materialized("counts")).to_stream().to("all", value_type=int)
        return builder

    app = await shop(everything, "in", partitions=1)
    await app.orders("in", "good", "bad", "good")
    await app.commit()
    await app.look()
    await app.orders("in", "good")

    assert await app.all() == [b"2", b"3"]
    assert len((await app.read("in-dlq"))["in-dlq"]) == 1
    assert [topic for (topic, _) in sorted(app.owned()[0])] == ["in", "lives-by-repartition"]


def _not_bad(value: str) -> str:
    if value == "bad":
        raise ValueError(value)
    return value


@pytest.mark.parametrize("make", [copied, counted, recounted])
@pytest.mark.parametrize("partitions", [1, 2])
def test_wherever_it_is_killed_each_record_counts_once(make, partitions):
    inputs = {
        "orders-eu": [("a", "x"), ("b", "y"), ("a", "z")],
        "orders-us": [("a", "y"), ("b", "x")],
    }

    kill_at_every_commit(
        make,
        inputs,
        partitions=partitions,
        compare="in_order" if partitions == 1 else "latest",
        points_max=POINTS,
    )


@pytest.mark.parametrize("loses_power", [False, True])
async def test_killed_at_a_topic_that_has_just_come(shop, loses_power):
    app = await shop(counted, "orders-eu")
    await app.orders("orders-eu", "a")
    await app.commit()
    await app.create("orders-us")
    await app.look()
    await app.orders("orders-us", "b")
    await app.die(loses_power=loses_power)
    await app.orders("orders-us", "c")

    assert (await app.all())[-1] == b"3"


GIVEN = {"orders-eu": ["a", "b", "c", "d"], "orders-us": ["e", "f", "g"]}


class Tale(Shop):
    """A life in which a topic comes, from the beginning or from where one that was killed left it."""

    def __init__(self, make: Any, points: KillPoints, left: KillPoint | None = None) -> None:
        self._points, self._left = points, left
        super().__init__(make, ("all", "orders-eu"), 1)

    def _broker_on(self, image: Any) -> MemoryBroker:
        left = self._left.image if self._left is not None else image
        return MemoryBroker(self._name, clock=self.clock, image=left, watch=self._points.watch)

    async def begin(self) -> None:
        if self._left is None:
            await super().begin()
            self._points.begin(self.broker)
            return
        await self.broker.start()
        await self.join()

    async def tell(self) -> list[bytes]:
        """What is still to come of the tale, to its end; what the app has written then."""
        await self.give("orders-eu", 2)
        await self.commit()
        await self.give("orders-us", 2)
        await self.look()
        await self.give("orders-eu", 4)
        await self.give("orders-us", 3)
        return await self.all()

    async def give(self, topic: str, count: int) -> None:
        """Write so many of its records, but for those that are there already."""
        if topic not in {partition.topic for partition in ends_of(self.broker)}:
            await self.create(topic)
        have = ends_of(self.broker)[TopicPartition(topic, 0)]
        await self.orders(topic, *GIVEN[topic][have:count])


@pytest.mark.parametrize("make", [copied, counted])
async def test_wherever_it_is_killed_while_a_topic_comes_each_record_counts_once(make):
    points = KillPoints(Random(1), POINTS, power_cuts=True, copy_state=lambda _: None)
    tale = Tale(make, points)
    await tale.begin()
    whole = sorted(await tale.tell())
    points.end()
    await tale.end()
    assert len(points.points) == min(POINTS, points.count) > 20

    for point in points.points:
        again = Tale(make, KillPoints(Random(1), 0, power_cuts=False, copy_state=lambda _: None), point)
        await again.begin()
        found = await again.tell()
        await again.end()
        if make is copied:
            assert sorted(found) == whole, point.where
        else:
            assert found[-1] == b"7", point.where
            assert found == sorted(set(found)), point.where
