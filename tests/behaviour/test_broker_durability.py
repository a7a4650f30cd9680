"""Durable before acknowledged and before visible, with few syncs; one failing disk is one partition's.

The files here are in memory, but block like a disk: a test decides when a sync returns, and how.
"""

from __future__ import annotations

import asyncio
import errno
import threading
from typing import TYPE_CHECKING, Any

import pytest

from streamz_core.broker.broker import Broker
from streamz_core.broker.config import BrokerConfig
from streamz_core.errors import ErrorCode
from streamz_core.log.config import TopicConfig
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol import record_batch
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from streamz_core.protocol.messages.fetch import (
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchTopic,
)
from streamz_core.protocol.messages.offset_commit import (
    OffsetCommitPartition,
    OffsetCommitRequest,
    OffsetCommitTopic,
)
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchRequest,
    OffsetFetchTopic,
)
from streamz_core.protocol.messages.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    TopicProduceData,
)
from streamz_core.testing.manual_clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streamz_core.log.files import File


class SlowFiles:
    """In-memory files whose syncs of segments wait for ``gate`` and are counted."""

    blocks = True

    def __init__(self) -> None:
        self._inner = MemoryFiles()
        self.gate = threading.Event()
        self.gate.set()
        self.syncs = 0
        self.started = threading.Event()
        self.bad_directory: str | None = None
        self.is_full = False

    def open(self, path: str, **options: Any) -> Any:
        return SlowFile(self, self._inner.open(path, **options), path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class SlowFile:
    def __init__(self, files: SlowFiles, inner: File, path: str) -> None:
        self._files = files
        self._inner = inner
        self._path = path

    def datasync(self) -> None:
        if self._path.endswith(".log"):
            self._files.syncs += 1
            self._files.started.set()
            assert self._files.gate.wait(10)
            bad = self._files.bad_directory
            if bad is not None and f"/{bad}/" in self._path:
                raise OSError(errno.EIO, "EIO", self._path)
        self._inner.datasync()

    def write_at(self, position: int, data: Any) -> None:
        if self._files.is_full:
            raise OSError(errno.ENOSPC, "ENOSPC", self._path)
        self._inner.write_at(position, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Served:
    def __init__(self, broker: Broker, files: SlowFiles, clock: ManualClock) -> None:
        self.broker = broker
        self.files = files
        self.clock = clock

    async def produce(self, value: bytes, *, partition: int = 0, **options: Any) -> PartitionProduceResponse:
        records = record_batch.encode([None], [value], [self.clock.now_ms()])
        data = PartitionProduceData(index=partition, records=records)
        request = ProduceRequest(topic_data=[TopicProduceData(name="t", partition_data=[data])], **options)
        return (await self.broker.handle(request)).responses[0].partition_responses[0]

    async def fetch(self, *, partition: int = 0, max_wait_ms: int = 0) -> FetchPartitionResponse:
        asked = FetchPartition(partition=partition, fetch_offset=0)
        request = FetchRequest(topics=[FetchTopic(topic="t", partitions=[asked])], max_wait_ms=max_wait_ms)
        return (await self.broker.handle(request)).responses[0].partitions[0]

    async def commit(self, **offsets: int) -> dict[int, ErrorCode]:
        """``p0=1``: offset 1 of partition 0."""
        topics = [
            OffsetCommitTopic(
                name="t",
                partitions=[
                    OffsetCommitPartition(partition_index=int(name[1:]), committed_offset=offset)
                    for name, offset in offsets.items()
                ],
            )
        ]
        answer = await self.broker.handle(OffsetCommitRequest(group_id="g", topics=topics))
        return {one.partition_index: one.error_code for one in answer.topics[0].partitions}

    async def sync_started(self) -> None:
        await asyncio.to_thread(self.files.started.wait, 10)
        self.files.started.clear()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    files, clock = SlowFiles(), ManualClock()
    broker = await Broker.open(files, "/data", clock, BrokerConfig())
    await broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name="t", num_partitions=3)]))
    files.syncs = 0
    files.started.clear()
    yield Served(broker, files, clock)
    files.gate.set()
    files.bad_directory, files.is_full = None, False
    await broker.close()


async def test_nothing_is_visible_or_acknowledged_before_it_is_durable(served: Served) -> None:
    served.files.gate.clear()
    producing = asyncio.create_task(served.produce(b"a"))
    await served.sync_started()

    polled = await served.fetch()
    polling = asyncio.create_task(served.fetch(max_wait_ms=10_000))
    await asyncio.sleep(0)
    assert (bytes(polled.records), polled.high_watermark) == (b"", 0)
    assert not producing.done()
    assert not polling.done()

    served.files.gate.set()
    assert (await producing).base_offset == 0
    assert (await polling).high_watermark == 1


async def test_what_needs_no_sync_is_visible_when_written(served: Served) -> None:
    served.files.gate.clear()

    assert (await served.produce(b"a", acks=1)).error_code is ErrorCode.NONE
    assert (await served.fetch()).high_watermark == 1
    assert served.files.syncs == 0


async def test_what_comes_after_an_undurable_record_waits_for_it_to_be_visible(served: Served) -> None:
    served.files.gate.clear()
    producing = asyncio.create_task(served.produce(b"durable"))
    await served.sync_started()

    assert (await served.produce(b"written", acks=1)).base_offset == 1
    assert (await served.fetch()).high_watermark == 0

    served.files.gate.set()
    await producing
    assert (await served.fetch()).high_watermark == 2


async def test_a_hundred_producers_cost_one_sync(served: Served) -> None:
    answers = await asyncio.gather(*(served.produce(b"x") for _ in range(100)))

    assert sorted(answer.base_offset for answer in answers) == list(range(100))
    assert served.files.syncs == 1


async def test_producers_that_come_during_a_sync_share_the_next(served: Served) -> None:
    served.files.gate.clear()
    first = asyncio.create_task(served.produce(b"x"))
    await served.sync_started()
    others = [asyncio.create_task(served.produce(b"x")) for _ in range(100)]
    await asyncio.sleep(0)
    served.files.gate.set()

    await asyncio.gather(first, *others)

    assert served.files.syncs == 2


async def test_one_failing_disk_is_one_partitions(served: Served) -> None:
    assert (await served.produce(b"old", partition=1)).error_code is ErrorCode.NONE
    served.files.bad_directory = "t-1"

    answers = await asyncio.gather(*(served.produce(b"x", partition=number) for number in range(3)))
    served.files.bad_directory = None
    again = await served.produce(b"x", partition=1)

    assert [answer.error_code for answer in answers] == [
        ErrorCode.NONE,
        ErrorCode.KAFKA_STORAGE_ERROR,
        ErrorCode.NONE,
    ]
    assert "t-1" in answers[1].error_message
    assert again.error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert (await served.produce(b"x", partition=0)).base_offset == 1
    frozen = await served.fetch(partition=1)
    assert frozen.high_watermark == 1
    assert record_batch.decode(frozen.records).values == [b"old"]


async def test_appends_resume_when_there_is_space_again(served: Served) -> None:
    await served.produce(b"before")
    served.files.is_full = True
    refused = await served.produce(b"full")
    readable = await served.fetch()
    served.files.is_full = False

    assert refused.error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert "space" in refused.error_message
    assert readable.high_watermark == 1
    assert (await served.produce(b"after")).base_offset == 1


async def test_a_commit_does_not_outlive_the_records_it_passes_over(served: Served) -> None:
    """Else a power cut takes the records and not the commit, and the group passes over the next ones."""
    for partition in range(2):
        await served.produce(b"a", partition=partition, acks=1)
    logs = [served.broker.log("t", partition) for partition in range(2)]

    assert await served.commit(p0=1, p1=0) == {0: ErrorCode.NONE, 1: ErrorCode.NONE}

    assert [log.durable_offset for log in logs if log] == [1, 0]


async def test_what_cannot_be_made_durable_cannot_be_committed(served: Served) -> None:
    for partition in range(2):
        await served.produce(b"a", partition=partition, acks=1)
    served.files.bad_directory = "t-1"

    assert await served.commit(p0=1, p1=1) == {0: ErrorCode.NONE, 1: ErrorCode.KAFKA_STORAGE_ERROR}
    topics = [OffsetFetchTopic(name="t", partition_indexes=[0, 1])]
    asked = OffsetFetchRequest(groups=[OffsetFetchGroup(group_id="g", topics=topics)])
    (found,) = (await served.broker.handle(asked)).groups
    assert [one.committed_offset for one in found.topics[0].partitions] == [1, -1]


async def test_a_producer_is_told_when_its_time_is_up(served: Served) -> None:
    served.files.gate.clear()
    producing = asyncio.create_task(served.produce(b"a", timeout_ms=200))
    await served.sync_started()
    await served.clock.advance(200)

    answer = await producing
    served.files.gate.set()
    later = await served.produce(b"b")

    assert answer.error_code is ErrorCode.REQUEST_TIMED_OUT
    assert "200 ms" in answer.error_message
    assert later.base_offset == 1


async def test_a_cancelled_producer_disturbs_nobody(served: Served) -> None:
    served.files.gate.clear()
    leaving = asyncio.create_task(served.produce(b"a"))
    await served.sync_started()
    staying = asyncio.create_task(served.produce(b"b"))
    await asyncio.sleep(0)
    leaving.cancel()
    served.files.gate.set()

    assert (await staying).base_offset == 1
    assert served.clock.next_timer_ms is not None
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_a_retry_is_acknowledged_only_when_the_first_copy_is_durable(served: Served) -> None:
    async def produce() -> PartitionProduceResponse:
        records = record_batch.encode([None], [b"a"], [0], producer_id=9, producer_epoch=0, base_sequence=0)
        data = PartitionProduceData(index=0, records=records)
        request = ProduceRequest(topic_data=[TopicProduceData(name="t", partition_data=[data])])
        return (await served.broker.handle(request)).responses[0].partition_responses[0]

    served.files.gate.clear()
    first = asyncio.create_task(produce())
    await served.sync_started()
    retry = asyncio.create_task(produce())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not retry.done()

    served.files.gate.set()
    assert (await first).base_offset == (await retry).base_offset == 0


async def test_segments_that_are_being_synced_are_not_taken_away(served: Served) -> None:
    log = served.broker.log("t", 0)
    assert log is not None
    log.update_config(TopicConfig.parse({"segment.bytes": "100"}))
    for number in range(5):
        await served.produce(b"%d" % number, acks=1)
    served.files.gate.clear()
    producing = asyncio.create_task(served.produce(b"durable"))
    await served.sync_started()

    wanted = DeleteRecordsTopic(name="t", partitions=[DeleteRecordsPartition(partition_index=0, offset=4)])
    deleting = asyncio.create_task(served.broker.handle(DeleteRecordsRequest(topics=[wanted])))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not deleting.done()
    served.files.gate.set()

    assert (await deleting).topics[0].partitions[0].low_watermark == 4
    assert (await producing).error_code is ErrorCode.NONE
    assert (await served.produce(b"more")).base_offset == 6


async def test_the_end_of_the_broker_makes_everything_durable(served: Served) -> None:
    await served.produce(b"a", acks=1)
    log = served.broker.log("t", 0)
    assert log is not None

    await served.broker.close()

    assert log.durable_offset == 1
