"""Taking batches into what is known of a partition: when they are appended, and when they are read again.

Owns: the one way by which a batch changes a segment's summary, its indexes and the producers.
Must not know: where the batch comes from.
"""

from __future__ import annotations

from streamz_core.log.files import Buffer, File
from streamz_core.log.producer_state import ProducerState
from streamz_core.log.segment import Segment
from streamz_core.log.segment_scan import scan
from streamz_core.protocol.control import Marker, read_coordinator_epoch, read_marker
from streamz_core.protocol.record_batch import BatchHeader, CorruptBatch, decode


def take_in(
    segment: Segment,
    producers: ProducerState,
    headers: list[BatchHeader],
    batches: list[Buffer],
    now_ms: int,
    index_interval_bytes: int,
) -> list[tuple[int, int]]:
    """Take in the ``batches`` at the end of ``segment``, of which those of users' records need not be there whole.

    Answers with the markers that ended a transaction: their offset, and where the transaction began.
    """
    segment.observe(headers, batches, now_ms, index_interval_bytes)
    ended: list[tuple[int, int]] = []
    for header, data in zip(headers, batches, strict=True):
        if not header.is_control:
            producers.update(header, header.base_offset)
        elif header.record_count > 0:  # else a marker whose transaction compaction has removed altogether
            first_offset = _end_transaction(segment, producers, header, data)
            if first_offset >= 0:
                ended.append((header.base_offset, first_offset))
    return ended


def _end_transaction(segment: Segment, producers: ProducerState, header: BatchHeader, data: Buffer) -> int:
    marker = decode(data, check=False)
    first_offset, aborted = producers.end_transaction(
        header,
        committed=read_marker(marker.keys[0]) is Marker.COMMIT,
        coordinator_epoch=read_coordinator_epoch(marker.values[0]),
    )
    if aborted is not None and segment.indexes is not None:
        segment.indexes.transactions.add(aborted)
    return first_offset


def replay(
    segment: Segment,
    file: File,
    end: int,
    producers: ProducerState,
    now_ms: int,
    index_interval_bytes: int,
    *,
    gaps: bool,
) -> None:
    """Take in the batches from the end of what is known of ``segment`` to byte ``end`` of ``file``.

    Raises ``CorruptBatch`` at the first that is not sound; those before it are taken in.
    """
    start = segment.size_bytes
    for batch in scan(file, start, end, segment.next_offset, gaps=gaps):
        if batch.header.base_offset > segment.next_offset:
            segment.summary.is_compacted = True
        take_in(segment, producers, [batch.header], [batch.data], now_ms, index_interval_bytes)


def rebuild_indexes(segments: list[Segment], target: Segment, index_interval_bytes: int) -> None:
    """Find the indexes of the sealed segment ``target`` out of the log itself.

    Which transactions were aborted in it can depend on all segments before it; they are only read where it
    has any. Raises ``CorruptBatch`` if the segment is not what its seal says.
    """
    producers = ProducerState()
    if target.has_aborted:
        for segment in segments[: segments.index(target)]:
            before = Segment(segment.open_files, segment.directory, segment.base_offset)
            _replay_all(before, segment, producers, index_interval_bytes)
    rebuilt = Segment(target.open_files, target.directory, target.base_offset)
    interval = -1 if target.summary.is_compacted else index_interval_bytes
    _replay_all(rebuilt, target, producers, interval)
    if rebuilt.summary.frames_crc != target.summary.frames_crc:
        raise CorruptBatch(0, "its batches are not those it was sealed with")
    target.take_indexes_of(rebuilt)


def _replay_all(into: Segment, known: Segment, producers: ProducerState, interval: int) -> None:
    gaps = known.summary.is_compacted
    replay(into, known.file(), known.size_bytes, producers, known.summary.appended_ms, interval, gaps=gaps)
