"""What the records of a partition say by themselves, without any index or snapshot.

Owns: reading ``Batch`` values, and the folds over them: aborted and open transactions, producers.
Must not know: how the log answers the same questions.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from streamz_core.protocol import record_batch
from streamz_core.protocol.control import Marker, read_marker
from streamz_core.protocol.record_batch import BatchHeader
from tests.crash.history import Batch
from tests.crash.observe import Producers

Record = tuple[bytes | None, bytes | None, int]
"""Key, value, timestamp."""

AbortedTransaction = tuple[int, int, int]
"""Producer id, first offset, offset of the marker."""

BATCHES_REMEMBERED = 5
"""Of each producer, as Kafka has it; said again here so that a change of the log's own number is noticed."""


@functools.lru_cache(maxsize=4_096)
def header_of(batch: Batch) -> BatchHeader:
    """The batch's header."""
    return record_batch.read_header(batch.data)


@functools.lru_cache(maxsize=4_096)
def records_of(batch: Batch) -> tuple[tuple[int, Record], ...]:
    """The records of a data batch with their offsets; none of a control batch."""
    if header_of(batch).is_control:
        return ()
    columns = record_batch.decode(batch.data)
    records = zip(columns.keys, columns.values, columns.timestamps, strict=True)
    return tuple(zip(columns.offsets, records, strict=True))


@functools.lru_cache(maxsize=4_096)
def is_abort(batch: Batch) -> bool:
    """Whether a control batch ends a transaction in vain."""
    (key,) = record_batch.decode(batch.data).keys
    return read_marker(key) is Marker.ABORT


def transactions_of(batches: Iterable[Batch]) -> tuple[list[AbortedTransaction], dict[int, int]]:
    """The aborted transactions, and producer id -> first offset of those that are open."""
    opened: dict[int, int] = {}
    aborted: list[AbortedTransaction] = []
    for batch in batches:
        header = header_of(batch)
        if header.is_control:
            first = opened.pop(header.producer_id, None)
            if first is not None and is_abort(batch):
                aborted.append((header.producer_id, first, batch.first))
        elif header.is_transactional:
            opened.setdefault(header.producer_id, batch.first)
    return aborted, opened


def is_within(batch: Batch, transaction: AbortedTransaction) -> bool:
    """Whether a batch is data of a transaction."""
    header = header_of(batch)
    producer_id, first, last = transaction
    is_data = header.is_transactional and not header.is_control
    return is_data and header.producer_id == producer_id and first <= batch.first < last


def producers_of(batches: Iterable[Batch]) -> Producers:
    """Each producer's epoch and last batches."""
    producers: Producers = {}
    for batch in batches:
        header = header_of(batch)
        if header.producer_id < 0:
            continue
        epoch, known = producers.get(header.producer_id, (header.producer_epoch, ()))
        if header.producer_epoch > epoch:
            epoch, known = header.producer_epoch, ()
        if not header.is_control:
            last = header.base_sequence + header.last_offset_delta
            known = (*known, (header.base_sequence, last, batch.first, batch.last))[-BATCHES_REMEMBERED:]
        producers[header.producer_id] = epoch, known
    return producers
