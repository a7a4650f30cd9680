"""Checks of what consumers were given: all of it, in order, and nothing that is not committed.

Owns: skipped and repeated records, aborted and dirty reads.
Must not know: how values were acknowledged, or what groups committed.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterator

from tests.chaos.anomaly import Anomaly, Name
from tests.chaos.facts import Facts
from tests.chaos.operations import Kind, Partition, Polled, Positioned


def anomalies(facts: Facts) -> Iterator[Anomaly]:
    """All findings about reads."""
    yield from _uncommitted(facts)
    yield from _order(facts)


def visible_offsets(facts: Facts) -> dict[tuple[Partition, bool], list[int]]:
    """The offsets a reader of a partition has to be given, by level (read_committed or not), sorted."""
    return {
        (partition, is_committed): sorted(
            offset for offset in log.values if facts.is_visible(partition, offset, is_committed=is_committed)
        )
        for partition, log in facts.logs.items()
        for is_committed in (False, True)
    }


def _uncommitted(facts: Facts) -> Iterator[Anomaly]:
    for partition, log in facts.logs.items():
        for number, polled in log.polls:
            if not polled.is_committed:
                continue
            for offset, value in zip(polled.offsets, polled.values, strict=True):
                send, _ = facts.sender.get((partition, value), (None, 0))
                transaction = None if send is None else facts.transaction_of(send)
                if transaction is None:
                    continue
                seen = (partition, (offset,), (value,), (transaction.number, number))
                of = f"{polled.consumer} read what transaction {transaction.name} wrote"
                if transaction.is_aborted:
                    yield Anomaly(Name.ABORTED_READ, of, *seen)
                elif transaction.committing is not None and number < transaction.committing:
                    yield Anomaly(Name.DIRTY_READ, of, *seen)


def _order(facts: Facts) -> Iterator[Anomaly]:
    visible = visible_offsets(facts)
    positions: dict[tuple[str, Partition], int] = {}
    for number, operation in enumerate(facts.history):
        if isinstance(operation, Positioned):
            positions[operation.consumer, operation.partition] = operation.offset
        elif isinstance(operation, Polled) and operation.offsets:
            reading = (operation.consumer, operation.partition)
            position = positions.get(reading, operation.offsets[0])
            yield from _poll(facts, visible, number, operation, position)
            positions[reading] = operation.offsets[-1] + 1


def _poll(
    facts: Facts,
    visible: dict[tuple[Partition, bool], list[int]],
    number: int,
    polled: Polled,
    position: int,
) -> Iterator[Anomaly]:
    partition, offsets = polled.partition, polled.offsets
    if offsets[0] < position:
        what = f"{polled.consumer} was at {position}"
        yield Anomaly(Name.NONMONOTONIC_POLL, what, partition, offsets[:1], polled.values[:1], (number,))
    for before, after in itertools.pairwise(offsets):
        if after <= before:
            what = f"{polled.consumer} was given {after} after {before}"
            yield Anomaly(Name.INTERNAL_NONMONOTONIC_POLL, what, partition, (before, after), at=(number,))
    if facts.kind(partition) is Kind.COMPACTED:
        return  # compaction may take what is between any two records
    there, trimmed = visible[partition, polled.is_committed], facts.logs[partition].trimmed(number)
    starts = [(Name.POLL_SKIP, position, offsets[0])]
    starts += [(Name.INTERNAL_POLL_SKIP, a + 1, b) for a, b in itertools.pairwise(offsets)]
    for name, start, stop in starts:
        skipped = (*there[bisect_left(there, max(start, trimmed)) : bisect_left(there, stop)],)
        if skipped:
            values = tuple(value for offset in skipped for value in facts.logs[partition].values[offset])
            what = f"{polled.consumer} was at {start} and was given {stop}"
            yield Anomaly(name, what, partition, skipped, values, (number,))
