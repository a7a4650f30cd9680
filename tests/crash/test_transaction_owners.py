"""A transaction is all or nothing in every state a crash can leave.

Owns: a workload of transactions over two partitions and a group's offsets, and the check of every image:
what was answered before the crash holds, and each transaction shows all of itself or nothing (T1, T2, T5),
nobody's last stable offset hangs (T6), the identity that was told last goes on (T3, T7). Either the owner
starts anew, or it has outlived the crash, elsewhere, and asks its last question again (T10).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from streamz_core.broker.broker import Broker
from streamz_core.errors import ErrorCode
from streamz_core.protocol import record_batch
from streamz_core.protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from streamz_core.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnTopic,
)
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.end_txn import EndTxnRequest
from streamz_core.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic, IsolationLevel
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.offset_commit import OffsetCommitPartition, OffsetCommitTopic
from streamz_core.protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchTopic
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.protocol.messages.transaction_version import TransactionVersion
from streamz_core.protocol.messages.txn_offset_commit import TxnOffsetCommitRequest
from streamz_core.testing.crash_images import CrashImages, Image
from streamz_core.testing.disk_tree import Mark, Write
from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.recording_files import Recording, RecordingFiles

_PATH = "/data"
_EVERY = 13
"""Of the images each so-many-th is recovered: the log's own harness tries them all."""
_EVERY_AT_ANSWERS = 5
"""The same of those that are possible at the moment of an answer."""
_OUTCOMES = (True, False, True, True)
"""Of the workload's transactions; transaction n commits the offset n + 1."""


@dataclass
class Told:
    """What the broker had said before the crash."""

    is_ready: bool = False
    committed: set[int] = field(default_factory=set)
    aborted: set[int] = field(default_factory=set)
    begun: set[int] = field(default_factory=set)
    written: set[int] = field(default_factory=set)
    identity: tuple[int, int] = (-1, -1)
    sequence: int = 0


class Client:
    """A transactional producer that reads and writes topic ``t`` and commits offsets of group ``g``."""

    def __init__(self, broker: Broker, version: TransactionVersion) -> None:
        self.broker = broker
        self.version = version
        self.identity = (-1, -1)
        self.sequence = 0

    async def init(self) -> None:
        response = await self.broker.handle(InitProducerIdRequest(transactional_id="x"))
        assert response.error_code is ErrorCode.NONE
        self._become(response.producer_id, response.producer_epoch)

    def _become(self, *identity: int) -> None:
        if identity != self.identity:
            self.identity, self.sequence = identity, 0

    async def announce(self) -> None:
        """What clients of before KIP-890 do first."""
        producer_id, producer_epoch = self.identity
        who: dict[str, Any] = {
            "transactional_id": "x",
            "producer_id": producer_id,
            "producer_epoch": producer_epoch,
        }
        topics = [AddPartitionsToTxnTopic(name="t", partitions=[0, 1])]
        added = await self.broker.handle(AddPartitionsToTxnRequest(topics=topics, **who))
        assert {one.error_code for one in added.results[0].results} == {ErrorCode.NONE}
        answer = await self.broker.handle(AddOffsetsToTxnRequest(group_id="g", **who))
        assert answer.error_code is ErrorCode.NONE

    async def write(self, number: int) -> None:
        producer_id, producer_epoch = self.identity
        if self.version is TransactionVersion.V1:
            await self.announce()
        batch = record_batch.encode(
            [None],
            [b"%d" % number],
            [0],
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            base_sequence=self.sequence,
            transactional=True,
        )
        self.sequence += 1
        data = [PartitionProduceData(index=index, records=batch) for index in range(2)]
        topics = [TopicProduceData(name="t", partition_data=data)]
        response = await self.broker.handle(
            ProduceRequest(transactional_id="x", topic_data=topics, transaction_version=self.version)
        )
        assert {p.error_code for p in response.responses[0].partition_responses} == {ErrorCode.NONE}
        offset = OffsetCommitPartition(partition_index=0, committed_offset=number + 1)
        request = TxnOffsetCommitRequest(
            transactional_id="x",
            group_id="g",
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            topics=[OffsetCommitTopic(name="t", partitions=[offset])],
            transaction_version=self.version,
        )
        answer = await self.broker.handle(request)
        assert answer.topics[0].partitions[0].error_code is ErrorCode.NONE

    async def end(self, committed: bool) -> None:
        producer_id, producer_epoch = self.identity
        request = EndTxnRequest(
            transactional_id="x",
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            committed=committed,
            transaction_version=self.version,
        )
        response = await self.broker.handle(request)
        assert response.error_code is ErrorCode.NONE
        self._become(response.producer_id, response.producer_epoch)

    async def read(self, partition: int) -> list[int]:
        """What a read_committed consumer sees; asserts that nothing is left open."""
        asked = FetchPartition(partition=partition, fetch_offset=0)
        request = FetchRequest(
            topics=[FetchTopic(topic="t", partitions=[asked])],
            max_wait_ms=0,
            isolation_level=IsolationLevel.READ_COMMITTED,
        )
        answer = (await self.broker.handle(request)).responses[0].partitions[0]
        assert answer.error_code is ErrorCode.NONE
        aborted = sorted((a.first_offset, a.producer_id) for a in answer.aborted_transactions or ())
        skipping: set[int] = set()
        seen: list[int] = []
        for position, header in record_batch.split(answer.records):
            while aborted and aborted[0][0] <= header.base_offset:
                skipping.add(aborted.pop(0)[1])
            if header.is_control:
                skipping.discard(header.producer_id)
            elif header.producer_id not in skipping:
                seen += [int(value or b"") for value in record_batch.decode(answer.records, position).values]
        return seen

    async def committed_offset(self) -> int:
        topics = [OffsetFetchTopic(name="t", partition_indexes=[0])]
        request = OffsetFetchRequest(group_id="g", topics=topics, require_stable=True)
        found = (await self.broker.handle(request)).topics[0].partitions[0]
        assert found.error_code is ErrorCode.NONE
        return found.committed_offset


async def _workload(recording: Recording, version: TransactionVersion) -> None:
    broker = await Broker.open(recording.files, _PATH, ManualClock())
    await broker.handle(CreateTopicsRequest(topics=[CreatableTopic(name="t", num_partitions=2)]))
    client = Client(broker, version)
    await client.init()
    recording.files.mark(("ready", (client.identity, client.sequence)))
    for number, committed in enumerate(_OUTCOMES):
        recording.files.mark(("begun", number))
        await client.write(number)
        recording.files.mark(("written", number))
        await client.end(committed)
        recording.files.mark(("ended", (number, committed, client.identity, client.sequence)))
    await broker.abandon()


def _heard(told: Told, what: str, said: Any) -> None:
    if what == "ready":
        told.is_ready, (told.identity, told.sequence) = True, said
    elif what == "ended":
        number, committed, told.identity, told.sequence = said
        (told.committed if committed else told.aborted).add(number)
    else:
        getattr(told, what).add(said)


def _cuts(write: Write) -> list[int]:
    return sorted({1, len(write.data) // 2, len(write.data) - 1} - {0, len(write.data)})


@pytest.mark.parametrize("stays", [False, True])
@pytest.mark.parametrize("version", TransactionVersion)
async def test_transactions_are_whole_after_every_crash(version: TransactionVersion, stays: bool) -> None:
    recording = Recording()
    await _workload(recording, version)

    told, seen_digests, count, recovered = Told(), set[Any](), 0, 0
    images = CrashImages(recording.files.origin, cuts=_cuts, exhaustive_below=4)
    for operation in recording.operations:
        possible: Iterable[Image] = images.feed(operation)
        every = _EVERY
        if isinstance(operation, Mark):
            _heard(told, *operation.value)
            if stays:
                # An answer makes no new images possible, and puts those that are to the test anew.
                seen_digests.clear()
                possible, every = images.all(), _EVERY_AT_ANSWERS
        for image in possible:
            count += 1
            if count % every or image.digest in seen_digests:
                continue
            seen_digests.add(image.digest)
            recovered += 1
            story = image.describe(recording.operations)
            broker = await Broker.open(RecordingFiles(image.tree), _PATH, ManualClock())
            if broker.log("t", 0) is None:
                assert not told.is_ready, story
            else:
                await _check(Client(broker, version), told, story, stays=stays and told.is_ready)
            await broker.abandon()

    assert recovered > 50
    assert told.committed == {0, 2, 3}


async def _check(client: Client, told: Told, story: str, *, stays: bool) -> None:
    if stays:
        await _go_on(client, told)
    else:
        await client.init()  # the owner comes back: whatever it left open is aborted
        assert client.identity > told.identity, story

    seen = await client.read(0)
    assert seen == await client.read(1), story
    assert seen == sorted(set(seen)), story
    assert told.committed <= set(seen), story
    assert not told.aborted & set(seen), story
    assert set(seen) <= told.begun, story
    if stays:
        wanted = {number for number in told.written if _OUTCOMES[number]}
        assert set(seen) == wanted, story  # as it asked for, or asked for again
    assert await client.committed_offset() == (max(seen) + 1 if seen else -1), story

    await client.write(9)
    await client.end(True)
    assert await client.read(0) == await client.read(1) == [*seen, 9], story
    assert await client.committed_offset() == 10, story


async def _go_on(client: Client, told: Told) -> None:
    """Ask for the end that was not answered again; give up a transaction that was not all written."""
    client.identity, client.sequence = told.identity, told.sequence
    unanswered = told.written - told.committed - told.aborted
    if unanswered:
        client.sequence += 1
        await client.end(_OUTCOMES[max(unanswered)])
    elif told.begun - told.written:
        await client.init()
