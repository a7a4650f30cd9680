"""Transactional producers in few words, and what readers see of them."""

from __future__ import annotations

from typing import Any

from streamz_core.errors import ErrorCode
from streamz_core.protocol import record_batch
from streamz_core.protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from streamz_core.protocol.messages.add_partitions_to_txn import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnTopic,
)
from streamz_core.protocol.messages.end_txn import EndTxnRequest, EndTxnResponse
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

PENDING = -2


class Producer:
    """A transactional producer, in few words; it keeps to the identity it was given last."""

    def __init__(
        self, talk: Any, transactional_id: str = "x", version: TransactionVersion = TransactionVersion.V2
    ) -> None:
        self.talk = talk
        self.transactional_id = transactional_id
        self.version = version
        self.acks = -1
        self.producer_id = -1
        self.producer_epoch = -1
        self._sequences: dict[tuple[str, int], int] = {}

    def twin(self) -> Producer:
        """Somebody with the same identity: the same process, or what it sent before."""
        twin = Producer(self.talk, self.transactional_id, self.version)
        twin.identity = self.identity
        return twin

    @property
    def identity(self) -> tuple[int, int]:
        return self.producer_id, self.producer_epoch

    @identity.setter
    def identity(self, identity: tuple[int, int]) -> None:
        if identity != self.identity:
            self._sequences.clear()
        self.producer_id, self.producer_epoch = identity

    async def init(self, *, as_owner: bool = False, timeout_ms: int = 60_000) -> ErrorCode:
        request = InitProducerIdRequest(
            transactional_id=self.transactional_id,
            transaction_timeout_ms=timeout_ms,
            producer_id=self.producer_id if as_owner else -1,
            producer_epoch=self.producer_epoch if as_owner else -1,
        )
        response = await self.talk.broker.handle(request)
        if response.error_code is ErrorCode.NONE:
            self.identity = response.producer_id, response.producer_epoch
        return ErrorCode(response.error_code)

    async def send(self, value: bytes, partition: int = 0, topic: str = "t") -> ErrorCode:
        sequence = self._sequences.get((topic, partition), 0)
        batch = record_batch.encode(
            [None],
            [value],
            [0],
            producer_id=self.producer_id,
            producer_epoch=self.producer_epoch,
            base_sequence=sequence,
            transactional=True,
        )
        data = TopicProduceData(
            name=topic, partition_data=[PartitionProduceData(index=partition, records=batch)]
        )
        request = ProduceRequest(
            transactional_id=self.transactional_id,
            acks=self.acks,
            topic_data=[data],
            transaction_version=self.version,
        )
        answer = (await self.talk.broker.handle(request)).responses[0].partition_responses[0]
        if answer.error_code is ErrorCode.NONE:
            self._sequences[topic, partition] = sequence + 1
        return ErrorCode(answer.error_code)

    async def send_offset(
        self, offset: int, group_id: str = "g", member_id: str = "", generation_id: int = -1
    ) -> ErrorCode:
        partitions = [OffsetCommitPartition(partition_index=0, committed_offset=offset)]
        request = TxnOffsetCommitRequest(
            transactional_id=self.transactional_id,
            group_id=group_id,
            producer_id=self.producer_id,
            producer_epoch=self.producer_epoch,
            generation_id=generation_id,
            member_id=member_id,
            topics=[OffsetCommitTopic(name="t", partitions=partitions)],
            transaction_version=self.version,
        )
        response = await self.talk.broker.handle(request)
        return ErrorCode(response.topics[0].partitions[0].error_code)

    async def announce(self, *partitions: int, topic: str = "t") -> ErrorCode:
        """What a client of before KIP-890 does before it sends."""
        request = AddPartitionsToTxnRequest(
            transactional_id=self.transactional_id,
            producer_id=self.producer_id,
            producer_epoch=self.producer_epoch,
            topics=[AddPartitionsToTxnTopic(name=topic, partitions=list(partitions))],
        )
        return ErrorCode((await self.talk.broker.handle(request)).results[0].results[0].error_code)

    async def announce_offsets(self, group_id: str = "g") -> ErrorCode:
        request = AddOffsetsToTxnRequest(
            transactional_id=self.transactional_id,
            producer_id=self.producer_id,
            producer_epoch=self.producer_epoch,
            group_id=group_id,
        )
        return ErrorCode((await self.talk.broker.handle(request)).error_code)

    async def request_end(self, committed: bool) -> EndTxnResponse:
        request = EndTxnRequest(
            transactional_id=self.transactional_id,
            producer_id=self.producer_id,
            producer_epoch=self.producer_epoch,
            committed=committed,
            transaction_version=self.version,
        )
        response: EndTxnResponse = await self.talk.broker.handle(request)
        return response

    async def end(self, committed: bool) -> ErrorCode:
        response = await self.request_end(committed)
        if response.error_code is ErrorCode.NONE:
            self.identity = response.producer_id, response.producer_epoch
        return ErrorCode(response.error_code)

    async def commit(self) -> ErrorCode:
        return await self.end(True)

    async def abort(self) -> ErrorCode:
        return await self.end(False)


async def seen(talk: Any, partition: int = 0, topic: str = "t") -> list[bytes | None]:
    """What a read_committed consumer sees."""
    answer = await talk.fetch(topic, partition=partition, committed=True)
    assert answer.error_code is ErrorCode.NONE
    aborted = sorted((a.first_offset, a.producer_id) for a in answer.aborted_transactions or ())
    open_aborts: set[int] = set()
    values: list[bytes | None] = []
    for position, header in record_batch.split(answer.records):
        while aborted and aborted[0][0] <= header.base_offset:
            open_aborts.add(aborted.pop(0)[1])
        if header.is_control:
            open_aborts.discard(header.producer_id)
        elif not (header.is_transactional and header.producer_id in open_aborts):
            values += record_batch.decode(answer.records, position).values
    return values


async def committed(talk: Any, *, stable: bool = True, group_id: str = "g") -> int:
    topics = [OffsetFetchTopic(name="t", partition_indexes=[0])]
    group = OffsetFetchGroup(group_id=group_id, topics=topics)
    request = OffsetFetchRequest(groups=[group], require_stable=stable)
    found = (await talk.broker.handle(request)).groups[0].topics[0].partitions[0]
    if found.error_code is ErrorCode.UNSTABLE_OFFSET_COMMIT:
        return PENDING
    assert found.error_code is ErrorCode.NONE
    return int(found.committed_offset)
