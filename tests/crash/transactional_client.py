"""Owns: a transactional producer that reads and writes topic ``t`` and commits offsets of group ``g``."""

from __future__ import annotations

from typing import Any

from streamz_core.broker.broker import Broker
from streamz_core.errors import ErrorCode
from streamz_core.protocol import record_batch
from streamz_core.protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from streamz_core.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnTopic,
)
from streamz_core.protocol.messages.end_txn import EndTxnRequest
from streamz_core.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic, IsolationLevel
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.offset_commit import OffsetCommitPartition, OffsetCommitTopic
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchRequest,
    OffsetFetchTopic,
)
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.protocol.messages.transaction_version import TransactionVersion
from streamz_core.protocol.messages.txn_offset_commit import TxnOffsetCommitRequest


class Client:
    """A transactional producer that reads and writes topic ``t`` and commits offsets of group ``g``."""

    def __init__(self, broker: Broker, version: TransactionVersion, *, acks: int = -1) -> None:
        self.broker = broker
        self.version = version
        self.acks = acks
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
            ProduceRequest(
                transactional_id="x", acks=self.acks, topic_data=topics, transaction_version=self.version
            )
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
        group = OffsetFetchGroup(group_id="g", topics=topics)
        request = OffsetFetchRequest(groups=[group], require_stable=True)
        found = (await self.broker.handle(request)).groups[0].topics[0].partitions[0]
        assert found.error_code is ErrorCode.NONE
        return found.committed_offset
