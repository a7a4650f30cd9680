"""Finding out, at opening, what a partition holds.

Owns: the order of belief: recovery point, seals, snapshots, and last the bytes themselves; what is a torn
tail (after the recovery point: cut off) and what is rot (before it: nothing is touched, the partition stops).
Must not know: readers, durability levels.

Its cost is bounded by what was written since the last snapshot. Running it again, from any state a crash
inside it can leave, ends in the same state.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from streamz_core.log import layout, partition_metadata, snapshot
from streamz_core.log.errors import CorruptRecord, PartitionFailed
from streamz_core.log.partition_directory import PartitionDirectory
from streamz_core.log.partition_metadata import PartitionMetadata
from streamz_core.log.producer_state import ProducerState
from streamz_core.log.reader import place_of
from streamz_core.log.recovery_point import RecoveryPoint, RecoveryPointFile
from streamz_core.log.replay import replay
from streamz_core.log.segment import Segment
from streamz_core.log.segment_scan import is_blank, scan
from streamz_core.log.swap import finish_interrupted
from streamz_core.protocol.record_batch import CorruptBatch

REPLAYED_BYTES_MAX: Final = 1 << 20
"""A replay longer than this leaves a snapshot behind, so that the next one is shorter."""
_COPY_BYTES: Final = 1 << 20


class Recovered(NamedTuple):
    """A partition as it is found: segments in order (none if nothing was ever written), producers, end."""

    segments: list[Segment]
    producers: ProducerState
    next_offset: int
    replayed_bytes: int
    truncated_bytes: int


class Recovery:
    """One run over one partition directory."""

    def __init__(
        self,
        directory: PartitionDirectory,
        metadata: PartitionMetadata,
        now_ms: int,
        index_interval_bytes: int,
    ) -> None:
        self._directory = directory
        self._metadata = metadata
        self._log_start_offset = metadata.log_start_offset
        self._now_ms = now_ms
        self._index_interval_bytes = index_interval_bytes
        self._segments: list[Segment] = []
        self._sizes: dict[int, int] = {}
        self._producers = ProducerState()
        self._truncated_bytes = 0
        self._replayed_bytes = 0
        self._changed = False
        self._is_from_log_alone = False

    def run(self, point_file: RecoveryPointFile) -> Recovered:
        """Recover. Raises ``CorruptRecord`` or ``PartitionFailed`` for rot, ``OSError`` from the disk."""
        self._changed = finish_interrupted(self._directory)
        self._list_segments()
        found = point_file.read()
        self._drop_without_beginning(found)
        if not self._segments:
            return self._empty(found)
        point = self._believed(found)
        first = self._start_from_snapshot(point)
        self._replay(first, point)
        self._forget_producers()
        self._cut_below_start()
        self._settle(point, found, point_file)
        end = max(self._segments[-1].next_offset if self._segments else 0, self._log_start_offset)
        self._limit_metadata(end)
        return Recovered(self._segments, self._producers, end, self._replayed_bytes, self._truncated_bytes)

    # -- what is there ------------------------------------------------------------------------------

    def _list_segments(self) -> None:
        directory = self._directory
        bases = directory.offsets(layout.LOG_SUFFIX)
        dead = [base for base, after in pairwise(bases) if after <= self._log_start_offset]
        if self._log_start_offset > (bases[0] if bases else 0):
            # The process that moved the start up to here may have been killed before that was durable.
            directory.sync()
        for base in dead:  # retention or delete_records was interrupted
            directory.unlink(layout.offset_name(base, layout.LOG_SUFFIX))
            directory.unlink_segment_caches(base)
            self._changed = True
        for base in bases[len(dead) :]:
            segment = Segment(directory.open_files, directory.path, base)
            self._segments.append(segment)
            self._sizes[base] = directory.files.size_of(segment.path)

    def _drop_without_beginning(self, found: RecoveryPoint | None) -> None:
        """Where nothing was ever durable, a power cut may keep a later segment's name, lose the first's."""
        start = self._log_start_offset
        never_durable = found is not None and found.next_offset <= start
        if never_durable and self._segments and self._segments[0].base_offset > start:
            self._drop_from(0)

    def _empty(self, point: RecoveryPoint | None) -> Recovered:
        if point is not None and point.next_offset > self._log_start_offset:
            raise self._missing(self._log_start_offset, point.next_offset)
        self._drop_stale(self._log_start_offset)
        if self._changed:
            self._directory.sync()
        producers = self._remembered_before(self._log_start_offset)
        self._limit_metadata(self._log_start_offset)
        return Recovered([], producers, self._log_start_offset, 0, 0)

    def _believed(self, found: RecoveryPoint | None) -> RecoveryPoint:
        """The recovery point in terms of the segments that are there."""
        first = self._segments[0].base_offset
        last = self._segments[-1].base_offset
        if first > self._log_start_offset:
            raise self._missing(self._log_start_offset, first)
        if found is None:
            return RecoveryPoint(last, 0, last)
        if found.segment_base < first and found.next_offset <= first:
            return RecoveryPoint(first, 0, first)
        if found.segment_base not in self._sizes:
            raise self._missing(found.segment_base, max(found.next_offset, found.segment_base + 1))
        return found

    def _missing(self, start: int, stop: int) -> PartitionFailed:
        return PartitionFailed(
            f"{self._directory.name}: offsets {start} to {stop - 1} are missing: no segment file in "
            f"{self._directory.path} holds them; restore it from a backup, or give them up with 'streamz repair'"
        )

    # -- what is believed ---------------------------------------------------------------------------

    def _start_from_snapshot(self, point: RecoveryPoint) -> int:
        """Take in the newest usable snapshot; the place of the first segment to replay."""
        for offset in reversed(self._directory.offsets(layout.SNAPSHOT_SUFFIX)):
            if offset > point.next_offset:
                continue
            place = self._use_snapshot(offset)
            if place is not None:
                return place
        for segment in self._segments:
            segment.reset()
        self._producers = self._remembered_before(self._segments[0].base_offset)
        self._is_from_log_alone = True
        return 0

    def _use_snapshot(self, offset: int) -> int | None:
        found = snapshot.read(self._directory, offset)
        if found is None:
            return None
        bases = list(self._sizes)
        base = found.summary.base_offset
        if base not in self._sizes or found.summary.size_bytes > self._sizes[base]:
            return None
        place = bases.index(base)
        if not all(self._use_seal(number) for number in range(place)):
            return None
        segment = self._segments[place]
        if not segment.load_indexes(found.digests):
            return None
        segment.summary = found.summary
        self._producers = found.decode_producers()
        return place

    def _use_seal(self, place: int) -> bool:
        segment = self._segments[place]
        seal = segment.read_seal(self._directory.topic_id, self._directory.partition)
        follows = self._segments[place + 1].base_offset
        if seal is None or seal.summary.size_bytes != self._sizes[segment.base_offset]:
            return False
        if seal.summary.next_offset != follows:
            return False
        segment.use_seal(seal)
        return True

    def _remembered_before(self, offset: int) -> ProducerState:
        """What was known of producers before the segments below ``offset`` were removed, which told of it."""
        remembered = self._metadata.producers
        return ProducerState.decode(remembered).before(offset) if remembered else ProducerState()

    def _forget_producers(self) -> None:
        """Who had been forgotten when records were removed last is not known by those that were left."""
        metadata = self._metadata
        if self._is_from_log_alone and metadata.producers:
            known = ProducerState.decode(metadata.producers).producers()
            self._producers.forget_others(known, metadata.producers_known_to)

    def _limit_metadata(self, end: int) -> None:
        """What follows is written at offsets of a lost tail: the metadata must not speak of them."""
        if self._metadata.producers_known_to > end:
            limited = msgspec.structs.replace(self._metadata, producers_known_to=end)
            partition_metadata.store(self._directory.files, self._directory.path, limited)

    # -- what the bytes say ---------------------------------------------------------------------------

    def _replay(self, first: int, point: RecoveryPoint) -> None:
        for place in range(first, len(self._segments)):
            segment = self._segments[place]
            if place > first and segment.base_offset != self._segments[place - 1].next_offset:
                self._misfit(place, point)
                return
            follows = self._segments[place + 1].base_offset if place + 1 < len(self._segments) else -1
            if not self._replay_segment(segment, point, follows):
                self._drop_from(place + 1)
                return

    def _replay_segment(self, segment: Segment, point: RecoveryPoint, follows: int) -> bool:
        """Replay one segment to its end; False if it was torn, and is now cut.

        ``follows`` is where the next one begins, -1 if there is none.
        """
        base = segment.base_offset
        size = self._sizes[base]
        start, known_end = segment.size_bytes, segment.next_offset
        is_torn = False
        try:
            file = self._directory.open_files.get(segment.path)
            gaps = base < point.segment_base
            replay(segment, file, size, self._producers, self._now_ms, self._index_interval_bytes, gaps=gaps)
        except CorruptBatch as error:
            if segment.next_offset == follows and is_blank(file, error.position, size):
                self._give_room_back(segment)
                return True
            if base < point.segment_base or (base == point.segment_base and error.position < point.position):
                raise self._rot(segment, point, error) from None
            self._require_known(segment, start, known_end)
            self._truncated_bytes += size - segment.size_bytes
            is_torn = True
        if base == point.segment_base and segment.size_bytes < point.position:
            ends = CorruptBatch(segment.size_bytes, f"the file ends before byte {point.position}")
            raise self._rot(segment, point, ends)
        self._replayed_bytes += segment.size_bytes - start
        return not is_torn

    def _give_room_back(self, segment: Segment) -> None:
        """All its batches are there, and behind them what was taken for more: that it was given back was lost."""
        self._directory.open_files.get(segment.path).truncate(segment.size_bytes)
        self._sizes[segment.base_offset] = segment.size_bytes
        self._changed = True

    def _require_known(self, segment: Segment, stop: int, next_offset: int) -> None:
        """The bytes before ``stop``, that a snapshot spared us, are what they were: else this is another file.

        Looks at as many as the index leaves between two entries, before anything is cut off behind them.
        """
        if not stop:
            return
        place = place_of(segment, next_offset - 1)
        file = self._directory.open_files.get(segment.path)
        end = place.base_offset
        try:
            for batch in scan(file, place.position, stop, end, gaps=False):
                end = batch.header.next_offset
            if end != next_offset:
                raise CorruptBatch(stop, f"offset {end} follows where {next_offset} did")
        except CorruptBatch as error:
            raise CorruptRecord(
                self._directory.name, segment.path, end, next_offset, error.position, error.reason
            ) from None

    def _rot(self, segment: Segment, point: RecoveryPoint, error: CorruptBatch) -> CorruptRecord:
        bases = [base for base in self._sizes if base > segment.base_offset]
        stop = bases[0] if bases else max(point.next_offset, segment.next_offset + 1)
        name = self._directory.name
        return CorruptRecord(name, segment.path, segment.next_offset, stop, error.position, error.reason)

    def _misfit(self, place: int, point: RecoveryPoint) -> None:
        """The segment at ``place`` does not begin where the one before it ends."""
        before, segment = self._segments[place - 1], self._segments[place]
        if segment.base_offset <= point.segment_base:
            raise self._missing(before.next_offset, max(segment.base_offset, before.next_offset + 1))
        self._drop_from(place)

    def _drop_from(self, place: int) -> None:
        """Segments that follow a torn one were never acknowledged."""
        for segment in self._segments[place:]:
            self._truncated_bytes += self._sizes[segment.base_offset]
        self._changed = True
        for segment in reversed(self._segments[place:]):
            self._directory.unlink(layout.offset_name(segment.base_offset, layout.LOG_SUFFIX))
            self._directory.unlink_segment_caches(segment.base_offset)
        del self._segments[place:]

    def _cut_below_start(self) -> None:
        """A log that ends below its start was deleted up to there; its offsets are not given out again."""
        if self._segments[-1].next_offset < self._log_start_offset:
            self._drop_from(0)

    # -- making it stay so ------------------------------------------------------------------------------

    def _settle(
        self, point: RecoveryPoint, found: RecoveryPoint | None, point_file: RecoveryPointFile
    ) -> None:
        """Make what was found durable before anyone is shown it."""
        if not self._segments:
            self._drop_stale(self._log_start_offset)
            self._directory.sync()
            return
        active = self._segments[-1]
        end = RecoveryPoint(active.base_offset, active.size_bytes, active.next_offset)
        self._drop_stale(active.next_offset)
        # The point of a new partition is as old as its directory: it says nothing of an empty segment's name.
        is_known = end == found and active.size_bytes > 0
        if is_known and not self._changed and not self._truncated_bytes:
            return
        self._directory.unlink(layout.offset_name(active.base_offset, layout.SEAL_SUFFIX))
        for segment in self._segments:
            if segment.base_offset >= point.segment_base:
                start = point.position if segment.base_offset == point.segment_base else 0
                self._write_again(segment, start)
        self._directory.sync()
        self._seal_all()
        point_file.write(end)
        if self._replayed_bytes > REPLAYED_BYTES_MAX:
            data = snapshot.encode(self._directory, active, self._producers)
            snapshot.write(self._directory, active.next_offset, data)

    def _write_again(self, segment: Segment, start: int) -> None:
        """Write the tail again and sync it: after a failed sync, pages may look clean and not be on disk."""
        file = self._directory.open_files.get(segment.path)
        position = start
        while position < segment.size_bytes:
            data = file.read_at(position, min(_COPY_BYTES, segment.size_bytes - position))
            file.write_at(position, data)
            position += len(data)
        if self._sizes[segment.base_offset] != segment.size_bytes:
            file.truncate(segment.size_bytes)
        file.datasync()

    def _drop_stale(self, end: int) -> None:
        """Snapshots beyond the end, and what lies beside a segment that is gone, tell of other batches."""
        bases = {segment.base_offset for segment in self._segments}
        for name in self._directory.files.listdir(self._directory.path):
            offset = layout.offset_of(name, layout.SNAPSHOT_SUFFIX)
            is_stale = offset is not None and offset > end
            for suffix in layout.SEGMENT_CACHE_SUFFIXES:
                base = layout.offset_of(name, suffix)
                is_stale = is_stale or (base is not None and base not in bases)
            if is_stale:
                self._directory.unlink(name)
                self._changed = True

    def _seal_all(self) -> None:
        """Seal what the replay has read and is not active; its indexes need not stay in memory."""
        for segment in self._segments[:-1]:
            if segment.indexes is not None:
                segment.seal(self._directory.topic_id, self._directory.partition)
