"""Is what was recovered allowed by what was promised?

Owns: the comparison of a ``Seen`` with a ``History``, one function per promise of ``docs/contract.md``.
Must not know: files, or how the state came about.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.crash.batches import Record, is_within, producers_of, records_of, transactions_of
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
    yield from _of_producers(promised, seen)
    yield from _of_derived(promised, seen)


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
    ended = [batch for batch in promised.batches if batch.last < seen.end]
    transactions, _ = transactions_of(ended)
    aborted = {
        offset
        for transaction in transactions
        for batch in ended
        if is_within(batch, transaction)
        for offset in range(batch.first, batch.last + 1)
    }
    latest = {
        record[0]: offset
        for offset, record in sorted(given.items())
        if seen.start <= offset < seen.end and record[0] is not None and offset not in aborted
    }
    yield from _of_latest(latest, given, kept, promised.drops_tombstones)


def _of_latest(
    latest: dict[bytes | None, int],
    given: dict[int, Record],
    kept: dict[int, Record],
    drops_tombstones: bool,
) -> Iterator[str]:
    """The last record of each key stays; where it is a tombstone that was dropped, nothing older comes back."""
    for key, offset in latest.items():
        if offset in kept:
            continue
        if given[offset][1] is not None:
            yield f"L10: after compaction the last record of key {key!r} (offset {offset}) is gone"
        elif not drops_tombstones:
            yield f"L10: the tombstone of key {key!r} (offset {offset}) went before delete.retention.ms"
        elif back := [at for at, record in kept.items() if record[0] == key and at < offset]:
            yield f"L10: without its tombstone at {offset} key {key!r} is back at {back}"


def _of_producers(promised: PartitionHistory, seen: PartitionSeen) -> Iterator[str]:
    """L11: each producer is known by its epoch and its last batches, wherever those are by now."""
    if promised.is_partial:
        return
    expected = [producers_of([batch for batch in promised.batches if batch.last < seen.end])]
    if promised.refused is not None:
        kept = [batch for batch in promised.batches if batch.first < promised.refused.first]
        expected.append(producers_of([*kept, promised.refused]))
    if seen.producers not in expected:
        yield f"L11: producers are known as {seen.producers}, the records say {expected[0]}"


def _of_derived(promised: PartitionHistory, seen: PartitionSeen) -> Iterator[str]:
    """L6: what the caches answer must be what the records themselves say."""
    before = [batch for batch in promised.batches if batch.last < seen.start]
    aborted, opened = transactions_of([*before, *seen.batches])
    # A transaction that began below the log's start may be known to the index alone.
    aborted = [entry for entry in aborted if entry[1] >= seen.start]
    answered_aborted = [entry for entry in seen.aborted if entry[1] >= seen.start]
    if promised.is_compacted:
        yield from _of_compacted_aborts(promised, seen)
    elif promised.is_partial:
        if not set(aborted) <= set(answered_aborted):
            yield f"L6: aborted transactions {seen.aborted}, the records say {aborted}"
    elif sorted(aborted) != answered_aborted:
        yield f"L6: aborted transactions {seen.aborted}, the records say {aborted}"
    answered = {entry[0]: entry[-1] for entry in seen.open_producers if entry[-1] is not None}
    if answered != opened:
        yield f"L6: open transactions {answered}, the records say {opened}"
    stable = min([*opened.values(), seen.high_watermark])
    if seen.last_stable_offset != max(stable, seen.start):
        yield f"T6: last stable offset {seen.last_stable_offset}, the records say {stable}"


def _of_compacted_aborts(promised: PartitionHistory, seen: PartitionSeen) -> Iterator[str]:
    """What is left of an aborted transaction is listed as such; of what is gone, it may be."""
    aborted, _ = transactions_of(batch for batch in promised.batches if batch.last < seen.end)
    if not set(seen.aborted) <= set(aborted):
        yield f"L6: aborted transactions {seen.aborted}, the records said {aborted}"
    for batch in seen.batches:
        owners = [entry for entry in aborted if is_within(batch, entry)]
        if records_of(batch) and owners and not set(owners) & set(seen.aborted):
            yield f"L6: offset {batch.first} was aborted and is not listed: {seen.aborted}"


def _ranges(batches: tuple[Batch, ...] | list[Batch]) -> str:
    return ", ".join(f"{batch.first}-{batch.last}" for batch in batches) or "nothing"
