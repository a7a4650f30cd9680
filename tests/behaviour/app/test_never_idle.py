"""An app that works on nothing does not look alive: its failure reaches the program, whatever made it."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from streamz_core.app.app import App
from streamz_core.streams.runtime.failures import RecordFailed, TaskFailed
from streamz_core.streams.runtime.topics import MissingTopic


def failing(name):
    app = App(name, broker=f"memory://{name}")
    topic = app.topic("views", value_type=str)

    @app.agent(topic)
    async def fail(stream):
        async for value in stream:
            raise ValueError(value)

    return app, topic


async def test_the_failure_of_an_app_ends_the_body_of_its_scope():
    app, topic = failing("ends-body")
    with pytest.raises(RecordFailed, match="offset 0"):
        async with app:
            await topic.send(value="bad")
            await asyncio.Event().wait()

    assert asyncio.current_task().cancelling() == 0


async def test_a_body_that_ends_by_an_error_of_its_own_keeps_it():
    app, topic = failing("own-error")
    with pytest.raises(KeyError):
        async with app:
            await topic.send(value="bad")
            try:
                await asyncio.Event().wait()
            finally:
                raise KeyError


async def test_a_cancellation_from_outside_stays_one():
    app, topic = failing("outside")

    async def body():
        async with app:
            asyncio.current_task().cancel()
            await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(body())


async def change(lab, work):
    admin = AIOKafkaAdminClient(bootstrap_servers=lab.broker.address)
    await lab.clock.drive(admin.start())
    await lab.clock.drive(work(admin))
    await lab.clock.drive(admin.close())


async def running(lab):
    app = lab.app()

    @app.agent(app.topic("views", value_type=str, partitions=2))
    async def read(stream):
        async for _ in stream:
            pass

    await lab.start(app)
    return app


async def test_an_app_whose_topic_is_deleted_fails(lab):
    app = await running(lab)
    await change(lab, lambda admin: admin.delete_topics(["views"]))

    reason = await lab.clock.drive(app.wait_failed())
    assert isinstance(reason, MissingTopic)
    assert "views" in str(reason)


async def test_an_app_whose_topic_has_grown_fails_instead_of_leaving_partitions_unread(lab):
    app = await running(lab)
    await change(lab, lambda admin: admin.create_partitions({"views": NewPartitions(4)}))

    reason = await lab.clock.drive(app.wait_failed())
    assert isinstance(reason, TaskFailed)
    assert "'views' has 4 partitions instead of 2" in str(reason)
