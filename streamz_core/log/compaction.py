"""Keeping the last record of each key.

Owns: which segments of a compacted topic are worth rewriting, which of their records stay, and writing what
stays into a new segment with the offsets it had.
Must not know: how the new segment takes the old ones' place (``swap``), who asks and when.

What stays: the last record of each key; tombstones and transaction markers until ``delete.retention.ms``
after the run that could first have dropped them; markers as long as data of their transaction; records
without a key. Records of aborted transactions go. A batch that is emptied stays, empty, where it is the last
of its segment (so that no reader's position gets stuck) or tells what a producer sent last.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from streamz_core.log.config import NEVER, TopicConfig
from streamz_core.log.files import File
from streamz_core.log.segment import Segment, SegmentSummary
from streamz_core.log.segment_scan import LEADER_EPOCH, ScannedBatch, scan
from streamz_core.protocol.batch_frame import with_records
from streamz_core.protocol.batch_keys import Picked, mark, note_keys, pick
from streamz_core.protocol.record_batch import (
    BatchHeader,
    Columns,
    CorruptBatch,
    check_crc,
    decode,
    encode,
    read_header,
)

KEYS_BYTES_MAX: Final = 96 << 20
"""Memory one run may take for the keys it knows; what is beyond them waits for the next run."""
_KEY_BYTES: Final = 120
"""What a key takes beside its own bytes: a bytes object, an offset, and their place in a dictionary."""
_WRITE_BYTES: Final = 1 << 20

AbortedRange = tuple[int, int, int]


class CompactionResult(NamedTuple):
    """What one run did."""

    segments_before: int = 0
    segments_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0


class LastRecords(NamedTuple):
    """Which records of the offsets from ``start`` to ``stop`` are the last of their key."""

    offsets: dict[bytes, int]
    """Key -> offset of its last record."""
    start: int
    stop: int
    flags: bytearray
    """One byte for each offset from ``start`` on: 1 for the last of its key, and for records without one. So a record
    that was learned is not looked up a second time: with many keys nothing costs more."""

    def is_outdated(self, header: BatchHeader) -> bool:
        """Whether every record of a batch has a later one with its key; told without looking at them."""
        if not self._covers(header):
            return False
        return self.flags.find(1, header.base_offset - self.start, header.next_offset - self.start) < 0

    def stays(self, header: BatchHeader, columns: Columns) -> list[bool]:
        """Which records of a batch have no key, or no later one with it as far as is known."""
        if header.base_offset >= self.stop:
            return [True] * len(columns)
        rows = zip(columns.keys, columns.offsets, strict=True)
        if self._covers(header):
            return [key is None or self.offsets.get(key) == offset for key, offset in rows]
        return [key is None or key not in self.offsets for key, _ in rows]

    def pick(self, batch: ScannedBatch) -> Picked:
        """The records of a batch that ``stays`` tells, without decoding them."""
        header = batch.header
        flags = None
        if self._covers(header):
            flags = bytes(self.flags[header.base_offset - self.start : header.next_offset - self.start])
        known = self.offsets if header.base_offset < self.stop else {}
        return pick(batch.buffer, batch.at, header, flags, known)

    def _covers(self, header: BatchHeader) -> bool:
        return self.start <= header.base_offset and header.next_offset <= self.stop


def count_cleanable(summaries: Sequence[SegmentSummary], config: TopicConfig, limit: int, now_ms: int) -> int:
    """How many of the oldest segments may be rewritten: below ``limit``, old enough, not the active one."""
    count = 0
    for summary in summaries[:-1]:
        if summary.next_offset > limit or now_ms - summary.appended_ms < config.min_compaction_lag_ms:
            break
        count += 1
    return count


def is_worth_it(summaries: Sequence[SegmentSummary], config: TopicConfig, now_ms: int) -> bool:
    """Whether enough of these segments is dirty, or dirty for too long, or tombstones are due."""
    dirty = [summary for summary in summaries if summary.clean_until < summary.next_offset]
    total = sum(summary.size_bytes for summary in summaries)
    if any(summary.delete_horizon_ms <= now_ms for summary in summaries):
        return True
    if not dirty or not total:
        return False
    if config.max_compaction_lag_ms != NEVER and now_ms - dirty[0].created_ms > config.max_compaction_lag_ms:
        return True
    return sum(summary.size_bytes for summary in dirty) / total >= config.min_cleanable_dirty_ratio


def groups(segments: Sequence[Segment], segment_bytes: int) -> list[list[Segment]]:
    """Neighbours that fit into one segment together."""
    found: list[list[Segment]] = []
    size = 0
    for segment in segments:
        fits = size + segment.size_bytes <= segment_bytes
        if found and fits and segment.next_offset - found[-1][0].base_offset < 1 << 31:
            found[-1].append(segment)
            size += segment.size_bytes
        else:
            found.append([segment])
            size = segment.size_bytes
    return found


class Compaction:
    """One run over the oldest segments of a partition."""

    def __init__(
        self,
        aborted: Iterable[AbortedRange],
        remembered_offsets: frozenset[int],
        delete_retention_ms: int,
        now_ms: int,
    ) -> None:
        """``remembered_offsets`` are the last offsets of the batches that producers are known by."""
        self._aborted: dict[int, list[tuple[int, int]]] = {}
        for producer_id, first, last in aborted:
            self._aborted.setdefault(producer_id, []).append((first, last))
        self._remembered = remembered_offsets
        self._horizon_ms = now_ms + delete_retention_ms
        self._now_ms = now_ms
        self.deletions_kept_from = 0
        """The offset after the last tombstone that was dropped because its time had come."""
        self._kept_data: set[int] = set()  # producers of whose running transaction something stays
        self._last = LastRecords({}, 0, 0, bytearray())

    def learn_keys(self, segments: Sequence[Segment], keys_bytes_max: int = KEYS_BYTES_MAX) -> Iterator[None]:
        """Find the last record of each key in what no run has cleaned yet; one batch a step."""
        offsets: dict[bytes, int] = {}
        flags = bytearray()
        taken = 0
        start = min((_dirty_from(one) for one in segments if _is_dirty(one)), default=0)
        stop = start
        for batch in _batches_from(start, segments):
            yield
            header = batch.header
            if taken + len(flags) >= keys_bytes_max:
                break
            stop = header.next_offset
            flags += bytes(stop - start - len(flags))
            if header.is_control or header.record_count == 0 or self._is_aborted(header):
                continue
            before = len(offsets)
            keyless, key_bytes = note_keys(batch.buffer, batch.at, header, offsets)
            for offset in keyless:
                flags[offset - start] = 1
            taken += (len(offsets) - before) * (_KEY_BYTES + key_bytes // header.record_count)
        mark(flags, offsets, start)
        self._last = LastRecords(offsets, start, stop, flags)

    def rewrite(self, group: Sequence[Segment], target: Segment, file: File) -> Generator[None, None, bool]:
        """Write what stays of ``group`` to ``file``, describe it in ``target``; one batch a step.

        Returns whether anything changed.
        """
        changed = len(group) > 1
        pending: list[bytes] = []
        written = 0
        horizon = NEVER
        end = group[-1].next_offset
        for segment in group:
            for batch in _batches(segment, check=False):
                yield
                data = self._kept(batch, is_last=batch.header.next_offset == end)
                if data is None:
                    changed = True
                    continue
                changed = changed or len(data) != batch.header.size_bytes or data != batch.data
                header = read_header(data)
                if header.delete_horizon_ms is not None and header.delete_horizon_ms > self._now_ms:
                    horizon = min(horizon, header.delete_horizon_ms)
                target.observe([header], [data], segment.summary.appended_ms, -1)
                pending.append(data)
                if target.size_bytes - written >= _WRITE_BYTES:
                    written = _write(file, written, pending)
        _write(file, written, pending)
        target.summary.created_ms = group[0].summary.created_ms
        target.summary.is_compacted = True
        target.summary.clean_until = min(end, self._last.stop)
        target.summary.delete_horizon_ms = horizon
        return changed

    def _kept(self, batch: ScannedBatch, *, is_last: bool) -> bytes | None:
        """What stays of a batch: its own bytes, a smaller batch, or None for nothing."""
        header = batch.header
        if not header.is_control and (self._is_aborted(header) or self._last.is_outdated(header)):
            return self._emptied(header, is_last=is_last)
        # Only now: what goes need not be sound, and most of it was checked when its keys were learned.
        if not check_crc(batch.buffer, batch.at, header):
            raise CorruptBatch(batch.position, "its checksum is not that of its bytes")
        if header.is_control:
            return self._kept_marker(batch, is_last=is_last)
        picked = self._last.pick(batch)
        if picked.has_tombstones:
            return self._kept_with_tombstones(batch, is_last=is_last)
        if picked.record_count == 0:
            return self._emptied(header, is_last=is_last)
        self._keep_data_of(header)
        if picked.record_count == header.record_count:
            return bytes(batch.data)
        return with_records(header, picked.records, picked.record_count, picked.max_timestamp)

    def _kept_with_tombstones(self, batch: ScannedBatch, *, is_last: bool) -> bytes | None:
        """What stays of a batch whose remaining records tell of deletions, which are kept for a time."""
        header = batch.header
        columns = decode(batch.buffer, batch.at, check=False)
        stays = self._last.stays(header, columns)
        horizon = header.delete_horizon_ms
        has_tombstones = None in columns.values
        if has_tombstones and horizon is not None and self._now_ms >= horizon:
            self._forget_deletions(columns, stays)
            stays = [stay and value is not None for stay, value in zip(stays, columns.values, strict=True)]
            has_tombstones = False
        if True not in stays:
            return self._emptied(header, is_last=is_last)
        self._keep_data_of(header)
        if has_tombstones and horizon is None and header.next_offset <= self._last.stop:
            horizon = self._horizon_of(columns, stays)
        if False not in stays and horizon == header.delete_horizon_ms:
            return bytes(batch.data)
        return _encode_some(header, columns, stays, horizon)

    def _keep_data_of(self, header: BatchHeader) -> None:
        if header.is_transactional:
            self._kept_data.add(header.producer_id)

    def _forget_deletions(self, columns: Columns, stays: list[bool]) -> None:
        rows = zip(stays, columns.values, columns.offsets, strict=True)
        last = max((offset for stay, value, offset in rows if stay and value is None), default=-1)
        self.deletions_kept_from = max(self.deletions_kept_from, last + 1)

    def _horizon_of(self, columns: Columns, stays: list[bool]) -> int | None:
        """When the tombstones that stay may go, if there are any."""
        pairs = zip(stays, columns.values, strict=True)
        return self._horizon_ms if any(stay and value is None for stay, value in pairs) else None

    def _kept_marker(self, batch: ScannedBatch, *, is_last: bool) -> bytes | None:
        header = batch.header
        has_data = header.producer_id in self._kept_data
        self._kept_data.discard(header.producer_id)
        horizon = header.delete_horizon_ms
        if has_data or header.last_offset in self._remembered or header.record_count == 0:
            return bytes(batch.data)
        if horizon is None:
            columns = decode(batch.data, check=False)
            return _encode_some(header, columns, [True] * len(columns), self._horizon_ms)
        if self._now_ms < horizon:
            return bytes(batch.data)
        return self._emptied(header, is_last=is_last)

    def _emptied(self, header: BatchHeader, *, is_last: bool) -> bytes | None:
        """The batch without records, if it must still be there; it belongs to no transaction any more."""
        is_remembered = header.last_offset in self._remembered
        if not is_last and not is_remembered:
            return None
        keeps_producer = is_remembered and not header.is_control
        return encode(
            [],
            [],
            [],
            base_offset=header.base_offset,
            leader_epoch=LEADER_EPOCH,
            last_offset_delta=header.last_offset_delta,
            producer_id=header.producer_id if keeps_producer else -1,
            producer_epoch=header.producer_epoch if keeps_producer else -1,
            base_sequence=header.base_sequence if keeps_producer else -1,
        )

    def _is_aborted(self, header: BatchHeader) -> bool:
        if not header.is_transactional:
            return False
        ranges = self._aborted.get(header.producer_id, ())
        return any(first <= header.base_offset <= last for first, last in ranges)


def finish(steps: Generator[None, None, CompactionResult]) -> CompactionResult:
    """Take all the steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: CompactionResult = end.value
            return result


def _encode_some(header: BatchHeader, columns: Columns, stays: list[bool], horizon: int | None) -> bytes:
    """The batch with the records that stay, all else as it was."""
    chosen = [number for number, stay in enumerate(stays) if stay]
    headers = columns.headers
    return encode(
        [columns.keys[number] for number in chosen],
        [columns.values[number] for number in chosen],
        [columns.timestamps[number] for number in chosen],
        [headers[number] for number in chosen] if headers is not None else None,
        compression=header.compression,
        base_offset=header.base_offset,
        producer_id=header.producer_id,
        producer_epoch=header.producer_epoch,
        base_sequence=header.base_sequence,
        transactional=header.is_transactional,
        control=header.is_control,
        leader_epoch=LEADER_EPOCH,
        offset_deltas=[columns.offsets[number] - header.base_offset for number in chosen],
        last_offset_delta=header.last_offset_delta,
        append_time_ms=header.max_timestamp if header.timestamp_type else None,
        delete_horizon_ms=horizon,
    )


def _batches(segment: Segment, *, check: bool = True) -> Iterator[ScannedBatch]:
    gaps = segment.summary.is_compacted
    file = segment.open_files.pin(segment.path)  # between two steps others open files too
    try:
        yield from scan(file, 0, segment.size_bytes, segment.base_offset, gaps=gaps, check=check)
    finally:
        segment.open_files.unpin(file)


def _batches_from(start: int, segments: Sequence[Segment]) -> Iterator[ScannedBatch]:
    for segment in segments:
        if segment.next_offset > start:
            for batch in _batches(segment):
                if batch.header.last_offset >= start:
                    yield batch


def _is_dirty(segment: Segment) -> bool:
    return segment.summary.clean_until < segment.next_offset


def _dirty_from(segment: Segment) -> int:
    return max(segment.summary.clean_until, segment.base_offset)


def _write(file: File, position: int, pending: list[bytes]) -> int:
    data = b"".join(pending)
    pending.clear()
    if data:
        file.write_at(position, data)
    return position + len(data)
