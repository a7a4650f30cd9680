"""What the broker told anybody holds in every state a crash can leave.

Owns: a workload of durable produces, fetches and producer ids, and the check of what was said before a
crash: acknowledged and shown records are there with the same bytes, no producer id comes twice.
"""

from __future__ import annotations

from streamz_core.broker.broker import Broker
from streamz_core.errors import ErrorCode
from streamz_core.protocol import record_batch
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.recording_files import Recording, RecordingFiles
from tests.crash.broker_images import PATH


async def _fetch(broker: Broker) -> dict[int, bytes | None]:
    asked = FetchPartition(partition=0, fetch_offset=0)
    request = FetchRequest(topics=[FetchTopic(topic="t", partitions=[asked])], max_wait_ms=0)
    answer = (await broker.handle(request)).responses[0].partitions[0]
    seen: dict[int, bytes | None] = {}
    for position, _ in record_batch.split(answer.records):
        columns = record_batch.decode(answer.records, position)
        seen |= dict(zip(columns.offsets, columns.values, strict=True))
    return seen


class ProduceScene:
    """Four produces, each read back, and four producer ids."""

    def __init__(self) -> None:
        self._records: dict[object, object] = {}
        self._producer_ids: set[object] = set()

    async def play(self, recording: Recording) -> None:
        """Produce, fetch and ask for a producer id, in turn."""
        broker = await Broker.open(recording.files, PATH, ManualClock())
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

    def hear(self, said: tuple[object, ...]) -> None:
        """An acknowledged or shown record, or a producer id."""
        what, number, value = said
        if what == "record":
            assert self._records.setdefault(number, value) == value
        else:
            assert number not in self._producer_ids
            self._producer_ids.add(number)

    async def check(self, files: RecordingFiles, story: str) -> None:
        """All that was said is there; nothing that was given out comes again."""
        broker = await Broker.open(files, PATH, ManualClock())
        found = await _fetch(broker) if broker.log("t", 0) is not None else {}
        assert self._records.items() <= found.items(), story
        identity = await broker.handle(InitProducerIdRequest())
        assert identity.producer_id not in self._producer_ids, story
        await broker.abandon()
