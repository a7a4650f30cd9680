"""Partitions are added to what an app reads: nothing is computed wrong; where it cannot go on it says what helps."""

from __future__ import annotations

from collections import Counter

import pytest

from streamz_core.app.planning import DestructiveChange
from streamz_core.protocol.messages.create_partitions import CreatePartitionsRequest, CreatePartitionsTopic
from streamz_core.streams import Repartitioned
from streamz_core.streams.runtime.failures import TaskFailed
from streamz_core.streams.runtime.runtime import TOPICS_CHECK_MS

KEYS = [f"k{number}".encode() for number in range(12)]
"""So many that some are in another partition of four than of two."""


async def grow(lab, topic: str = "in") -> None:
    wanted = CreatePartitionsTopic(name=topic, count=4)
    answer = await lab.broker.broker.handle(CreatePartitionsRequest(topics=[wanted]))
    assert not answer.results[0].error_code


async def send_all(lab) -> None:
    for key in KEYS:
        await lab.send("in", b"x", key=key)


async def latest(lab) -> dict[bytes, bytes]:
    await lab.clock.advance(1_000)
    values = Counter((record.key, record.value) for record in await lab.read("out"))
    assert max(values.values()) == 1, "each result once"
    return {key: max(value for other, value in values if other == key) for key, _ in values}


def counting(lab, *, partitions: int | None = None):
    app = lab.app(topic_partitions=2)
    orders = app.stream("in", key_type=str, value_type=str)
    if partitions is not None:
        orders = orders.repartition(Repartitioned.as_("again").with_number_of_partitions(partitions))
    orders.group_by_key().count("n").to_stream().to("out", value_type=int)
    return app


def regrouping(lab):
    app = lab.app(topic_partitions=2)
    groups = app.stream("in", key_type=str, value_type=str).group_by(
        lambda key, _: key, "by-key", key_type=str
    )
    groups.count("n").to_stream().to("out", value_type=int)
    return app


def regrouping_agent(lab):
    app = lab.app(topic_partitions=2)
    totals = app.Table("totals", default=int, key_type=str)
    orders = app.topic("in", value_type=str, value_serializer="raw")

    @app.agent(orders.group_by(lambda value: value, name="value"))
    async def count(stream):
        async for order in stream:
            totals[order] += 1

    app.totals = totals
    return app


async def run_and_grow(lab, app) -> None:
    await lab.start(app)
    await send_all(lab)
    await lab.clock.advance(1_000)
    await grow(lab)
    for _ in range(2):
        await lab.clock.advance(TOPICS_CHECK_MS)


async def test_an_app_that_runs_says_that_it_must_be_started_again(lab):
    app = regrouping(lab)
    await run_and_grow(lab, app)

    failure = app.running.runtime.failure
    assert isinstance(failure, TaskFailed)
    assert "'in' has 4 partitions instead of 2 since the app was started; start it again" in str(failure)


async def test_what_is_dealt_out_anew_goes_on(lab):
    app = regrouping(lab)
    await run_and_grow(lab, app)
    await lab.stop(app)
    await lab.start(regrouping(lab))
    await send_all(lab)

    assert await latest(lab) == dict.fromkeys(KEYS, b"2")


async def test_and_so_do_agents(lab):
    app = regrouping_agent(lab)
    await run_and_grow(lab, app)
    await lab.stop(app)
    again = regrouping_agent(lab)
    await lab.start(again)
    await send_all(lab)
    await lab.clock.advance(1_000)

    assert again.totals["x"] == 2 * len(KEYS)


async def test_a_store_says_what_helps_and_that_helps(lab):
    app = counting(lab)
    await run_and_grow(lab, app)
    await lab.stop(app)
    with pytest.raises(DestructiveChange, match=r"repartition\(\) with 2 partitions in front of it"):
        await lab.start(counting(lab))

    await lab.start(counting(lab, partitions=2))
    await send_all(lab)

    assert await latest(lab) == dict.fromkeys(KEYS, b"2")


async def test_a_global_table_does_not_go_on_without_the_new_ones(lab):
    app = lab.app(topic_partitions=2)
    places = app.global_table("in", key_type=str, value_type=str)
    orders = app.stream("orders", key_type=str, value_type=str)
    orders.join(places, lambda key, _: key, lambda order, place: f"{order} {place}").to("out", value_type=str)
    await run_and_grow(lab, app)

    with pytest.raises(TaskFailed, match="'in' has 4 partitions instead of 2"):
        raise app.running.runtime.failure
