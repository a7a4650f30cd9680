"""Agents of patterns, and what ``app plan`` and ``app reset`` make of topics that come and go."""

from __future__ import annotations

import re

import pytest

from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.planning import DestructiveChange, planned
from streamz_core.app.reset import reset
from streamz_core.client.errors import InconsistentGroupProtocolError
from streamz_core.errors import Misuse
from streamz_core.protocol.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from streamz_core.streams.runtime.runtime import TOPICS_CHECK_MS


async def look(lab) -> None:
    for _ in range(3):
        await lab.clock.advance(TOPICS_CHECK_MS)


def shouting(lab, **settings):
    app = lab.app(topic_partitions=1, **settings)
    orders = app.topic(pattern="orders-.*", value_type=str, value_serializer="raw")
    out = app.topic("out", value_type=str, value_serializer="raw")

    @app.agent(orders)
    async def shout(stream):
        async for event in stream.events():
            await out.send(value=f"{event.message.topic}: {event.value}")

    return app


async def test_an_agent_reads_topics_that_come(lab):
    app = shouting(lab)
    await lab.send("orders-eu", b"a")
    await lab.start(app)
    await lab.send("orders-us", b"b")
    await look(lab)
    await lab.clock.advance(1_000)

    assert await lab.values("out") == [b"orders-eu: a", b"orders-us: b"]
    assert app.agents["shout"].get_topic_names() == ("orders-.*",)
    assert "(topics: orders-.*)" in app.describe()


async def test_an_agent_with_a_table_needs_them_dealt_out_anew(lab):
    app = lab.app(topic_partitions=2)
    counts = app.Table("counts", default=int)
    orders = app.topic(pattern="orders-.*", value_type=str, value_serializer="raw")

    @app.agent(orders, name="refused")
    async def count(stream):
        async for order in stream:
            counts[order] += 1

    with pytest.raises(
        ImproperlyConfigured, match=r"reads pattern 'orders-.*' and uses table 'counts'.*group_by"
    ):
        await lab.start(app)


async def test_agents_and_streams_may_share_a_pattern(lab):
    app = shouting(lab)
    app.stream(app.topic(pattern="orders-.*", value_type=str, value_serializer="raw")).to("copied")
    await lab.send("orders-eu", b"a")
    await lab.start(app)
    await lab.send("orders-us", b"b")
    await look(lab)

    assert await lab.values("out") == [b"orders-eu: a", b"orders-us: b"]
    assert await lab.values("copied") == [b"a", b"b"]


def test_a_pattern_is_read_in_one_way(lab):
    app = shouting(lab)
    app.stream(app.topic(pattern="orders-.*", value_type=int)).to("copied")

    with pytest.raises(ImproperlyConfigured, match=r"pattern 'orders-.*' is read in two ways"):
        app.topology({"out": 1})


async def test_a_version_by_pattern_does_not_mix_with_one_by_name(lab):
    named = lab.app(topic_partitions=1)
    named.stream("orders-eu").to("out")
    await lab.start(named)

    with pytest.raises(InconsistentGroupProtocolError, match=r"one of the versions reads topics by pattern"):
        await lab.start(counting(lab))
    assert named.running.runtime.failure is None


async def test_grouped_they_fill_tables(lab):
    app = lab.app(topic_partitions=2)
    counts = app.Table("counts", default=int)
    orders = app.topic(pattern="orders-.*", value_type=str, value_serializer="raw")

    @app.agent(orders.group_by(lambda order: order, name="order"))
    async def count(stream):
        async for order in stream:
            counts[order] += 1

    await lab.start(app)
    await lab.send("orders-eu", b"x", b"y")
    await look(lab)
    await lab.send("orders-us", b"x")
    await look(lab)
    await lab.clock.advance(1_000)

    assert counts["x"] == 2
    assert counts["y"] == 1


@pytest.mark.parametrize("given", [{}, {"pattern": "b.*"}, {"pattern": "b("}])
def test_a_topic_has_names_or_a_pattern(lab, given):
    names = ("a",) if given == {"pattern": "b.*"} else ()
    with pytest.raises(
        Misuse, match=r"needs the name of a topic, or several, or a pattern|regular expression"
    ):
        lab.app().topic(*names, **given)


async def test_a_topic_of_a_pattern_cannot_be_sent_to(lab):
    app = shouting(lab)
    topic = app.topic(pattern="orders-.*")
    with pytest.raises(ImproperlyConfigured, match="name one of them to send to"):
        topic.get_topic_name()
    assert topic.derive(value_type=int).pattern == topic.pattern


def counting(lab, pattern: str = "orders-.*", **settings):
    app = lab.app(topic_partitions=1, **settings)
    app.stream(re.compile(pattern), key_type=str, value_type=str).group_by_key().count(
        "counts"
    ).to_stream().to("out", value_type=int)
    return app


async def test_the_pattern_belongs_to_the_plan_not_its_topics(lab):
    await lab.send("orders-eu", b"a", key=b"k")
    assert str(await planned(counting(lab))) == (
        "  + source pattern orders-.*\n  + store counts (key_value, 1 partitions)"
    )
    app = counting(lab)
    await lab.start(app)
    await look(lab)
    await lab.stop(app)
    await lab.send("orders-us", b"a", key=b"k")

    assert str(await planned(counting(lab))) == "nothing changes"
    assert str(await planned(counting(lab, "orders-e.*"))) == (
        "  + source pattern orders-e.*\n  - source pattern orders-.*: the committed offsets of its topics stay"
    )


async def test_a_store_of_no_topics_yet_is_planned_as_such(lab):
    app = counting(lab)
    assert "store counts (key_value, no partitions yet)" in str(await planned(app))
    await lab.start(app)
    await lab.send("orders-eu", b"a", key=b"k")
    await look(lab)
    await lab.stop(app)

    again = counting(lab)
    assert str(await planned(again)) == "nothing changes"
    await lab.start(again)
    await lab.send("orders-eu", b"b", key=b"k")
    await look(lab)
    assert await lab.values("out") == [b"1", b"2"]


async def test_topics_of_another_number_of_partitions_are_refused_by_the_next_start(lab):
    app = counting(lab)
    await lab.send("orders-eu", b"a", key=b"k")
    await lab.start(app)
    await lab.stop(app)
    await _grow(lab, "orders-eu")

    with pytest.raises(DestructiveChange, match="was key_value, 1 partitions; now key_value, 2 partitions"):
        await lab.start(counting(lab))


async def _grow(lab, topic: str) -> None:
    wanted = CreatePartitionsTopic(name=topic, count=2)
    await lab.broker.broker.handle(CreatePartitionsRequest(topics=[wanted]))


async def test_a_reset_reads_all_that_match_anew(lab):
    app = counting(lab)
    await lab.send("orders-eu", b"a", key=b"k")
    await lab.start(app)
    await lab.clock.advance(1_000)
    await lab.stop(app)

    told = await reset(counting(lab), dry_run=False)

    assert "read orders-eu-0 from offset 0" in str(told)
    assert "delete topic shop-counts-changelog" in str(told)
    await lab.start(counting(lab))
    await lab.clock.advance(1_000)
    assert await lab.values("out") == [b"1", b"1"]
