"""Is what was recovered allowed by what was promised?

Owns: the comparison of a ``Seen`` with a ``History``, one function per promise of ``docs/contract.md``.
Must not know: files, or how the state came about.
"""

from __future__ import annotations

from collections.abc import Iterator

from streamz_core.protocol import record_batch
from streamz_core.protocol.control import Marker, read_marker
from tests.crash.history import Batch, History, PartitionHistory
from tests.crash.observe import PartitionSeen, Seen


def violations(history: History, seen: Seen, *, is_kill: bool) -> list[str]:
    """Every broken promise, in words; empty if all are kept.

    ``is_kill``: the state follows from ``kill -9`` alone, so that ``os`` acknowledgements hold as well.
    """
    return [*_of_directory(history, seen), *_of_partitions(history, seen, is_kill)]


def _of_directory(history: History, seen: Seen) -> Iterator[str]:
    yield from (f"cannot be opened or read: {failure}" for failure in seen.failures)
    if seen.failures:
        return
    if history.cluster_id is not None and seen.cluster_id != history.cluster_id:
        yield f"cluster id was {history.cluster_id}, is {seen.cluster_id}"
    if seen.owner_epoch <= history.owner_epoch:
        yield f"L15: owner epoch {seen.owner_epoch} was used before ({history.owner_epoch})"
    for name in sorted(history.topics.keys() | seen.topics.keys()):
        state = seen.topics.get(name)
        allowed = history.topics.get(name, (None,))
        if state not in allowed:
            yield f"L10: topic {name!r} is {state}, may be {allowed}"


def _of_partitions(history: History, seen: Seen, is_kill: bool) -> Iterator[str]:
    for key, partition in seen.partitions.items():
        promised = history.partitions.get(key, PartitionHistory())
        name = next(name for name, state in seen.topics.items() if state.topic_id == key[0])
        for violation in of_partition(promised, partition, is_kill=is_kill):
            yield f"{name}-{key[1]}: {violation}"


def of_partition(promised: PartitionHistory, seen: PartitionSeen, *, is_kill: bool) -> Iterator[str]:
    """Every broken promise of one partition."""
    if not promised.start_low <= seen.start <= promised.start_high:
        yield f"L10: log start {seen.start}, may be {promised.start_low} to {promised.start_high}"
    floor = max(promised.synced_end, promised.shown_sync_end)
    if seen.end < promised.synced_end:
        yield f"L1: ends at {seen.end}, acknowledged at level sync up to {promised.synced_end}"
    if seen.end < promised.shown_sync_end:
        yield f"L3: ends at {seen.end}, shown to readers up to {promised.shown_sync_end}"
    if is_kill and seen.end < promised.written_end:
        yield f"L1 (kill -9): ends at {seen.end}, acknowledged at level os up to {promised.written_end}"
    if not seen.start <= seen.last_stable_offset <= seen.high_watermark <= seen.end:
        yield f"watermarks out of order: {seen}"
    if seen.high_watermark < min(floor, seen.end):
        yield f"L3: shows up to {seen.high_watermark}, was shown up to {floor}"
    yield from _of_content(promised, seen)
    yield from _of_derived(seen)


def _of_content(promised: PartitionHistory, seen: PartitionSeen) -> Iterator[str]:
    if promised.is_compacted:
        yield from _of_compacted_content(promised, seen)
        return
    expected = _within(promised.batches, seen)
    alternative = expected
    submitted = list(promised.batches)
    if promised.refused is not None:
        # The disk may still hold an append that failed, until another one has taken its place.
        kept = [batch for batch in promised.batches if batch.first < promised.refused.first]
        alternative = _within([*kept, promised.refused], seen)
        submitted.append(promised.refused)
    if seen.batches not in (expected, alternative):
        differs = "" if _ranges(seen.batches) != _ranges(expected) else ": bytes differ"
        yield (
            f"L2: holds {_ranges(seen.batches)}, was given {_ranges(expected)}"
            f" in [{seen.start}, {seen.end}){differs}"
        )
    ends = {seen.start, *(batch.last + 1 for batch in submitted)}
    if seen.end not in ends:
        yield f"L2: ends at {seen.end}, inside a batch"


def _within(batches: list[Batch], seen: PartitionSeen) -> tuple[Batch, ...]:
    return tuple(batch for batch in batches if batch.last >= seen.start and batch.first < seen.end)


def _of_compacted_content(promised: PartitionHistory, seen: PartitionSeen) -> Iterator[str]:
    if seen.end not in {seen.start, *(batch.last + 1 for batch in promised.batches)}:
        yield f"L2: ends at {seen.end}, inside a batch"
    given = {offset: record for batch in promised.batches for offset, record in records_of(batch)}
    kept = {offset: record for batch in seen.batches for offset, record in records_of(batch)}
    for offset, record in kept.items():
        if given.get(offset) != record:
            yield f"L10: after compaction offset {offset} holds {record}, was given {given.get(offset)}"
    latest = {
        key: offset
        for offset, (key, _, _) in sorted(given.items())
        if seen.start <= offset < seen.end and key is not None
    }
    for key, offset in latest.items():
        is_tombstone = given[offset][1] is None
        if offset not in kept and not is_tombstone:
            yield f"L10: after compaction the last record of key {key!r} (offset {offset}) is gone"


def records_of(batch: Batch) -> list[tuple[int, tuple[bytes | None, bytes | None, int]]]:
    """The records of a data batch with their offsets; none of a control batch."""
    if record_batch.read_header(batch.data).is_control:
        return []
    columns = record_batch.decode(batch.data)
    return list(
        zip(columns.offsets, zip(columns.keys, columns.values, columns.timestamps, strict=True), strict=True)
    )


def _of_derived(seen: PartitionSeen) -> Iterator[str]:
    """L6: what the caches answer must be what the records themselves say."""
    opened: dict[int, tuple[int, int]] = {}
    aborted: list[tuple[int, int, int]] = []
    for batch in seen.batches:
        header = record_batch.read_header(batch.data)
        if header.is_control:
            started = opened.pop(header.producer_id, None)
            (key,) = record_batch.decode(batch.data).keys
            if started is not None and read_marker(key) is Marker.ABORT:
                aborted.append((header.producer_id, started[1], batch.first))
        elif header.is_transactional:
            opened.setdefault(header.producer_id, (header.producer_epoch, batch.first))
    # A transaction that began below the log's start is known to the index alone.
    answered_aborted = [entry for entry in seen.aborted if entry[1] >= seen.start]
    if sorted(aborted) != answered_aborted:
        yield f"L6: aborted transactions {seen.aborted}, the records say {aborted}"
    still_open = {pid: first for pid, (_, first) in opened.items()}
    answered = {entry[0]: entry[-1] for entry in seen.open_producers if entry[-1] is not None}
    if answered != still_open:
        yield f"L6: open transactions {answered}, the records say {still_open}"
    stable = min([*still_open.values(), seen.high_watermark])
    if seen.last_stable_offset != max(stable, seen.start):
        yield f"T6: last stable offset {seen.last_stable_offset}, the records say {stable}"


def _ranges(batches: tuple[Batch, ...] | list[Batch]) -> str:
    return ", ".join(f"{batch.first}-{batch.last}" for batch in batches) or "nothing"
