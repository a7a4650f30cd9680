"""Global tables over restarts: files are gone on from, are one process's, and are thrown away when damaged."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streamz_core import App
from streamz_core.aio.deadline import sleep
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.errors import Misuse
from streamz_core.streams.runtime.topics import MissingTopic
from streamz_core.testing.memory_broker import MemoryBroker


@pytest.fixture
async def broker() -> AsyncIterator[MemoryBroker]:
    made = MemoryBroker("globals")
    await made.start()
    yield made
    await made.stop()


def app_of(broker: MemoryBroker, directory: Path | None) -> App:
    where = {} if directory is None else {"datadir": str(directory)}
    app = App("shop", broker=broker.address, topic_partitions=2, **where)
    users = app.global_table("users", key_type=str, value_type=str)
    orders = app.stream("orders", key_type=str, value_type=str)
    orders.left_join(users, lambda key, user: user, "{}={}".format, value_type=str).to("out")
    return app


async def send(broker: MemoryBroker, topic: str, **records: str | None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.address)
    await producer.start()
    for key, value in records.items():
        await producer.send_and_wait(topic, None if value is None else value.encode(), key=key.encode())
    await producer.stop()


async def results(broker: MemoryBroker, count: int) -> list[str]:
    consumer = AIOKafkaConsumer("out", bootstrap_servers=broker.address, auto_offset_reset="earliest")
    await consumer.start()
    found: list[str] = []
    while len(found) < count:
        for records in (await consumer.getmany(timeout_ms=1_000)).values():
            found += [record.value.decode() for record in records]
    await consumer.stop()
    return sorted(found)


async def test_the_copy_goes_on_from_its_files(broker: MemoryBroker, tmp_path: Path) -> None:
    first = app_of(broker, tmp_path)
    await first.start()
    await first.stop()
    await send(broker, "users", u="Ann", v="Bob", w="Eve")

    second = app_of(broker, tmp_path)
    await second.start()
    await send(broker, "orders", one="u", two="w")
    assert await results(broker, 2) == ["u=Ann", "w=Eve"]
    await second.stop()
    await send(broker, "users", v="Bea", w=None)

    third = app_of(broker, tmp_path)
    await third.start()
    store = third.running.runtime.global_tables["users"]  # type: ignore[union-attr]
    assert dict(store.items()) == {"u": "Ann", "v": "Bea"}
    assert store.get("w") is None
    await third.stop()
    assert (tmp_path / "shop" / "global").exists()


async def test_the_topic_is_read_to_its_end_before_any_task_runs(broker: MemoryBroker) -> None:
    first = app_of(broker, None)
    await first.start()
    await first.stop()
    await send(broker, "users", **{f"u{number}": "x" for number in range(200)})
    await send(broker, "orders", **{f"o{number}": f"u{number}" for number in range(200)})

    second = app_of(broker, None)
    await second.start()
    assert await results(broker, 200) == sorted(f"u{number}=x" for number in range(200))
    await second.stop()


async def test_updates_come_while_it_runs(broker: MemoryBroker) -> None:
    app = app_of(broker, None)
    await app.start()
    store = app.running.runtime.global_tables["users"]  # type: ignore[union-attr]
    assert store.get("u") is None
    await send(broker, "users", u="Ann")
    while store.get("u") is None:
        await sleep(broker.clock, 1)
    assert store.get("u") == "Ann"
    await app.stop()


async def test_another_process_with_the_files_keeps_its_copy_in_memory(
    broker: MemoryBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = app_of(broker, tmp_path), app_of(broker, tmp_path)
    await first.start()
    await send(broker, "users", u="Ann")
    with caplog.at_level(logging.WARNING):
        await second.start()

    assert second.running.runtime.global_tables["users"].get("u") == "Ann"  # type: ignore[union-attr]
    assert "keeps its copy in memory" in caplog.text
    await first.stop()
    await second.stop()


async def test_damaged_files_are_read_again(broker: MemoryBroker, tmp_path: Path) -> None:
    first = app_of(broker, tmp_path)
    await first.start()
    await send(broker, "users", u="Ann")
    await first.stop()
    for path in (tmp_path / "shop" / "global").rglob("MANIFEST*"):
        path.write_bytes(b"damaged")

    second = app_of(broker, tmp_path)
    await second.start()
    assert second.running.runtime.global_tables["users"].get("u") == "Ann"  # type: ignore[union-attr]
    await second.stop()


async def test_what_is_not_there_is_named(broker: MemoryBroker) -> None:
    app = app_of(broker, None)
    await app.start()
    runtime = app.running.runtime
    assert runtime is not None
    with pytest.raises(Misuse, match=r"no global table 'x' .*users"):
        runtime._globals.store("x")  # type: ignore[union-attr]
    await app.stop()
    assert issubclass(MissingTopic, Misuse)
