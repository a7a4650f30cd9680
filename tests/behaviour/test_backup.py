"""Owns: that programs go on from a restored backup: groups where they had committed, transactions whole."""

from __future__ import annotations

from typing import Any

from streamz_core.aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from streamz_core.client.local_link import backup, open_link
from streamz_core.log.backup import restore
from streamz_core.log.files import DiskFiles

T = TopicPartition("t", 0)


async def values(address: str, **options: Any) -> list[bytes]:
    consumer = AIOKafkaConsumer("t", bootstrap_servers=address, auto_offset_reset="earliest", **options)
    found: list[bytes] = []
    async with consumer:
        while await consumer.position(T) < (await consumer.end_offsets([T]))[T]:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                found += [record.value for record in records]
        if options.get("group_id"):
            await consumer.commit()
    return found


async def test_a_program_goes_on_from_a_restored_backup(tmp_path: Any) -> None:
    address, restored = f"file://{tmp_path}/data", f"file://{tmp_path}/restored"
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        await producer.send_and_wait("t", b"read before", partition=0)
    assert await values(address, group_id="g") == [b"read before"]
    transactional = AIOKafkaProducer(bootstrap_servers=address, transactional_id="x")
    async with transactional:
        async with transactional.transaction():
            await transactional.send_and_wait("t", b"committed", partition=0)
        await transactional.begin_transaction()
        await transactional.send_and_wait("t", b"never", partition=0)
        link = await open_link(address)
        await backup(link, f"{tmp_path}/backup")
        await link.close()
        await transactional.commit_transaction()

    restore(DiskFiles(), f"{tmp_path}/backup", f"{tmp_path}/restored")
    async with (
        AIOKafkaProducer(bootstrap_servers=restored, transactional_id="x") as again,
        again.transaction(),
    ):
        await again.send_and_wait("t", b"after", partition=0)

    assert await values(restored, group_id="g", isolation_level="read_committed") == [b"committed", b"after"]
