"""An app that works on nothing does not look alive: its failure reaches the program, whatever made it."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from streamz_core.app.app import App
from streamz_core.model import TopicPartition
from streamz_core.streams.runtime.failures import RecordFailed, TaskFailed
from streamz_core.streams.runtime.offsets import OffsetOutOfRange
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

    async def body():
        async with app:
            await topic.send(value="bad")
            await asyncio.Event().wait()

    with pytest.raises(RecordFailed, match="offset 0"):
        await body()
    assert asyncio.current_task().cancelling() == 0


async def test_a_body_that_ends_by_an_error_of_its_own_keeps_it():
    app, topic = failing("own-error")

    async def body():
        async with app:
            await topic.send(value="bad")
            try:
                await asyncio.Event().wait()
            finally:
                raise KeyError

    with pytest.raises(KeyError):
        await body()


async def test_a_cancellation_from_outside_stays_one():
    app, _ = failing("outside")

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


async def test_what_retention_deleted_unread_fails_the_app_unless_it_says_where_to_go_on(lab):
    seen = []

    def reader(**settings):
        app = lab.app(**settings)

        @app.agent(app.topic("views", value_type=str))
        async def read(stream):
            async for value in stream:
                seen.append(value)

        return app

    app = reader()
    await lab.start(app)
    await lab.send("views", b"a", b"b", b"c")
    await lab.clock.advance(500)
    await lab.stop(app)
    await lab.send("views", b"d", b"e", b"f")
    records = {TopicPartition("views", 0): RecordsToDelete(before_offset=5)}
    await change(lab, lambda admin: admin.delete_records(records))

    with pytest.raises(OffsetOutOfRange, match="consumer_offset_out_of_range"):
        await lab.start(reader())
    app = reader(consumer_offset_out_of_range="earliest")
    await lab.start(app)
    while "f" not in seen:
        await lab.clock.advance(100)
    assert seen == ["a", "b", "c", "f"]


@pytest.mark.parametrize("name", ["default", "d", "p"])
async def test_a_table_may_have_any_name(tmp_path, name):
    async def live(life):
        app = App("names", broker=f"file://{tmp_path}/data", durability="os")
        topic = app.topic("views", value_type=str)
        table = app.Table(name, default=int)

        @app.agent(topic)
        async def count(stream):
            async for value in stream:
                table[value] += 1

        async with app:
            await topic.send(value="a")
            while table["a"] < life:
                await asyncio.sleep(0.01)

    await live(1)
    await live(2)
