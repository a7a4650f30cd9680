"""Fetch: read batches as they stand on disk, waiting for some if there are none.

Owns: the answer to ``FetchRequest``: what is read of which partition, and when enough is there.
Must not know: how batches are stored, or what is in them; what a session remembers (``fetch_sessions``).

Answered once ``min_bytes`` are there, ``max_wait_ms`` have passed on the broker's clock, or any
partition errs. While it waits it reads on only where it was woken, so waiting for many bytes costs
what is read, not what is read times the number of wake-ups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streamz_core.broker.leader_epochs import refuse_epoch
from streamz_core.broker.log_failures import READ_FAILURES
from streamz_core.broker.topic_ids import missing, resolve
from streamz_core.errors import ErrorCode
from streamz_core.log.errors import OffsetOutOfRange
from streamz_core.protocol.messages.fetch import (
    AbortedTransaction,
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    FetchTopicResponse,
    IsolationLevel,
)
from streamz_core.protocol.record_batch import read_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.broker.handler import HandlerBroker
    from streamz_core.broker.services import Records
    from streamz_core.log.partition_log import PartitionLog

REQUEST: Final = FetchRequest


async def handle(broker: HandlerBroker, request: FetchRequest) -> FetchResponse:
    """Read what there is; wait if that is too little."""
    session = broker.fetch_sessions.find(request, broker.clock.monotonic_ms())
    if isinstance(session, ErrorCode):
        return FetchResponse(responses=[], error_code=session)
    reading = _Reading(broker, request, request.topics if session is None else session.topics())
    reading.read(reading.in_turn(next(broker.turns)))
    if not reading.is_enough and request.max_wait_ms > 0:
        await _wait(broker, reading, request.max_wait_ms)
    now_ms = broker.clock.monotonic_ms()
    return broker.fetch_sessions.answer(request, session, reading.answer(), now_ms)


async def _wait(broker: HandlerBroker, reading: _Reading, max_wait_ms: int) -> None:
    until_ms = broker.clock.monotonic_ms() + max_wait_ms
    # Nothing can have been appended between the first read and this watch: no await lies between.
    with broker.waits.watch(reading.logs) as watch:
        while not reading.is_enough:
            changed = await watch.changed(broker.clock, until_ms)
            if not changed:
                return
            reading.read(cursor for cursor in reading.cursors if cursor.log in changed)


class _Topic(NamedTuple):
    """A topic of the request."""

    name: str | None
    """None where no topic has the id."""
    asked: FetchTopic


class _Cursor:
    """One partition of the request: where it stands and what was read of it."""

    __slots__ = ("aborted", "asked", "chunks", "error", "log", "message", "position", "size", "topic")

    def __init__(self, topic: _Topic, asked: FetchPartition, log: PartitionLog | None) -> None:
        self.topic = topic
        self.asked = asked
        self.log = log
        self.position = asked.fetch_offset
        self.chunks: list[Records] = []
        self.aborted: dict[tuple[int, int], None] = {}
        """(producer id, first offset) of the aborted transactions whose records may be in ``chunks``."""
        self.size = 0
        self.error = ErrorCode.NONE
        self.message: str | None = None

    def fail(self, error: ErrorCode, message: str) -> None:
        self.error = error
        self.message = message
        self.chunks = []
        self.aborted = {}
        self.size = 0


class _Reading:
    """A fetch in progress."""

    def __init__(self, broker: HandlerBroker, request: FetchRequest, topics: list[FetchTopic]) -> None:
        self._broker = broker
        self._committed_only = request.isolation_level is IsolationLevel.READ_COMMITTED
        self._min_bytes = request.min_bytes
        self._room = min(request.max_bytes, broker.config.fetch_max_bytes)
        self._size = 0
        self._failed = False
        self._topics: list[tuple[_Topic, list[_Cursor]]] = []
        for asked in topics:
            topic = _Topic(resolve(broker.directory, asked.topic, asked.topic_id), asked)
            cursors = [_Cursor(topic, part, self._log(topic, part)) for part in asked.partitions]
            self._topics.append((topic, cursors))
        self.cursors = [cursor for _, cursors in self._topics for cursor in cursors]

    @property
    def logs(self) -> list[PartitionLog]:
        """The partitions that can bring more."""
        return [cursor.log for cursor in self.cursors if cursor.log is not None]

    @property
    def is_enough(self) -> bool:
        """Whether the fetch is to be answered now."""
        # Who reads no partition, as to end its session, has nothing to wait for.
        return self._size >= self._min_bytes or self._failed or self._room <= 0 or not self.cursors

    def in_turn(self, turn: int) -> list[_Cursor]:
        """The cursors, beginning with another one each turn: ``max_bytes`` must not starve the last."""
        count = len(self.cursors)
        first = turn % count if count else 0
        return self.cursors[first:] + self.cursors[:first] if first else self.cursors

    def read(self, cursors: Iterable[_Cursor]) -> None:
        """Read on at each cursor as far as there is room."""
        for cursor in cursors:
            if cursor.error is ErrorCode.NONE:
                self._read_one(cursor)
                self._failed = self._failed or cursor.error is not ErrorCode.NONE

    def answer(self) -> list[FetchTopicResponse]:
        """What was read, in the order asked."""
        return [
            FetchTopicResponse(
                topic=topic.name or "",
                topic_id=topic.asked.topic_id,
                partitions=[self._answer_one(cursor) for cursor in cursors],
            )
            for topic, cursors in self._topics
        ]

    def _log(self, topic: _Topic, part: FetchPartition) -> PartitionLog | None:
        return None if topic.name is None else self._broker.log(topic.name, part.partition)

    def _read_one(self, cursor: _Cursor) -> None:
        log = cursor.log
        if log is None or self._log(cursor.topic, cursor.asked) is not log:
            cursor.log = None
            self._fail_missing(cursor)
            return
        code = refuse_epoch(cursor.asked.current_leader_epoch)
        if code is not ErrorCode.NONE:
            cursor.fail(
                code, f"{log.name}: leader epoch {cursor.asked.current_leader_epoch} is not its epoch"
            )
            return
        try:
            while self._read_log(cursor, log):  # a read ends with its segment
                continue
        except READ_FAILURES as refused:
            cursor.fail(refused.code, str(refused))

    def _fail_missing(self, cursor: _Cursor) -> None:
        asked = cursor.topic.asked
        if resolve(self._broker.directory, asked.topic, asked.topic_id) is None:  # it may have gone just now
            cursor.fail(missing(asked.topic_id), f"there is no topic with the id {asked.topic_id}")
            return
        where = f"partition {cursor.asked.partition} of topic {cursor.topic.name!r}"
        cursor.fail(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no {where}")

    def _read_log(self, cursor: _Cursor, log: PartitionLog) -> bool:
        """Read once; whether more is wanted and may be there."""
        position = cursor.position
        if log.failure is not None:
            raise log.failure
        if not log.log_start_offset <= position <= log.log_end_offset:
            raise OffsetOutOfRange(log.name, position, log.log_start_offset, log.log_end_offset)
        up_to = self._visible_end(log)
        room = min(self._room, cursor.asked.partition_max_bytes - cursor.size)
        if position >= up_to or room <= 0:
            return False
        records = log.read(position, room, up_to=up_to)
        if not records:
            return False
        is_more_wanted = self._size + len(records) < self._min_bytes
        if self._committed_only or is_more_wanted:
            cursor.position = _next_offset(records)
        if self._committed_only:
            # Now, not when all is read: meanwhile retention or compaction may remove what tells of them.
            for producer_id, first_offset, _ in log.aborted_transactions(position, cursor.position):
                cursor.aborted[producer_id, first_offset] = None
        cursor.chunks.append(records)
        cursor.size += len(records)
        self._size += len(records)
        self._room -= len(records)
        return is_more_wanted

    def _visible_end(self, log: PartitionLog) -> int:
        return log.last_stable_offset if self._committed_only else log.high_watermark

    def _answer_one(self, cursor: _Cursor) -> FetchPartitionResponse:
        log = cursor.log
        if log is None:
            return FetchPartitionResponse(
                partition_index=cursor.asked.partition, error_code=cursor.error, error_message=cursor.message
            )
        chunks = cursor.chunks
        records = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return FetchPartitionResponse(
            partition_index=cursor.asked.partition,
            error_code=cursor.error,
            error_message=cursor.message,
            high_watermark=log.high_watermark,
            last_stable_offset=log.last_stable_offset,
            log_start_offset=log.log_start_offset,
            aborted_transactions=_listed(cursor.aborted) if self._committed_only else None,
            records=records,
        )


def _listed(aborted: Iterable[tuple[int, int]]) -> list[AbortedTransaction]:
    return [
        AbortedTransaction(producer_id=producer_id, first_offset=first_offset)
        for producer_id, first_offset in aborted
    ]


def _next_offset(records: Records) -> int:
    """The offset after the last batch."""
    position = 0
    while True:
        header = read_header(records, position)
        position += header.size_bytes
        if position >= len(records):
            return header.next_offset
