"""Transactions against a simple model, with crashes, retries, zombies and time between any two steps.

Given any interleaving of two owners of one transactional id, their late twins, timeouts and crashes of the
broker, then read_committed readers see exactly the transactions that were committed, whole, in order, and
the group's offset is that of the last of them.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import booleans, integers

from streamz_core.broker.broker import Broker
from streamz_core.errors import ErrorCode
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol import record_batch
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.end_txn import EndTxnRequest
from streamz_core.protocol.messages.fetch import FetchPartition, FetchRequest, FetchTopic, IsolationLevel
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.offset_commit import OffsetCommitPartition, OffsetCommitTopic
from streamz_core.protocol.messages.offset_fetch import OffsetFetchRequest, OffsetFetchTopic
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.protocol.messages.txn_offset_commit import TxnOffsetCommitRequest
from streamz_core.testing.manual_clock import ManualClock

TIMEOUT_MS = 5_000
PARTITIONS = 2
OK = ErrorCode.NONE


class Identity(NamedTuple):
    producer_id: int
    producer_epoch: int


class TransactionMachine(RuleBasedStateMachine):
    """The model: which identity is the valid one, what its open transaction holds, what is committed."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = ManualClock()
        self.files = MemoryFiles()
        self.broker = self._run(Broker.open(self.files, "/data", self.clock))
        topics = [CreatableTopic(name="t", num_partitions=PARTITIONS)]
        self._ask(CreateTopicsRequest(topics=topics))
        self.valid: Identity | None = None
        self.old: list[Identity] = []
        self.open_values: list[list[int]] = [[] for _ in range(PARTITIONS)]
        self.open_offset: int | None = None
        self.open_since_ms: float | None = None
        self.timed_out: Identity | None = None
        self.last_end: tuple[Identity, bool] | None = None
        self.shown: list[list[int]] = [[] for _ in range(PARTITIONS)]
        self.offset = -1
        self.numbers = iter(range(10**9))

    def _run(self, work: Any) -> Any:
        return self.runner.run(work)

    def _ask(self, request: Any) -> Any:
        return self._run(self.broker.handle(request))

    def teardown(self) -> None:
        self._run(self.broker.close())
        self.runner.close()

    # What the model does

    @property
    def is_open(self) -> bool:
        return self.open_since_ms is not None

    def _begin(self) -> None:
        if self.open_since_ms is None:
            self.open_since_ms = self.clock.monotonic_ms()

    def _ended(self, is_committed: bool) -> None:
        if is_committed:
            for shown, values in zip(self.shown, self.open_values, strict=True):
                shown += values
            if self.open_offset is not None:
                self.offset = self.open_offset
        self.open_values = [[] for _ in range(PARTITIONS)]
        self.open_offset = self.open_since_ms = None

    def _replace(self, identity: Identity) -> None:
        if self.valid is not None:
            assert identity > self.valid
            self.old.append(self.valid)
        self.valid = identity

    # Steps

    @initialize()
    def first_owner(self) -> None:
        self.new_owner()

    @rule()
    def new_owner(self) -> None:
        request = InitProducerIdRequest(transactional_id="x", transaction_timeout_ms=TIMEOUT_MS)
        response = self._ask(request)
        assert response.error_code is OK
        self._ended(is_committed=False)
        self.timed_out = self.last_end = None
        self._replace(Identity(response.producer_id, response.producer_epoch))

    def _produce(self, identity: Identity, partition: int, value: int, sequence: int) -> ErrorCode:
        batch = record_batch.encode(
            [None],
            [b"%d" % value],
            [0],
            producer_id=identity.producer_id,
            producer_epoch=identity.producer_epoch,
            base_sequence=sequence,
            transactional=True,
        )
        data = [PartitionProduceData(index=partition, records=batch)]
        topics = [TopicProduceData(name="t", partition_data=data)]
        response = self._ask(ProduceRequest(transactional_id="x", topic_data=topics))
        return ErrorCode(response.responses[0].partition_responses[0].error_code)

    @rule(partition=integers(0, PARTITIONS - 1))
    def write(self, partition: int) -> None:
        assert self.valid is not None
        value = next(self.numbers)
        code = self._produce(self.valid, partition, value, len(self.open_values[partition]))
        if self.timed_out == self.valid:
            assert code is ErrorCode.TRANSACTION_ABORTABLE
            return
        assert code is OK
        self._begin()
        self.open_values[partition].append(value)

    @precondition(lambda self: any(self.open_values))
    @rule()
    def write_again(self) -> None:
        """The answer was lost on the way: the same batch comes twice, and counts once (T10)."""
        assert self.valid is not None
        partition = max(range(PARTITIONS), key=lambda index: len(self.open_values[index]))
        values = self.open_values[partition]
        assert self._produce(self.valid, partition, values[-1], len(values) - 1) is OK

    def _send_offset(self, identity: Identity, offset: int) -> ErrorCode:
        partitions = [OffsetCommitPartition(partition_index=0, committed_offset=offset)]
        request = TxnOffsetCommitRequest(
            transactional_id="x",
            group_id="g",
            producer_id=identity.producer_id,
            producer_epoch=identity.producer_epoch,
            topics=[OffsetCommitTopic(name="t", partitions=partitions)],
        )
        return ErrorCode(self._ask(request).topics[0].partitions[0].error_code)

    @rule()
    def send_offset(self) -> None:
        assert self.valid is not None
        offset = next(self.numbers)
        code = self._send_offset(self.valid, offset)
        if self.timed_out == self.valid:
            assert code is ErrorCode.TRANSACTION_ABORTABLE
            return
        assert code is OK
        self._begin()
        self.open_offset = offset

    def _end(self, identity: Identity, is_committed: bool) -> Any:
        request = EndTxnRequest(
            transactional_id="x",
            producer_id=identity.producer_id,
            producer_epoch=identity.producer_epoch,
            committed=is_committed,
        )
        return self._ask(request)

    @rule(is_committed=booleans())
    def end(self, is_committed: bool) -> None:
        assert self.valid is not None
        response = self._end(self.valid, is_committed)
        if self.timed_out == self.valid and is_committed:
            assert response.error_code is ErrorCode.TRANSACTION_ABORTABLE
            return
        if is_committed and not self.is_open:
            assert response.error_code is ErrorCode.INVALID_TXN_STATE
            return
        assert response.error_code is OK
        self._ended(is_committed)
        self.last_end, self.timed_out = (self.valid, is_committed), None
        self._replace(Identity(response.producer_id, response.producer_epoch))

    @precondition(lambda self: self.last_end is not None and not self.is_open)
    @rule()
    def end_again(self) -> None:
        assert self.last_end is not None
        response = self._end(*self.last_end)
        assert response.error_code is OK
        assert Identity(response.producer_id, response.producer_epoch) == self.valid

    @precondition(lambda self: self.old)
    @rule(which=integers(0, 10**6), is_committed=booleans())
    def late_from_the_past(self, which: int, is_committed: bool) -> None:
        """Whatever an older owner or transaction still sends changes nothing (T3, T7)."""
        identity = self.old[which % len(self.old)]
        assert self._produce(identity, 0, -1, 0) is not OK
        assert self._send_offset(identity, 10**9) is not OK
        if self.last_end is None or self.last_end[0] != identity or self.is_open:
            assert self._end(identity, is_committed).error_code is not OK

    @rule(by_ms=integers(1, TIMEOUT_MS))
    def time_passes(self, by_ms: int) -> None:
        self._run(self.clock.advance(by_ms))
        if self.open_since_ms is not None and self.clock.monotonic_ms() - self.open_since_ms >= TIMEOUT_MS:
            self._ended(is_committed=False)
            self.timed_out, self.last_end = self.valid, None

    @rule(is_clean=booleans())
    def restart(self, is_clean: bool) -> None:
        self._run(self.broker.close() if is_clean else self.broker.abandon())
        self.broker = self._run(Broker.open(self.files, "/data", self.clock))

    # What readers see

    @invariant()
    def readers_see_whole_committed_transactions_only(self) -> None:
        assert [self._seen(partition) for partition in range(PARTITIONS)] == self.shown

    @invariant()
    def the_offset_is_that_of_the_last_commit(self) -> None:
        topics = [OffsetFetchTopic(name="t", partition_indexes=[0])]
        for require_stable in (True, False):
            request = OffsetFetchRequest(group_id="g", topics=topics, require_stable=require_stable)
            found = self._ask(request).topics[0].partitions[0]
            if require_stable and self.open_offset is not None:
                assert found.error_code is ErrorCode.UNSTABLE_OFFSET_COMMIT
            else:
                assert (found.error_code, found.committed_offset) == (OK, self.offset)

    def _seen(self, partition: int) -> list[int]:
        asked = FetchPartition(partition=partition, fetch_offset=0)
        request = FetchRequest(
            topics=[FetchTopic(topic="t", partitions=[asked])],
            max_wait_ms=0,
            isolation_level=IsolationLevel.READ_COMMITTED,
        )
        answer = self._ask(request).responses[0].partitions[0]
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


TransactionMachine.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class TestTransactions(TransactionMachine.TestCase):  # type: ignore[misc, valid-type]
    """Run by pytest."""
