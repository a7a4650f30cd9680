"""Transactions against a simple model, with crashes, retries, zombies and time between any two steps.

Given any interleaving of producers under two transactional ids, of before KIP-890 and after it, with plain
records among theirs, their late twins, timeouts, epochs that run out and crashes of the broker, then
read_committed readers see exactly the transactions that were committed, whole, in the order of the log, up
to the first that is open, and each group's offset is that of its last commit.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import booleans, integers, sampled_from

from streamz_core.broker.broker import Broker
from streamz_core.broker.transactions.state import PRODUCER_EPOCH_MAX, SETTLED, change
from streamz_core.errors import ErrorCode
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.model import TopicPartition
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
from streamz_core.protocol.messages.offset_fetch import (
    OffsetFetchGroup,
    OffsetFetchRequest,
    OffsetFetchTopic,
)
from streamz_core.protocol.messages.produce import PartitionProduceData, ProduceRequest, TopicProduceData
from streamz_core.protocol.messages.transaction_version import TransactionVersion
from streamz_core.protocol.messages.txn_offset_commit import TxnOffsetCommitRequest
from streamz_core.protocol.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
)
from streamz_core.testing.manual_clock import ManualClock

TIMEOUT_MS = 5_000
PARTITIONS = 2
OFFSETS = TopicPartition("__consumer_offsets", 0)
OK = ErrorCode.NONE
V1, V2 = TransactionVersion
INDEXES = integers(0, PARTITIONS - 1)
NAMES = ("x", "y")


class Identity(NamedTuple):
    producer_id: int
    producer_epoch: int


NOBODY = Identity(-1, -1)


@dataclass
class Txn:
    """One transaction in the model; it is open until it is known to be committed or not."""

    since_ms: float
    partitions: set[TopicPartition] = field(default_factory=set)
    written: set[int] = field(default_factory=set)
    offset: int | None = None
    is_committed: bool | None = None


@dataclass
class Owner:
    """What the model knows of one transactional id."""

    name: str
    version: TransactionVersion = V2
    valid: Identity = NOBODY
    """The identity that whoever started last was given last."""
    old: list[Identity] = field(default_factory=list)
    txn: Txn | None = None
    sequences: dict[int, int] = field(default_factory=dict)
    last_batch: tuple[int, bytes] | None = None
    is_timed_out: bool = False
    last_end: tuple[Identity, bool] | None = None
    """What may be asked for again."""
    has_restarted: bool = False
    """Since its time ran out: who was its owner before is not on disk."""
    offset: int = -1

    def replace(self, identity: Identity) -> None:
        if identity == self.valid:
            return
        assert identity > self.valid
        if self.valid.producer_id >= 0:
            self.old.append(self.valid)
        self.valid = identity
        self.sequences = {}

    def end(self, is_committed: bool) -> None:
        if self.txn is None:
            return
        self.txn.is_committed = is_committed
        if is_committed and self.txn.offset is not None:
            self.offset = self.txn.offset
        self.txn = None


class TransactionMachine(RuleBasedStateMachine):
    """The model: per transactional id who owns it and what is open, per partition which record is whose."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = ManualClock()
        self.files = MemoryFiles()
        self.broker = self._run(Broker.open(self.files, "/data", self.clock))
        topics = [CreatableTopic(name="t", num_partitions=PARTITIONS)]
        self._ask(CreateTopicsRequest(topics=topics))
        self.owners = {name: Owner(name) for name in NAMES}
        self.log: list[list[tuple[int, int, Txn | None]]] = [[] for _ in range(PARTITIONS)]
        self.numbers = iter(range(10**9))

    def _run(self, work: Any) -> Any:
        return self.runner.run(work)

    def _ask(self, request: Any) -> Any:
        return self._run(self.broker.handle(request))

    def teardown(self) -> None:
        self._run(self.broker.close())
        self.runner.close()

    def _open(self, owner: Owner, *partitions: TopicPartition) -> Txn:
        if owner.txn is None:
            owner.txn = Txn(self.clock.monotonic_ms())
            owner.last_end, owner.last_batch = None, None
        owner.txn.partitions |= set(partitions)
        return owner.txn

    # Owners

    @initialize(version=sampled_from(TransactionVersion))
    def first_owners(self, version: TransactionVersion) -> None:
        self._start(self.owners["x"], V2)
        self._start(self.owners["y"], version)

    def _init(self, name: str, identity: Identity = NOBODY) -> Any:
        request = InitProducerIdRequest(
            transactional_id=name,
            transaction_timeout_ms=TIMEOUT_MS,
            producer_id=identity.producer_id,
            producer_epoch=identity.producer_epoch,
        )
        return self._ask(request)

    def _start(self, owner: Owner, version: TransactionVersion) -> None:
        response = self._init(owner.name)
        assert response.error_code is OK
        owner.end(False)
        owner.version, owner.is_timed_out, owner.last_end = version, False, None
        owner.replace(Identity(response.producer_id, response.producer_epoch))

    @rule(name=sampled_from(NAMES), version=sampled_from(TransactionVersion))
    def new_owner(self, name: str, version: TransactionVersion) -> None:
        self._start(self.owners[name], version)

    @rule(name=sampled_from(NAMES))
    def owner_asks_for_a_new_epoch(self, name: str) -> None:
        """KIP-360, also after its time ran out, as far as that is remembered."""
        owner = self.owners[name]
        response = self._init(name, owner.valid)
        if owner.is_timed_out and owner.has_restarted:
            assert response.error_code is ErrorCode.PRODUCER_FENCED
            return
        assert response.error_code is OK
        identity = Identity(response.producer_id, response.producer_epoch)
        # What it had open was aborted with its former epoch, and may be aborted "again".
        is_aborted = owner.is_timed_out or owner.txn is not None
        owner.last_end = (owner.valid if owner.version is V2 else identity, False) if is_aborted else None
        owner.end(False)
        owner.is_timed_out = False
        owner.replace(identity)

    @precondition(lambda self: any(o.txn is None and not o.is_timed_out for o in self.owners.values()))
    @rule(name=sampled_from(NAMES), left=integers(0, 2))
    def epochs_run_out(self, name: str, left: int) -> None:
        """As after tens of thousands of transactions."""
        owner = self.owners[name]
        live = self.broker.transactions._table[name]
        epoch = PRODUCER_EPOCH_MAX - left
        if owner.txn is not None or owner.is_timed_out or owner.valid.producer_epoch >= epoch:
            return
        assert live.transaction.state in SETTLED
        live.transaction = change(live.transaction, producer_epoch=epoch, last_producer_epoch=-1)
        log, end = self.broker.transactions._log.write(live.transaction)
        self._run(self.broker.durable(log, end))
        if owner.version is V2:
            owner.last_end = None
        elif owner.last_end is not None:
            owner.last_end = (Identity(owner.valid.producer_id, epoch), owner.last_end[1])
        owner.replace(Identity(owner.valid.producer_id, epoch))

    # Writing

    def _produce(self, owner: Owner | None, index: int, batch: bytes) -> Any:
        topics = [
            TopicProduceData(name="t", partition_data=[PartitionProduceData(index=index, records=batch)])
        ]
        request = ProduceRequest(
            transactional_id=None if owner is None else owner.name,
            topic_data=topics,
            transaction_version=V2 if owner is None else owner.version,
        )
        return self._ask(request).responses[0].partition_responses[0]

    def _batch(self, identity: Identity, value: int, sequence: int) -> bytes:
        return record_batch.encode(
            [None],
            [b"%d" % value],
            [0],
            producer_id=identity.producer_id,
            producer_epoch=identity.producer_epoch,
            base_sequence=sequence,
            transactional=True,
        )

    def _write_error(self, owner: Owner, partition: TopicPartition) -> ErrorCode | None:
        """Why the present owner may not write there."""
        if owner.version is V2:
            return ErrorCode.TRANSACTION_ABORTABLE if owner.is_timed_out else None
        if owner.is_timed_out:
            return ErrorCode.INVALID_PRODUCER_EPOCH
        is_announced = owner.txn is not None and partition in owner.txn.partitions
        return None if is_announced else ErrorCode.INVALID_TXN_STATE

    @rule(index=INDEXES)
    def write_plainly(self, index: int) -> None:
        value = next(self.numbers)
        answer = self._produce(None, index, record_batch.encode([None], [b"%d" % value], [0]))
        assert answer.error_code is OK
        self.log[index].append((answer.base_offset, value, None))

    @rule(name=sampled_from(NAMES), index=INDEXES)
    def write(self, name: str, index: int) -> None:
        owner, value = self.owners[name], next(self.numbers)
        sequence = owner.sequences.get(index, 0)
        batch = self._batch(owner.valid, value, sequence)
        answer = self._produce(owner, index, batch)
        error = self._write_error(owner, TopicPartition("t", index))
        if error is not None:
            assert answer.error_code is error
            return
        assert answer.error_code is OK
        txn = self._open(owner, TopicPartition("t", index))
        txn.written.add(index)
        self.log[index].append((answer.base_offset, value, txn))
        owner.sequences[index] = sequence + 1
        owner.last_batch = index, batch

    @rule(name=sampled_from(NAMES))
    def write_again(self, name: str) -> None:
        """The answer was lost on the way: the same batch comes twice, and counts once (T10)."""
        owner = self.owners[name]
        if owner.txn is not None and owner.last_batch is not None:
            assert self._produce(owner, *owner.last_batch).error_code is OK

    @rule(name=sampled_from(NAMES), index=INDEXES, with_offsets=booleans())
    def announce(self, name: str, index: int, with_offsets: bool) -> None:
        """What clients of before KIP-890 do before they write."""
        owner = self.owners[name]
        if owner.version is V2:
            return
        partition = OFFSETS if with_offsets else TopicPartition("t", index)
        code = self._announce(owner, owner.valid, partition)
        if owner.is_timed_out:
            assert code is ErrorCode.PRODUCER_FENCED
            return
        assert code is OK
        self._open(owner, partition)

    def _announce(self, owner: Owner, identity: Identity, partition: TopicPartition) -> ErrorCode:
        who = {"transactional_id": owner.name, **identity._asdict()}
        if partition == OFFSETS:
            return ErrorCode(self._ask(AddOffsetsToTxnRequest(group_id=f"g-{owner.name}", **who)).error_code)
        topics = [AddPartitionsToTxnTopic(name=partition.topic, partitions=[partition.partition])]
        answer = self._ask(AddPartitionsToTxnRequest(topics=topics, **who))
        return ErrorCode(answer.results[0].results[0].error_code)

    def _send_offset(self, owner: Owner, identity: Identity, offset: int) -> ErrorCode:
        partitions = [OffsetCommitPartition(partition_index=0, committed_offset=offset)]
        request = TxnOffsetCommitRequest(
            transactional_id=owner.name,
            group_id=f"g-{owner.name}",
            topics=[OffsetCommitTopic(name="t", partitions=partitions)],
            transaction_version=owner.version,
            **identity._asdict(),
        )
        return ErrorCode(self._ask(request).topics[0].partitions[0].error_code)

    @rule(name=sampled_from(NAMES))
    def send_offset(self, name: str) -> None:
        owner, offset = self.owners[name], next(self.numbers)
        code = self._send_offset(owner, owner.valid, offset)
        error = self._write_error(owner, OFFSETS)
        if error is not None:
            assert code is error
            return
        assert code is OK
        self._open(owner, OFFSETS).offset = offset

    # Ending

    def _end(self, owner: Owner, identity: Identity, is_committed: bool) -> Any:
        request = EndTxnRequest(
            transactional_id=owner.name,
            committed=is_committed,
            transaction_version=owner.version,
            **identity._asdict(),
        )
        return self._ask(request)

    def _end_error(self, owner: Owner, is_committed: bool) -> ErrorCode | None:
        if owner.is_timed_out:
            if owner.version is V1:
                return ErrorCode.PRODUCER_FENCED
            return ErrorCode.TRANSACTION_ABORTABLE if is_committed else None
        if owner.txn is not None:
            return None
        if owner.version is V1:
            is_repeated = owner.last_end == (owner.valid, is_committed)
            return None if is_repeated else ErrorCode.INVALID_TXN_STATE
        return ErrorCode.INVALID_TXN_STATE if is_committed else None

    @rule(name=sampled_from(NAMES), is_committed=booleans())
    def end(self, name: str, is_committed: bool) -> None:
        owner = self.owners[name]
        response = self._end(owner, owner.valid, is_committed)
        error = self._end_error(owner, is_committed)
        if error is not None:
            assert response.error_code is error
            return
        assert response.error_code is OK
        owner.end(is_committed)
        owner.last_end, owner.is_timed_out = (owner.valid, is_committed), False
        identity = Identity(response.producer_id, response.producer_epoch)
        assert (identity == owner.valid) == (owner.version is V1)
        owner.replace(identity)

    @rule(name=sampled_from(NAMES), index=INDEXES, is_committed=sampled_from((True, True, False)))
    def a_whole_transaction(self, name: str, index: int, is_committed: bool) -> None:
        self.announce(name, index, False)
        self.announce(name, index, True)
        self.write(name, index)
        self.send_offset(name)
        self.end(name, is_committed)

    @rule(name=sampled_from(NAMES), index=INDEXES)
    def a_commit_asked_for_twice(self, name: str, index: int) -> None:
        self.a_whole_transaction(name, index, True)
        self.end_again(name)

    @rule(name=sampled_from(NAMES))
    def end_again(self, name: str) -> None:
        owner = self.owners[name]
        if owner.last_end is None or owner.txn is not None or (owner.version is V1 and owner.is_timed_out):
            return
        if owner.version is V1 and owner.last_end[0] != owner.valid:
            return  # its time ran out and it has a new epoch: nothing that it ended itself
        response = self._end(owner, *owner.last_end)
        assert response.error_code is OK
        assert Identity(response.producer_id, response.producer_epoch) == owner.valid

    @rule(name=sampled_from(NAMES), which=integers(0, 10**6), is_committed=booleans())
    def late_from_the_past(self, name: str, which: int, is_committed: bool) -> None:
        """Whatever an older owner or transaction still sends changes nothing (T3, T7)."""
        owner = self.owners[name]
        if not owner.old:
            return
        identity = owner.old[which % len(owner.old)]
        assert self._produce(owner, 0, self._batch(identity, -1, 0)).error_code is not OK
        assert self._send_offset(owner, identity, 10**9) is not OK
        assert self._announce(owner, identity, TopicPartition("t", 0)) is not OK
        if owner.last_end is None or owner.last_end[0] != identity or owner.txn is not None:
            assert self._end(owner, identity, is_committed).error_code is not OK

    @rule(name=sampled_from(NAMES), index=INDEXES)
    def an_administrator_aborts(self, name: str, index: int) -> None:
        """Only what hangs may be: nothing does here."""
        owner = self.owners[name]
        topics = [WritableTxnMarkerTopic(name="t", partition_indexes=[index])]
        marker = WritableTxnMarker(transaction_result=False, topics=topics, **owner.valid._asdict())
        answer = self._ask(WriteTxnMarkersRequest(markers=[marker]))
        assert answer.markers[0].topics[0].partitions[0].error_code is not OK

    @rule(by_ms=integers(1, TIMEOUT_MS))
    def time_passes(self, by_ms: int) -> None:
        self._run(self.clock.advance(by_ms))
        for owner in self.owners.values():
            if owner.txn is not None and self.clock.monotonic_ms() - owner.txn.since_ms >= TIMEOUT_MS:
                owner.end(False)
                owner.is_timed_out, owner.last_end, owner.has_restarted = True, None, False

    @rule(is_clean=booleans())
    def restart(self, is_clean: bool) -> None:
        self._run(self.broker.close() if is_clean else self.broker.abandon())
        self.broker = self._run(Broker.open(self.files, "/data", self.clock))
        for owner in self.owners.values():
            owner.has_restarted = True

    # What readers see

    @invariant()
    def readers_see_whole_committed_transactions_only(self) -> None:
        for index, entries in enumerate(self.log):
            is_open = [txn is not None and txn.is_committed is None for _, _, txn in entries]
            stable = entries[: is_open.index(True)] if any(is_open) else entries
            seen = [value for _, value, txn in stable if txn is None or txn.is_committed]
            assert self._seen(index) == seen

    @invariant()
    def the_last_stable_offset_is_that_of_the_first_open_transaction(self) -> None:
        for index, entries in enumerate(self.log):
            log = self.broker.log("t", index)
            opened = [offset for offset, _, txn in entries if txn is not None and txn.is_committed is None]
            assert log is not None
            assert log.high_watermark == log.log_end_offset
            assert log.last_stable_offset == (opened[0] if opened else log.high_watermark)
            owners = {o.valid.producer_id for o in self.owners.values() if o.txn and index in o.txn.written}
            assert set(log.open_producers()) == owners

    @invariant()
    def the_coordinator_knows_what_is_open(self) -> None:
        for owner in self.owners.values():
            found = self.broker.transactions.find(owner.name)
            if found is not None:
                assert found.partitions == (owner.txn.partitions if owner.txn is not None else set())

    @invariant()
    def the_offset_is_that_of_the_last_commit(self) -> None:
        topics = [OffsetFetchTopic(name="t", partition_indexes=[0])]
        for owner in self.owners.values():
            for require_stable in (True, False):
                group = OffsetFetchGroup(group_id=f"g-{owner.name}", topics=topics)
                request = OffsetFetchRequest(groups=[group], require_stable=require_stable)
                found = self._ask(request).groups[0].topics[0].partitions[0]
                if require_stable and owner.txn is not None and owner.txn.offset is not None:
                    assert found.error_code is ErrorCode.UNSTABLE_OFFSET_COMMIT
                else:
                    assert (found.error_code, found.committed_offset) == (OK, owner.offset)

    @rule(index=INDEXES, start=integers(0, 60))
    def a_reader_starts_anywhere(self, index: int, start: int) -> None:
        """The aborted transactions are told from any offset on (T12)."""
        log = self.broker.log("t", index)
        assert log is not None
        start = min(start, log.high_watermark)
        stable = [entry for entry in self.log[index] if start <= entry[0] < log.last_stable_offset]
        seen = [value for _, value, txn in stable if txn is None or txn.is_committed]
        assert self._seen(index, start) == seen

    def _seen(self, index: int, start: int = 0) -> list[int]:
        asked = FetchPartition(partition=index, fetch_offset=start)
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
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class TestTransactions(TransactionMachine.TestCase):  # type: ignore[misc, valid-type]
    """Run by pytest."""
