"""Owns: that a broker is backed up while it serves, and that what is restored serves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streamz_core.broker.backup import back_up
from streamz_core.broker.broker import Broker
from streamz_core.clock import SystemClock
from streamz_core.log.backup import restore
from streamz_core.log.files import DiskFiles
from streamz_core.protocol import record_batch


async def test_a_broker_is_backed_up_while_it_takes_records(tmp_path: Any) -> None:
    files, path, target = DiskFiles(), f"{tmp_path}/data", f"{tmp_path}/backup"
    broker = await Broker.open(files, path, SystemClock())
    broker.directory.create_topic("t", 3, {"segment.bytes": "2000"})
    logs = [broker.log("t", index) for index in range(3)]
    stopping = False
    acknowledged = [0, 0, 0]

    async def produce(index: int) -> None:
        while not stopping:
            data = record_batch.encode([None], [b"x" * 100], [0])
            log = logs[index]
            assert log is not None
            appended = await broker.append(log, data)
            acknowledged[index] = appended.last_offset + 1

    producing = [asyncio.ensure_future(produce(index)) for index in range(3)]
    while min(acknowledged) < 30:
        await asyncio.sleep(0)
    before = list(acknowledged)
    summary = await back_up(broker, target)
    stopping = True
    await asyncio.gather(*producing)
    await broker.close()

    restore(files, target, f"{tmp_path}/restored")
    restored = await Broker.open(files, f"{tmp_path}/restored", SystemClock())
    for index in range(3):
        log = restored.log("t", index)
        assert log is not None
        assert log.log_end_offset == summary.partitions[f"t-{index}"]
        assert before[index] <= log.log_end_offset <= acknowledged[index]
        offset = 0
        while offset < log.log_end_offset:
            offset = record_batch.split(log.read(offset, 1 << 20, up_to=log.log_end_offset))[-1][
                1
            ].next_offset
    await restored.close()


async def test_a_producer_id_given_out_after_the_backup_is_not_given_out_again(open_broker: Any) -> None:
    talk = await open_broker()
    files = talk.broker.directory.files
    await back_up(talk.broker, "/backup")
    given = talk.broker.allocate_producer_id()

    restore(files, "/backup", "/restored")
    restored = await Broker.open(files, "/restored", talk.clock)

    assert restored.allocate_producer_id() > given
    await restored.close()


async def test_a_cancelled_backup_leaves_nothing(tmp_path: Any) -> None:
    broker = await Broker.open(DiskFiles(), f"{tmp_path}/data", SystemClock())
    broker.directory.create_topic("t", 1)
    backup = asyncio.ensure_future(back_up(broker, f"{tmp_path}/backup"))
    await asyncio.sleep(0)
    backup.cancel()
    with pytest.raises(asyncio.CancelledError):
        await backup
    await broker.close()

    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]
    assert not (tmp_path / "data" / "backup.tmp").exists()
