"""What the log remembers of each producer: its epoch, its last batches, its open transaction.

Owns: refusing duplicates, gaps and replaced producers; the first offset of the earliest open transaction.
Must not know: segments, files.

``check`` decides before a batch is written, ``update`` takes it in after; recovery replays ``update`` over
what is in the log. Sequences follow Kafka: int32, from 0 in each epoch, wrapping to 0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

import msgspec

from streamz_core.log.errors import InvalidTxnState, OutOfOrderSequence, ProducerFenced
from streamz_core.log.txn_index import AbortedTxn
from streamz_core.protocol.batch_header import BatchHeader

BATCHES_REMEMBERED: Final = 5
"""As many as a Kafka producer may have in flight."""
PRODUCERS_MAX: Final = 100_000
"""Beyond it the producers that were silent longest are forgotten, those in a transaction never."""
NO_PRODUCER: Final = -1
_SEQUENCE_MASK: Final = 0x7FFFFFFF


class BatchRecord(NamedTuple):
    """A batch an idempotent producer has written."""

    first_sequence: int
    last_sequence: int
    first_offset: int
    last_offset: int
    append_time_ms: int
    """The batch's own LogAppendTime, -1 for CreateTime."""


class Producer(msgspec.Struct, array_like=True):
    """One producer id in this partition."""

    epoch: int
    txn_first_offset: int = -1
    """Where its open transaction begins, -1 if it has none."""
    last_offset: int = -1
    batches: list[BatchRecord] = []
    last_timestamp_ms: int = -1
    """The latest timestamp of its last batch, or that of its last marker."""
    coordinator_epoch: int = -1
    """That of its last marker, -1 if it never ended a transaction here."""
    silent_ms: int = 0
    """For how long it has not written, as ``expire`` counts."""


class _Producers(msgspec.Struct, array_like=True):
    forgotten: bool
    producers: dict[int, Producer]


class ProducerState:
    """The producers of one partition."""

    def __init__(self) -> None:
        self._producers: dict[int, Producer] = {}
        self._open: dict[int, int] = {}  # producer id -> first offset; ascending, as they were opened
        self._forgotten = False

    def __len__(self) -> int:
        return len(self._producers)

    def producer(self, producer_id: int) -> Producer | None:
        """What is remembered of a producer id."""
        return self._producers.get(producer_id)

    def producers(self) -> Mapping[int, Producer]:
        """Producer id -> what is remembered of it."""
        return self._producers

    @property
    def first_open_offset(self) -> int | None:
        """The first offset of the earliest open transaction."""
        return next(iter(self._open.values()), None)

    def open_transactions(self) -> dict[int, tuple[int, int]]:
        """Producer id -> (epoch, first offset) of every open transaction."""
        return {pid: (self._producers[pid].epoch, first) for pid, first in self._open.items()}

    def remembered_offsets(self) -> frozenset[int]:
        """The last offsets of the batches that producers are known by: compaction keeps those batches."""
        batches = {record.last_offset for one in self._producers.values() for record in one.batches}
        return frozenset(batches | {one.last_offset for one in self._producers.values()})

    def next_sequence(self, producer_id: int, epoch: int) -> int:
        """The sequence that its next batch must have; 0 where nothing of that epoch is remembered."""
        producer = self._producers.get(producer_id)
        if producer is None or producer.epoch != epoch or not producer.batches:
            return 0
        return (producer.batches[-1].last_sequence + 1) & _SEQUENCE_MASK

    def check(self, name: str, headers: list[BatchHeader]) -> BatchRecord | None:
        """Whether these batches may be appended; the record of the first one if all are duplicates.

        ``name`` is the partition's, for messages. Raises ``OutOfOrderSequence``, ``ProducerFenced``,
        ``InvalidTxnState``.
        """
        if all(header.producer_id < 0 for header in headers):
            return None
        found = [self._duplicate_of(header) for header in headers]
        if all(found):
            first, last = found[0], found[-1]
            assert first is not None
            assert last is not None
            return first._replace(last_offset=last.last_offset)
        followed: dict[int, tuple[int, int]] = {}
        for header, duplicate in zip(headers, found, strict=True):
            if duplicate is not None:
                raise OutOfOrderSequence(f"{name}: {_who(header)} sends a batch again together with new ones")
            if header.producer_id >= 0:
                self._check_new(name, header, followed.get(header.producer_id))
                followed[header.producer_id] = (header.producer_epoch, _last_sequence(header))
        return None

    def check_marker(self, name: str, producer_id: int, epoch: int) -> None:
        """Whether a producer of that epoch may end a transaction here; raises ``ProducerFenced``."""
        producer = self._producers.get(producer_id)
        if producer is not None and epoch < producer.epoch:
            raise ProducerFenced(
                f"{name}: producer {producer_id} cannot end a transaction at epoch {epoch}: "
                f"epoch {producer.epoch} has written here"
            )

    def update(self, header: BatchHeader, offset: int) -> None:
        """Take in a data batch that is now in the log at ``offset`` (or was found there)."""
        producer_id = header.producer_id
        if producer_id < 0:
            return
        producer = self._producers.pop(producer_id, None)
        if producer is None:
            self._make_room()
            producer = Producer(header.producer_epoch, batches=[])
        elif producer.epoch != header.producer_epoch:
            producer.epoch = header.producer_epoch
            producer.batches = []
        self._producers[producer_id] = producer  # the last in order is the one heard of last
        last_offset = offset + header.last_offset_delta
        producer.last_offset = last_offset
        producer.last_timestamp_ms = header.max_timestamp
        producer.silent_ms = 0
        if header.base_sequence >= 0:
            time = header.max_timestamp if header.timestamp_type else -1
            record = BatchRecord(header.base_sequence, _last_sequence(header), offset, last_offset, time)
            producer.batches.append(record)
            del producer.batches[:-BATCHES_REMEMBERED]
        if header.is_transactional and producer.txn_first_offset < 0:
            producer.txn_first_offset = offset
            self._open[producer_id] = offset

    def end_transaction(
        self, header: BatchHeader, *, committed: bool, coordinator_epoch: int
    ) -> tuple[int, AbortedTxn | None]:
        """Take in a marker: the first offset of what it ended (or -1), its entry if aborted."""
        producer_id, epoch, offset = header.producer_id, header.producer_epoch, header.base_offset
        producer = self._producers.pop(producer_id, None)
        if producer is None:
            self._make_room()
            producer = Producer(epoch, batches=[])
        elif epoch > producer.epoch:
            producer.epoch = epoch
            producer.batches = []
        self._producers[producer_id] = producer
        first = producer.txn_first_offset
        producer.txn_first_offset = -1
        producer.last_offset = offset
        producer.last_timestamp_ms = header.max_timestamp
        producer.coordinator_epoch = coordinator_epoch
        producer.silent_ms = 0
        self._open.pop(producer_id, None)
        if first < 0 or committed:
            return first, None
        stable = self.first_open_offset
        return first, AbortedTxn(producer_id, first, offset, offset + 1 if stable is None else stable)

    def expire(self, elapsed_ms: float, expiration_ms: int) -> int:
        """Forget the producers silent for that long, but for those in a transaction; how many.

        ``elapsed_ms`` is the time since the last call, which no change of the wall clock can stretch. Neither
        can the records' timestamps: a producer that copies old history must not lose its place for that.
        """
        silent = []
        for producer_id, producer in self._producers.items():
            producer.silent_ms += int(elapsed_ms)
            if producer.silent_ms >= expiration_ms and producer_id not in self._open:
                silent.append(producer_id)
        for producer_id in silent:
            del self._producers[producer_id]
        self._forgotten = self._forgotten or bool(silent)
        return len(silent)

    def before(self, offset: int) -> ProducerState:
        """What it knew of a log that ended at ``offset``, as far as that tells what follows from there.

        To replay a log whose oldest segments are gone: what is at ``offset`` or behind it is in the log itself.
        """
        state = ProducerState()
        state._forgotten = self._forgotten
        known = {producer_id: _before(one, offset) for producer_id, one in self._producers.items()}
        state._take({producer_id: one for producer_id, one in known.items() if one is not None})
        return state

    def forget_others(self, known: Collection[int], offset: int) -> None:
        """Let go of what batches below ``offset`` told of any but the ``known`` producers: they were forgotten.

        Compaction may have dropped the last batches of who was forgotten, and those that are left would tell
        that an older sequence follows.
        """
        for producer_id, producer in list(self._producers.items()):
            if producer_id in known or producer_id in self._open:
                continue
            producer.batches = [record for record in producer.batches if record.last_offset >= offset]
            if producer.last_offset < offset:
                del self._producers[producer_id]

    def encode(self) -> bytes:
        """All of it, for a snapshot."""
        return msgspec.msgpack.encode(_Producers(self._forgotten, self._producers))

    @classmethod
    def decode(cls, data: bytes) -> ProducerState:
        """From a snapshot's bytes; raises ``msgspec.DecodeError`` if they are anything else."""
        decoded = msgspec.msgpack.decode(data, type=_Producers)
        state = cls()
        state._forgotten = decoded.forgotten
        state._take(decoded.producers)
        return state

    def _take(self, producers: dict[int, Producer]) -> None:
        self._producers = producers
        opened = [(one.txn_first_offset, pid) for pid, one in producers.items()]
        self._open = {pid: first for first, pid in sorted(opened) if first >= 0}

    def _duplicate_of(self, header: BatchHeader) -> BatchRecord | None:
        producer = self._producers.get(header.producer_id)
        if producer is None or producer.epoch != header.producer_epoch:
            return None
        last_sequence = _last_sequence(header)
        for record in producer.batches:
            if record.first_sequence == header.base_sequence and record.last_sequence == last_sequence:
                return record
        return None

    def _check_new(self, name: str, header: BatchHeader, followed: tuple[int, int] | None) -> None:
        producer = self._producers.get(header.producer_id)
        epoch = followed[0] if followed else producer.epoch if producer else None
        if epoch is not None and header.producer_epoch < epoch:
            raise ProducerFenced(f"{name}: {_who(header)} was replaced: epoch {epoch} has written here")
        if producer is not None and producer.txn_first_offset >= 0:
            if not header.is_transactional:
                raise InvalidTxnState(f"{name}: {_who(header)} writes outside the transaction it has open")
            if header.producer_epoch != producer.epoch:
                raise InvalidTxnState(
                    f"{name}: {_who(header)} has a transaction of epoch {producer.epoch} open"
                )
        expected = _expected_sequence(header, producer, followed, self._forgotten)
        if expected is not None and header.base_sequence != expected:
            raise OutOfOrderSequence(
                f"{name}: {_who(header)} sends sequence {header.base_sequence}, {expected} follows; "
                "a batch before it was not written"
            )

    def _make_room(self) -> None:
        if len(self._producers) < PRODUCERS_MAX:
            return
        silent = next((pid for pid in self._producers if pid not in self._open), None)
        if silent is not None:
            del self._producers[silent]
            self._forgotten = True


def _before(producer: Producer, offset: int) -> Producer | None:
    """The producer without what it did at ``offset`` and behind it; None if nothing else is known of it."""
    batches = [record for record in producer.batches if record.last_offset < offset]
    first = producer.txn_first_offset if producer.txn_first_offset < offset else -1
    if producer.last_offset < offset:
        return producer
    if not batches and first < 0:
        return None
    last_offset = batches[-1].last_offset if batches else first
    return msgspec.structs.replace(producer, batches=batches, txn_first_offset=first, last_offset=last_offset)


def _expected_sequence(
    header: BatchHeader, producer: Producer | None, followed: tuple[int, int] | None, has_forgotten: bool
) -> int | None:
    """The sequence that must come next, None if any may."""
    if followed is not None and followed[0] == header.producer_epoch:
        return (followed[1] + 1) & _SEQUENCE_MASK
    if producer is None:
        return None if has_forgotten else 0
    if header.producer_epoch != producer.epoch:
        return 0
    if not producer.batches:
        return None if has_forgotten else 0
    return (producer.batches[-1].last_sequence + 1) & _SEQUENCE_MASK


def _last_sequence(header: BatchHeader) -> int:
    return (header.base_sequence + header.last_offset_delta) & _SEQUENCE_MASK


def _who(header: BatchHeader) -> str:
    return f"producer {header.producer_id} of epoch {header.producer_epoch}"
