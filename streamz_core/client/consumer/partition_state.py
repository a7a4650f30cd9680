"""What a consumer knows and holds of one partition that is assigned to it.

Owns: ``PartitionState``: where the program is, what was fetched and not handed out yet.
Must not know: groups, requests, records as objects.

Three offsets, in order: ``finished`` is before the records that the program has in hand (``in_hand``:
it was not back for more yet). ``position`` is the next record to hand out. The buffer holds what was
fetched from there to ``fetch_offset``, from where to fetch next.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from streamz_core.client.errors import CorruptRecordException
from streamz_core.protocol.control import Marker, read_marker
from streamz_core.protocol.record_batch import BatchHeader, Columns, CorruptBatch, decode, split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.model import TopicPartition
    from streamz_core.protocol.messages.fetch import AbortedTransaction

EARLIEST: Final = "earliest"
LATEST: Final = "latest"
COMMITTED: Final = "committed"


class _Batch(NamedTuple):
    """A fetched batch, still encoded."""

    buffer: bytes | bytearray | memoryview
    start: int
    header: BatchHeader


class PartitionState:
    """One assigned partition. Offsets are None until they are known."""

    __slots__ = (
        "_batches",
        "_columns",
        "_index",
        "_next_offset",
        "_timestamp_type",
        "buffered_bytes",
        "checks_crcs",
        "error",
        "fetch_offset",
        "finished",
        "high_watermark",
        "in_hand",
        "last_committed",
        "last_poll_ms",
        "last_stable_offset",
        "paused",
        "position",
        "reset_to",
        "topic_partition",
        "trouble",
        "withheld",
    )

    def __init__(self, topic_partition: TopicPartition, reset_to: str, *, checks_crcs: bool) -> None:
        """``reset_to`` says where to begin: COMMITTED, EARLIEST or LATEST."""
        self.topic_partition = topic_partition
        self.position: int | None = None
        self.finished: int | None = None
        self.in_hand = False
        self.fetch_offset = -1
        self.reset_to: str | None = reset_to
        self.paused = False
        self.withheld = False
        self.high_watermark: int | None = None
        self.last_stable_offset: int | None = None
        self.last_committed: int | None = None
        self.last_poll_ms: int | None = None
        self.error: Exception | None = None
        self.trouble: int = 0
        self.buffered_bytes = 0
        self.checks_crcs = checks_crcs
        self._batches: deque[_Batch] = deque()
        self._columns: Columns | None = None
        self._index = 0
        self._next_offset = -1
        self._timestamp_type = 0

    @property
    def processed(self) -> int | None:
        """Up to where the program is done with the records: what may be committed without being asked."""
        return self.finished if self.in_hand else self.position

    @property
    def has_data(self) -> bool:
        """Whether there is something to hand out, or to raise."""
        return self.error is not None or self._columns is not None or bool(self._batches)

    def seek(self, offset: int) -> None:
        """Go on at ``offset``; what is buffered is dropped."""
        self._drop()
        self.reset_to = None
        self.in_hand = False
        self.position = self.fetch_offset = offset

    def committed(self, offset: int) -> None:
        """The program, or we for it, committed ``offset``: what it has in hand before that is done too."""
        self.last_committed = offset
        if self.in_hand and self.finished is not None and self.position is not None:
            self.finished = max(self.finished, min(offset, self.position))

    def reset(self, to: str) -> None:
        """Forget the position: it is to be looked up."""
        self._drop()
        self.reset_to = to
        self.in_hand = False
        self.position = self.finished = None

    def take_in(
        self,
        records: bytes | bytearray | memoryview,
        aborted: Sequence[AbortedTransaction] | None,
    ) -> None:
        """Buffer what was fetched at ``fetch_offset``, without what this reader must not see."""
        hidden = _Aborted(aborted)
        try:
            for start, header in split(records, check=False):
                self._take_in(records, start, header, hidden)
        except CorruptBatch as corrupt:
            self.error = self._corrupt(corrupt, self.fetch_offset)
            return
        self._settle()

    def _take_in(
        self, records: bytes | bytearray | memoryview, start: int, header: BatchHeader, hidden: _Aborted
    ) -> None:
        is_hidden = hidden.hides(header, records, start)
        if header.next_offset <= self.fetch_offset:
            return
        self.fetch_offset = header.next_offset
        if not is_hidden and header.record_count > 0:
            self._batches.append(_Batch(records, start, header))
            self.buffered_bytes += header.size_bytes

    def current(self) -> tuple[Columns, int, int] | None:
        """The batch in hand, the index of its next record, and its timestamp type; None for no more.

        Raises what fetching (``error``) or decoding failed with; the position stays, so the program can seek
        past it.
        """
        while self._columns is None:
            if self._batches:
                self._decode_next()
            elif self.error is not None:
                raise self.error
            else:
                return None
        return self._columns, self._index, self._timestamp_type

    def advance(self, index: int) -> None:
        """Records of the batch in hand before ``index`` are handed out."""
        columns = self._columns
        assert columns is not None
        if index < len(columns.offsets):
            self._index = index
            self.position = columns.offsets[index]
            return
        self.position = self._next_offset
        self._columns = None
        self._settle()

    def catch_up(self) -> None:
        """``position`` was moved on within the batch in hand: move along."""
        if self._columns is not None and self.position is not None:
            self.advance(bisect_left(self._columns.offsets, self.position))

    def _decode_next(self) -> None:
        batch = self._batches[0]
        try:
            columns = decode(batch.buffer, batch.start, check=self.checks_crcs)
        except CorruptBatch as corrupt:
            raise self._corrupt(corrupt, batch.header.base_offset) from corrupt
        self._batches.popleft()
        self.buffered_bytes -= batch.header.size_bytes
        # A fetch begins with the whole batch that holds its offset: records before it were handed out.
        index = 0
        if self.position is not None and columns.offsets and columns.offsets[0] < self.position:
            index = bisect_left(columns.offsets, self.position)
        self._next_offset = batch.header.next_offset
        self._timestamp_type = batch.header.timestamp_type
        self._columns = columns
        self.advance(index)

    def _settle(self) -> None:
        # Nothing is left to hand out: what was skipped (markers, aborted, compacted) is behind us too.
        if self._columns is None and not self._batches:
            self.position = self.fetch_offset

    def _drop(self) -> None:
        self._batches.clear()
        self._columns = None
        self._index = 0
        self.buffered_bytes = 0
        self.error = None

    def _corrupt(self, corrupt: CorruptBatch, offset: int) -> CorruptRecordException:
        topic, partition = self.topic_partition
        failure = CorruptRecordException(
            f"{topic!r} partition {partition}: the batch at offset {offset} cannot be read: {corrupt.reason}"
            "; check the data directory, or seek past it"
        )
        failure.__cause__ = corrupt
        return failure


class _Aborted:
    """Tells batches of aborted transactions, walking a partition's batches in order."""

    def __init__(self, aborted: Sequence[AbortedTransaction] | None) -> None:
        self._to_come = deque(sorted(aborted or (), key=lambda transaction: transaction.first_offset))
        self._open: set[int] = set()

    def hides(self, header: BatchHeader, buffer: bytes | bytearray | memoryview, start: int) -> bool:
        """Whether the batch is not for the program: a marker, or of an aborted transaction."""
        while self._to_come and self._to_come[0].first_offset <= header.last_offset:
            self._open.add(self._to_come.popleft().producer_id)
        if header.is_control:
            if header.producer_id in self._open and _is_abort(buffer, start):
                self._open.discard(header.producer_id)
            return True
        return header.is_transactional and header.producer_id in self._open


def _is_abort(buffer: bytes | bytearray | memoryview, start: int) -> bool:
    key = decode(buffer, start).keys[0]
    return read_marker(key) is Marker.ABORT
