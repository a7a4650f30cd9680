"""Whatever is written, in and out of transactions, readers of both isolations see what a list would show.

A reader here does what a consumer does with the aborted transactions a fetch lists: so the lists have to
be right from any offset, over any cut of the log into fetches and segments, and after any reopening.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.broker.broker import Broker
from streamz_core.broker.config import BrokerConfig
from streamz_core.errors import ErrorCode
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol import record_batch
from streamz_core.protocol.control import Marker, read_marker
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.messages.fetch import (
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchTopic,
    IsolationLevel,
)
from streamz_core.testing.manual_clock import ManualClock

_PRODUCERS = (1, 2, 3)
_STEP = st.one_of(
    st.tuples(st.just("plain"), st.integers(1, 4)),
    st.tuples(st.just("transactional"), st.sampled_from(_PRODUCERS), st.integers(1, 4)),
    st.tuples(st.just("end"), st.sampled_from(_PRODUCERS), st.booleans()),
    st.tuples(st.just("reopen"), st.booleans()),
)
_READ = st.tuples(st.floats(0, 1), st.sampled_from([1, 200, 1_000_000]))


@dataclass
class _Model:
    """Offset to value and transaction; a marker has no value."""

    records: list[tuple[bytes | None, int | None]] = field(default_factory=list)
    open: dict[int, int] = field(default_factory=dict)  # producer -> its open transaction
    aborted: set[int] = field(default_factory=set)
    firsts: dict[int, int] = field(default_factory=dict)  # transaction -> first offset
    sequences: dict[int, int] = field(default_factory=dict)

    @property
    def last_stable_offset(self) -> int:
        return min((self.firsts[one] for one in self.open.values()), default=len(self.records))

    def visible(self, start: int, *, committed: bool) -> list[tuple[int, bytes]]:
        end = self.last_stable_offset if committed else len(self.records)
        return [
            (offset, value)
            for offset, (value, transaction) in enumerate(self.records[:end])
            if offset >= start
            and value is not None
            and not (committed and transaction is not None and transaction in self.aborted)
        ]


class _Run:
    def __init__(self) -> None:
        self.files = MemoryFiles()
        self.model = _Model()
        self.transactions = 0

    async def open(self, *, create: bool = False) -> None:
        clock = ManualClock()
        self.broker = await Broker.open(self.files, "/data", clock, BrokerConfig())
        await clock.settle()
        if create:
            topic = CreatableTopic(name="t", configs={"segment.bytes": "600", "index.interval.bytes": "100"})
            await self.broker.handle(CreateTopicsRequest(topics=[topic]))

    async def step(self, what: str, *details: Any) -> None:
        await getattr(self, f"_{what}")(*details)

    async def _append(self, count: int, transaction: int | None, **identity: Any) -> None:
        model = self.model
        values = [f"value {len(model.records) + each}".encode() for each in range(count)]
        batch = record_batch.encode([None] * count, values, [0] * count, **identity)
        log = self.broker.log("t", 0)
        assert log is not None
        appended = await self.broker.append(log, batch)
        assert appended.base_offset == len(model.records)
        model.records += [(value, transaction) for value in values]

    async def _plain(self, count: int) -> None:
        await self._append(count, None)

    async def _transactional(self, producer: int, count: int) -> None:
        model = self.model
        if producer not in model.open:
            self.transactions += 1
            model.open[producer] = self.transactions
            model.firsts[self.transactions] = len(model.records)
        sequence = model.sequences.get(producer, 0)
        model.sequences[producer] = sequence + count
        await self._append(
            count,
            model.open[producer],
            transactional=True,
            producer_id=producer,
            producer_epoch=0,
            base_sequence=sequence,
        )

    async def _end(self, producer: int, committed: bool) -> None:
        model = self.model
        transaction = model.open.pop(producer, None)
        if transaction is None:
            return
        if not committed:
            model.aborted.add(transaction)
        log = self.broker.log("t", 0)
        assert log is not None
        await self.broker.append_marker(log, producer, 0, committed=committed)
        model.records.append((None, transaction))

    async def _reopen(self, graceful: bool) -> None:
        await (self.broker.close() if graceful else self.broker.abandon())
        await self.open()
        # Nobody coordinates these transactions (they were written past the coordinator): they are ended.
        for transaction in self.model.open.values():
            self.model.aborted.add(transaction)
            self.model.records.append((None, transaction))
        self.model.open.clear()

    async def read(self, start: int, max_bytes: int, *, committed: bool) -> list[tuple[int, bytes]]:
        seen: list[tuple[int, bytes]] = []
        position = start
        while True:
            answer = await self._fetch(position, max_bytes, committed=committed)
            assert answer.error_code is ErrorCode.NONE
            assert answer.last_stable_offset == self.model.last_stable_offset
            assert answer.high_watermark == len(self.model.records)
            if not answer.records:
                return seen
            shown, position = _consume(answer, position)
            seen += shown

    async def _fetch(self, offset: int, max_bytes: int, *, committed: bool) -> FetchPartitionResponse:
        asked = FetchPartition(partition=0, fetch_offset=offset, partition_max_bytes=max_bytes)
        isolation = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        request = FetchRequest(
            topics=[FetchTopic(topic="t", partitions=[asked])], max_wait_ms=0, isolation_level=isolation
        )
        return (await self.broker.handle(request)).responses[0].partitions[0]


def _consume(answer: FetchPartitionResponse, start: int) -> tuple[list[tuple[int, bytes]], int]:
    """What a consumer hands out of one answer, and where it reads on."""
    shown: list[tuple[int, bytes]] = []
    listed = sorted(answer.aborted_transactions or [], key=lambda one: one.first_offset)
    aborting: set[int] = set()
    next_offset = start
    for position, header in record_batch.split(answer.records):
        next_offset = header.next_offset
        columns = record_batch.decode(answer.records, position)
        while listed and listed[0].first_offset <= header.last_offset:
            aborting.add(listed.pop(0).producer_id)
        if header.is_control:
            assert columns.keys[0] is not None
            if read_marker(columns.keys[0]) is Marker.ABORT:
                aborting.discard(header.producer_id)
            continue
        if header.is_transactional and header.producer_id in aborting:
            continue
        pairs = zip(columns.offsets, columns.values, strict=True)
        shown += [(offset, value) for offset, value in pairs if offset >= start and value is not None]
    return shown, next_offset


@settings(max_examples=250, deadline=None)
@given(st.lists(_STEP, max_size=25), st.lists(_READ, min_size=1, max_size=4))
def test_readers_see_what_a_list_would_show(steps: list[Any], reads: list[tuple[float, int]]) -> None:
    async def run() -> None:
        world = _Run()
        await world.open(create=True)
        for step in steps:
            await world.step(*step)
        for fraction, max_bytes in reads:
            start = int(fraction * len(world.model.records))
            for committed in (False, True):
                expected = world.model.visible(start, committed=committed)
                assert await world.read(start, max_bytes, committed=committed) == expected
        await world.broker.close()

    asyncio.run(run())
