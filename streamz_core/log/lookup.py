"""Offsets by time, and the aborted transactions of a range.

Owns: searching the segments' time and transaction indexes.
Must not know: how far readers may see; callers say from where, and cut off what is beyond.
"""

from __future__ import annotations

from collections.abc import Iterator

from streamz_core.log.reader import Place, place_of
from streamz_core.log.segment import Segment
from streamz_core.log.segment_scan import ScannedBatch, scan
from streamz_core.log.segments import Segments
from streamz_core.protocol.record_batch import decode

OffsetAndTime = tuple[int, int]


def first_at_or_after(
    segments: Segments, timestamp: int, start_offset: int, index_interval_bytes: int
) -> OffsetAndTime | None:
    """The first record from ``start_offset`` on whose timestamp is ``timestamp`` (ms) or later."""
    for segment in segments:
        if segment.summary.max_timestamp < timestamp or segment.next_offset <= start_offset:
            continue
        segments.load_indexes(segment, index_interval_bytes)
        assert segment.indexes is not None
        entry = segment.indexes.times.floor(timestamp)
        place = place_of(segment, entry.offset) if entry is not None else Place(0, segment.base_offset)
        for batch in _data_batches(segment, place):
            if batch.header.max_timestamp < timestamp or batch.header.last_offset < start_offset:
                continue
            columns = decode(batch.data, check=False)
            for offset, found in zip(columns.offsets, columns.timestamps, strict=True):
                if found >= timestamp and offset >= start_offset:
                    return offset, found
    return None


def latest(segments: Segments, start_offset: int, index_interval_bytes: int) -> OffsetAndTime | None:
    """The first record that has the largest timestamp of all from ``start_offset`` on."""
    best: OffsetAndTime | None = None
    for segment in segments:
        if segment.next_offset <= start_offset or segment.summary.max_timestamp < 0:
            continue
        if best is not None and segment.summary.max_timestamp <= best[1]:
            continue
        segments.load_indexes(segment, index_interval_bytes)
        from_offset = max(start_offset, segment.base_offset)
        if segment.summary.max_timestamp_offset >= start_offset:
            from_offset = segment.summary.max_timestamp_offset
        found = _latest_in(segment, place_of(segment, from_offset), start_offset)
        if found is not None and (best is None or found[1] > best[1]):
            best = found
    return best


def _latest_in(segment: Segment, place: Place, start_offset: int) -> OffsetAndTime | None:
    best: OffsetAndTime | None = None
    for batch in _data_batches(segment, place):
        if best is not None and batch.header.max_timestamp <= best[1]:
            continue
        columns = decode(batch.data, check=False)
        for offset, found in zip(columns.offsets, columns.timestamps, strict=True):
            if offset >= start_offset and (best is None or found > best[1]):
                best = offset, found
        if best is not None and best[1] == segment.summary.max_timestamp:
            return best
    return best


def _data_batches(segment: Segment, place: Place) -> Iterator[ScannedBatch]:
    """The batches of records, not of markers, from ``place`` on."""
    gaps = segment.summary.is_compacted
    position, base_offset = place
    for batch in scan(segment.file(), position, segment.size_bytes, base_offset, gaps=gaps):
        if not batch.header.is_control and batch.header.record_count:
            yield batch


def aborted_between(
    segments: Segments, start: int, stop: int, index_interval_bytes: int
) -> list[tuple[int, int, int]]:
    """(producer id, first offset, last offset) of the aborted transactions that touch ``[start, stop)``."""
    found: list[tuple[int, int, int]] = []
    for number in range(max(segments.number_of(start), 0), len(segments)):
        segment = segments[number]
        if not segment.has_aborted:
            continue
        segments.load_indexes(segment, index_interval_bytes)
        assert segment.indexes is not None
        for aborted in segment.indexes.transactions.ending_from(start):
            if aborted.first_offset < stop:
                found.append((aborted.producer_id, aborted.first_offset, aborted.last_offset))
            if aborted.last_stable_offset >= stop:
                return found
    return found
