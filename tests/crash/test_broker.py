"""What the broker told anybody holds in every state a crash can leave.

Owns: a workload of durable produces, fetches and producer ids, and the check of what was said before each
possible crash: acknowledged and shown records are there with the same bytes, no producer id comes twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from streamz_core.broker.broker import Broker
from streamz_core.errors import ErrorCode
from streamz_core.protocol import record_batch
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.testing.crash_images import CrashImages
from streamz_core.testing.disk_tree import Mark, Write
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.recording_files import Recording, RecordingFiles

_PATH = "/data"


@dataclass
class Told:
    """What the broker has said so far."""

    records: dict[int, bytes | None] = field(default_factory=dict)
    producer_ids: set[int] = field(default_factory=set)


async def _fetch(broker: Broker) -> dict[int, bytes | None]:
    asked = FetchPartition(partition=0, fetch_offset=0)
    request = FetchRequest(topics=[FetchTopic(topic="t", partitions=[asked])], max_wait_ms=0)
    answer = (await broker.handle(request)).responses[0].partitions[0]
    seen: dict[int, bytes | None] = {}
    for position, _ in record_batch.split(answer.records):
        columns = record_batch.decode(answer.records, position)
        seen |= dict(zip(columns.offsets, columns.values, strict=True))
    return seen


async def _workload(recording: Recording) -> None:
    broker = await Broker.open(recording.files, _PATH, ManualClock())
    await broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name="t")]))
    for number in range(4):
        values = [f"{number}-{each}".encode() for each in range(2)]
        records = record_batch.encode([None, None], values, [0, 0])
        data = TopicProduceData(name="t", partition_data=[PartitionProduceData(index=0, records=records)])
        response = await broker.handle(ProduceRequest(topic_data=[data]))
        answer = response.responses[0].partition_responses[0]
        assert answer.error_code is ErrorCode.NONE
        for at, value in enumerate(values):
            recording.files.mark(("record", answer.base_offset + at, value))
        for offset, value in (await _fetch(broker)).items():
            recording.files.mark(("record", offset, value))
        identity = await broker.handle(InitProducerIdRequest())
        recording.files.mark(("producer id", identity.producer_id, None))
    await broker.abandon()


def _cuts(write: Write) -> list[int]:
    """Enough to tear every header somewhere; each byte is the business of the log's own harness."""
    return list(range(1, len(write.data), 7))


async def test_what_was_told_holds_after_every_crash() -> None:
    recording = Recording()
    await _workload(recording)

    told, recovered = Told(), set()
    images = CrashImages(recording.files.origin, cuts=_cuts, exhaustive_below=4)
    for operation in recording.operations:
        if isinstance(operation, Mark):
            what, number, value = operation.value
            if what == "record":
                assert told.records.setdefault(number, value) == value
            else:
                assert number not in told.producer_ids
                told.producer_ids.add(number)
        for image in images.feed(operation):
            if image.digest in recovered:
                continue
            recovered.add(image.digest)
            await _check(RecordingFiles(image.tree), told, image.describe(recording.operations))

    assert len(recovered) > 300
    assert len(told.records) == 8


async def _check(files: RecordingFiles, told: Told, story: str) -> None:
    broker = await Broker.open(files, _PATH, ManualClock())
    found = await _fetch(broker) if broker.log("t", 0) is not None else {}
    assert told.records.items() <= found.items(), story
    identity = await broker.handle(InitProducerIdRequest())
    assert identity.producer_id not in told.producer_ids, story
    await broker.abandon()
