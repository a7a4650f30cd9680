"""A disk that fails under a commit: the producer never takes for undone what may be done, nor the reverse.

Given a disk whose n-th sync from the commit on fails, and all after it, then the commit succeeds, or the
producer may only abort and nothing is ever seen, or only ask the same again, until the directory is opened
anew; and what is seen then is the whole transaction or nothing of it.
"""

from __future__ import annotations

import errno
from typing import Any

import pytest

from streamz_core.broker.broker import Broker
from streamz_core.client import errors, local_link
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.model import TopicPartition
from streamz_core.testing.faulty_files import FAULTS, FaultyFiles
from streamz_core.testing.manual_clock import ManualClock

ADDRESS = "memory://transaction-faults"
T = TopicPartition("t", 0)


class Disk:
    """Files that fail on demand, and the broker on them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.files = MemoryFiles()
        self.faulty: FaultyFiles | None = None
        self.broker: Broker | None = None

    async def open(self, call: str | None = None, number: int = errno.EIO) -> None:
        files: Any = self.files
        if call is not None:
            fault = next(f for f in FAULTS if call in f.calls and f.errno == number and len(f.calls) <= 2)
            files = self.faulty = FaultyFiles(self.files, fault, at_call=0, persistent=True)
        self.broker = await Broker.open(files, "/data", self.clock)
        local_link.register(ADDRESS, self.broker)

    def fail_from(self, nth: int) -> None:
        assert self.faulty is not None
        self.faulty._at_call = self.faulty.calls + nth

    async def crash(self) -> None:
        assert self.broker is not None
        local_link.unregister(ADDRESS)
        await self.broker.abandon()

    async def read(self) -> tuple[list[bytes], int | None]:
        """What is committed: values of t, the offset of group g."""
        settings: Any = {"isolation_level": "read_committed", "auto_offset_reset": "earliest"}
        consumer = AIOKafkaConsumer("t", bootstrap_servers=ADDRESS, group_id="g", **settings)
        await self.clock.drive(consumer.start())
        committed = await self.clock.drive(consumer.committed(T))
        await self.clock.drive(consumer.seek_to_beginning(T))
        found = await self.clock.drive(consumer.getmany(timeout_ms=200))
        await self.clock.drive(consumer.stop())
        return [record.value for records in found.values() for record in records], committed


@pytest.fixture
async def disk() -> Any:
    disk = Disk()
    yield disk
    await disk.crash()


def make_producer() -> AIOKafkaProducer:
    return AIOKafkaProducer(bootstrap_servers=ADDRESS, transactional_id="x", request_timeout_ms=1_000)


async def started(disk: Disk) -> AIOKafkaProducer:
    producer = make_producer()
    await disk.clock.drive(producer.start())
    await producer.begin_transaction()
    await producer.send_and_wait("t", b"v")
    return producer


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
@pytest.mark.parametrize("with_offsets", [True, False])
async def test_a_sync_that_fails_under_a_commit(disk: Disk, nth: int, with_offsets: bool) -> None:
    await disk.open("datasync")
    producer = await started(disk)
    if with_offsets:
        await producer.send_offsets_to_transaction({T: 1}, "g")
    disk.fail_from(nth)

    may_be_seen = {True, False}
    try:
        await disk.clock.drive(producer.commit_transaction())
        may_be_seen = {True}
    except errors.KafkaTimeoutError:
        # It may be decided: nothing but the same may be asked for.
        with pytest.raises(errors.IllegalOperation, match=r"call commit_transaction\(\) again"):
            await producer.abort_transaction()
        with pytest.raises(errors.IllegalOperation, match=r"call commit_transaction\(\) again"):
            await producer.begin_transaction()
        with pytest.raises(errors.KafkaTimeoutError, match="not known"):
            await disk.clock.drive(producer.commit_transaction())
    except errors.KafkaError as failed:
        may_be_seen = {False}
        with pytest.raises(type(failed)):
            await producer.commit_transaction()
        with pytest.raises((errors.KafkaTimeoutError, errors.KafkaError)):
            await disk.clock.drive(producer.abort_transaction())
    await disk.clock.drive(producer.stop())
    assert nth > 1 or may_be_seen != {True}

    await disk.crash()
    await disk.open()
    async with make_producer():
        values, offset = await disk.read()
    assert values in ([], [b"v"])
    assert (offset is not None) == (with_offsets and values != [])
    assert (values != []) in may_be_seen


async def test_a_full_disk_leaves_the_choice_to_abort(disk: Disk) -> None:
    await disk.open("write_at", errno.ENOSPC)
    producer = await started(disk)
    disk.fail_from(1)
    with pytest.raises(errors.KafkaError, match="KAFKA_STORAGE_ERROR"):
        await disk.clock.drive(producer.commit_transaction())
    assert disk.faulty is not None
    disk.faulty.heal()

    await disk.clock.drive(producer.abort_transaction())
    async with producer.transaction():
        await producer.send("t", b"next")
    await disk.clock.drive(producer.stop())

    assert await disk.read() == ([b"next"], None)


async def test_offsets_that_got_no_answer_keep_the_transaction_from_being_committed(
    disk: Disk, monkeypatch: Any
) -> None:
    """Else its records could be committed without the offsets they came from."""
    await disk.open()
    producer = await started(disk)

    async def late(*arguments: Any, **options: Any) -> Any:
        raise errors.KafkaTimeoutError("no answer")

    with monkeypatch.context() as slow:
        slow.setattr("streamz_core.client.request.Requests.settled", late)
        with pytest.raises(errors.KafkaTimeoutError):
            await producer.send_offsets_to_transaction({T: 1}, "g")
    with pytest.raises(errors.KafkaTimeoutError):
        await producer.commit_transaction()
    await producer.abort_transaction()
    await disk.clock.drive(producer.stop())

    assert await disk.read() == ([], None)
