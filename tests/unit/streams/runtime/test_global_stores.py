"""Global stores that a processor fills, over restarts: each record is handled once."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from streamz_core import App
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.state.folded import FoldedStore
from streamz_core.state.memory import MemoryStore
from streamz_core.streams import Processor, Record, Stores
from streamz_core.testing.memory_broker import MemoryBroker


class CountByValue(Processor):
    """Not idempotent: a record that is handled twice is counted twice."""

    def process(self, record: Record) -> None:
        store = self.context.get_state_store("counts")
        store.put(record.value, store.get(record.value, 0) + 1)


@pytest.fixture
async def broker() -> AsyncIterator[MemoryBroker]:
    made = MemoryBroker("global-stores")
    await made.start()
    yield made
    await made.stop()


async def counts(broker: MemoryBroker, directory: Path, restored: list[Any] | None = None) -> dict[str, int]:
    """What an app has that is started now, and stopped again."""
    app = App("shop", broker=broker.address, topic_partitions=3, datadir=str(directory))
    store = Stores.key_value_store("counts", key_type=str, value_type=int)
    app.add_global_store(store, app.topic("seen", key_type=str, value_type=str), CountByValue)
    app.stream("in").to("out")
    if restored is not None:
        app.on_restore(restored.append)
    await app.start()
    found = dict(app.store("counts").all())
    await app.stop()
    return found


async def send(broker: MemoryBroker, count: int, **producer: Any) -> None:
    sending = AIOKafkaProducer(bootstrap_servers=broker.address, **producer)
    await sending.start()
    if producer:
        await sending.begin_transaction()
    for number in range(count):
        await sending.send_and_wait("seen", b"x" if number % 2 else b"y", key=b"%d" % number)
    if producer:
        await sending.commit_transaction()
    await sending.stop()


async def test_each_record_is_handled_once_over_restarts(broker: MemoryBroker, tmp_path: Path) -> None:
    assert await counts(broker, tmp_path) == {}
    await send(broker, 10)
    restored: list[Any] = []
    assert await counts(broker, tmp_path, restored) == {"x": 5, "y": 5}
    assert sum(progress.records for progress in restored if progress.phase.value == "end") == 10

    await send(broker, 4, transactional_id="sender")
    assert await counts(broker, tmp_path) == {"x": 7, "y": 7}
    assert await counts(broker, tmp_path) == {"x": 7, "y": 7}


async def test_what_was_made_of_another_history_is_made_anew(
    broker: MemoryBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert await counts(broker, tmp_path) == {}
    await send(broker, 10)
    assert await counts(broker, tmp_path) == {"x": 5, "y": 5}
    other = MemoryBroker("another")
    await other.start()
    with caplog.at_level(logging.WARNING):
        assert await counts(other, tmp_path) == {}
    await other.stop()


def test_entries_and_positions_are_written_together_and_do_not_meet() -> None:
    backend = MemoryStore("counts")
    store = FoldedStore(backend)
    assert store.position_of(1) == -1

    store.stand_at(1, 17)
    store.write([(b"a", b"1"), (b"p1", b"2")], 0)

    again = FoldedStore(backend)
    assert (again.position_of(1), again.position(), again.approximate_count()) == (17, 17, 2)
    assert list(again.scan()) == [(b"a", b"1"), (b"p1", b"2")]
    assert list(again.scan(b"b", reverse=True)) == [(b"p1", b"2")]
    assert again.get_many([b"p1", b"1"]) == [b"2", None]
    again.clear()
    assert (again.position_of(1), list(again.scan())) == (-1, [])
