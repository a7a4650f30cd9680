"""``plan``, refusing to start where state would be lost, and ``reset``, by real logs in memory and on disk."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streamz_core.app.app import App
from streamz_core.app.command_line import command_line
from streamz_core.app.planning import DestructiveChange
from streamz_core.app.reset import StillRunning, reset
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import ConfigResource
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.protocol.messages.configs import ConfigResourceType


def counting(address: str, store: str = "counts", **settings: Any) -> App:
    app = App("views", broker=address, broker_commit_interval=0.01, **settings)
    stream = app.stream("views", key_type=str, value_type=str).group_by(lambda _, page: page, "by-page")
    stream.count(store).to_stream().to("counted", value_type=int)
    return app


async def send(address: str, *pages: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address)
    await producer.start()
    for page in pages:
        await producer.send_and_wait("views", page.encode(), key=b"user")
    await producer.stop()


async def counted(address: str, records: int) -> list[int]:
    """The first so many results."""
    consumer = AIOKafkaConsumer(
        "counted", bootstrap_servers=address, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    await consumer.start()
    found = [int((await consumer.getone()).value or b"") for _ in range(records)]
    await consumer.stop()
    return found


async def run(app: App, address: str, records: int) -> list[int]:
    async with app:
        return await asyncio.wait_for(counted(address, records), 20)


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"file://{tmp_path}/data"


def invoke(app: App, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command_line(app), list(arguments))
    return result.exit_code, result.output


def test_plan_and_a_version_that_would_lose_state(address: str) -> None:
    code, said = invoke(counting(address), "plan")
    assert code == 0
    assert "  + source topic views" in said
    assert "  + internal topic views-by-page-repartition (1 partitions)" in said
    assert "  + store counts (key_value, 1 partitions)" in said

    asyncio.run(_start_and_stop(counting(address)))
    assert invoke(counting(address), "plan") == (0, "nothing changes\n")

    code, said = invoke(counting(address, "totals"), "plan")
    assert code == 3
    assert "! - store counts" in said
    assert "renamed to totals?" in said
    with pytest.raises(DestructiveChange, match="store counts"):
        asyncio.run(_start_and_stop(counting(address, "totals")))
    asyncio.run(_start_and_stop(counting(address, "totals", accept_destructive=True)))
    assert invoke(counting(address, "totals"), "plan") == (0, "nothing changes\n")
    # What was let go of is still there to be deleted.
    assert "delete topic views-counts-changelog" in invoke(counting(address, "totals"), "reset")[1]


async def _start_and_stop(app: App) -> None:
    async with app:
        pass


def test_agents_tables_are_part_of_it(address: str) -> None:
    def made(name: str) -> App:
        app = App("agents", broker=address)
        table = app.Table(name, default=int)

        @app.agent(app.topic("views"))
        async def count(stream: Any) -> None:
            async for _ in stream:
                table["all"] += 1

        return app

    asyncio.run(_start_and_stop(made("one")))
    assert invoke(made("two"), "plan")[0] == 3


def tabled(address: str, value_type: Any = str, **settings: Any) -> App:
    app = App("shop", broker=address, **settings)
    app.table(app.topic("users", key_type=str, value_type=value_type, config={"cleanup.policy": "compact"}))
    return app


def test_a_topic_that_is_a_changelog_must_stay_one(address: str) -> None:
    asyncio.run(_start_and_stop(tabled(address)))
    assert invoke(tabled(address), "plan") == (0, "nothing changes\n")

    asyncio.run(_configure(address, "users", {"cleanup.policy": "delete", "retention.ms": "1000"}))
    code, said = invoke(tabled(address), "plan")
    assert code == 3
    assert "! ~ store users: topic users was its changelog, and would be it no more: it begins empty" in said
    with pytest.raises(DestructiveChange, match=r"cleanup\.policy=compact"):
        asyncio.run(_start_and_stop(tabled(address)))

    asyncio.run(_configure(address, "users", {"cleanup.policy": "compact"}))
    asyncio.run(_start_and_stop(tabled(address)))


def test_a_plan_names_types_that_change(address: str) -> None:
    asyncio.run(_start_and_stop(tabled(address)))

    code, said = invoke(tabled(address, int), "plan")
    assert code == 0
    assert said == (
        "  ~ store users: had str (UTF-8 text) to str (UTF-8 text), now str (UTF-8 text) to int (decimal digits), "
        "which must be able to read it\n"
    )


async def _configure(address: str, topic: str, config: dict[str, str]) -> None:
    async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=config)])


async def test_reset_begins_anew(address: str) -> None:
    async with counting(address) as app:
        await send(address, "a", "a", "b")
        await asyncio.wait_for(counted(address, 1), 20)
        with pytest.raises(StillRunning, match="stop all of its instances"):
            await reset(app)

    shown = await reset(counting(address))
    assert "delete topic views-counts-changelog" in str(shown)
    assert "delete topic views-by-page-repartition" in str(shown)
    assert "read views-0 from offset 0" in str(shown)
    assert shown.topics[-1] == "views-topology"
    assert await reset(counting(address)) == shown, "a dry run changes nothing"

    assert shown.state is not None
    assert Path(shown.state).exists()
    await reset(counting(address), dry_run=False)
    assert not Path(shown.state).exists()
    assert (await reset(counting(address))).topics == ()

    before = await _totals(address)
    async with counting(address):
        async with asyncio.timeout(20):
            while (now := await _totals(address)) == before:
                await asyncio.sleep(0)
    # All over again, from nothing: no count goes on from where it was.
    assert max(now) <= 2


async def _totals(address: str) -> list[int]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address, auto_offset_reset="earliest", isolation_level="read_committed"
    )
    from streamz_core.model import TopicPartition

    partition = TopicPartition("counted", 0)
    consumer.assign([partition])
    await consumer.start()
    found: list[int] = []
    end = (await consumer.end_offsets([partition]))[partition]
    while await consumer.position(partition) < end:
        for records in (await consumer.getmany(timeout_ms=100)).values():
            found += [int(record.value or b"") for record in records]
    await consumer.stop()
    return found


def test_the_command_line_of_reset(address: str) -> None:
    asyncio.run(_start_and_stop(counting(address)))

    code, said = invoke(counting(address), "reset")
    assert code == 0
    assert "delete topic views-counts-changelog" in said
    assert "Nothing was changed" in said
    code, said = invoke(counting(address), "reset", "--execute", "--to-latest")
    assert code == 0
    assert "Nothing was changed" not in said
    assert "store counts" in invoke(counting(address), "plan")[1]
