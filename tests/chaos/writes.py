"""Checks of what was written: each promised value is there, once, where and in the order it was sent.

Owns: lost, duplicated, moved, reordered and foreign values.
Must not know: transactions beyond the outcome of a value's own, and groups.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.anomaly import Anomaly, Name
from tests.chaos.facts import Facts, Outcome, Send
from tests.chaos.operations import Kind, Partition


def anomalies(facts: Facts) -> Iterator[Anomaly]:
    """All findings about writes."""
    yield from _inconsistent_offsets(facts)
    yield from _acknowledged_twice(facts)
    for partition in facts.logs:
        if facts.kind(partition) is not Kind.DERIVED:
            yield from _duplicates(facts, partition)
            yield from _foreign(facts, partition)
    yield from _wrong_offsets(facts)
    yield from _reordered(facts)
    yield from _lost(facts)
    yield from _vanished(facts)
    yield from _compacted_away(facts)


def _inconsistent_offsets(facts: Facts) -> Iterator[Anomaly]:
    for partition, log in facts.logs.items():
        for offset, values in log.values.items():
            if len(values) > 1:
                what = "readers saw different values"
                yield Anomaly(
                    Name.INCONSISTENT_OFFSETS, what, partition, (offset,), (*values,), (*values.values(),)
                )


def _acknowledged_twice(facts: Facts) -> Iterator[Anomaly]:
    taken: dict[tuple[Partition, int], tuple[str, int]] = {}
    for send in facts.sends.values():
        for offset, value in zip(send.offsets, send.call.values, strict=False):
            other, number = taken.setdefault((send.call.partition, offset), (value, send.number))
            if other != value:
                yield Anomaly(
                    Name.INCONSISTENT_OFFSETS,
                    "two values were acknowledged there",
                    send.call.partition,
                    (offset,),
                    (other, value),
                    (number, send.number),
                )


def _duplicates(facts: Facts, partition: Partition) -> Iterator[Anomaly]:
    for value, offsets in facts.logs[partition].offsets.items():
        if len(offsets) > 1:
            what = "sent once"
            yield Anomaly(Name.DUPLICATE, what, partition, (*offsets,), (value,), (*offsets.values(),))


def _foreign(facts: Facts, partition: Partition) -> Iterator[Anomaly]:
    for value, offsets in facts.logs[partition].offsets.items():
        send, _ = facts.sender.get((partition, value), (None, 0))
        seen = (partition, (*offsets,), (value,), (*offsets.values(),))
        if send is None or min(offsets.values()) < send.number:
            yield Anomaly(Name.PHANTOM, "nobody had sent it to this partition", *seen)
        elif send.outcome is Outcome.REFUSED:
            yield Anomaly(Name.REFUSED_WRITE, f"{send.call.producer} was told it failed", *seen)


def _wrong_offsets(facts: Facts) -> Iterator[Anomaly]:
    for send in facts.sends.values():
        seen_at = facts.logs[send.call.partition].offsets
        for offset, value in zip(send.offsets, send.call.values, strict=False):
            seen = seen_at.get(value)
            if seen and offset not in seen:
                yield Anomaly(
                    Name.WRONG_OFFSET,
                    f"acknowledged at {offset}, seen at {', '.join(map(str, seen))}",
                    send.call.partition,
                    (*seen,),
                    (value,),
                    (send.number, *seen.values()),
                )


def _reordered(facts: Facts) -> Iterator[Anomaly]:
    last: dict[tuple[str, Partition], tuple[int, str]] = {}
    for send in facts.sends.values():
        seen_at = facts.logs[send.call.partition].offsets
        for value in send.call.values:
            if value not in seen_at:
                continue
            offset = min(seen_at[value])
            line = (send.call.producer, send.call.partition)
            before, earlier = last.get(line, (-1, ""))
            if offset < before:
                what = f"{send.call.producer} sent {value} after {earlier}"
                at = (send.number, *seen_at[value].values())
                yield Anomaly(
                    Name.REORDERED, what, send.call.partition, (before, offset), (earlier, value), at
                )
            last[line] = max((before, earlier), (offset, value))


def _lost(facts: Facts) -> Iterator[Anomaly]:
    finals = {partition: set(log.final().values()) for partition, log in facts.logs.items()}
    for send in facts.sends.values():
        partition = send.call.partition
        if facts.kind(partition) is not Kind.KEPT or not facts.must_be_there(send):
            continue
        if partition.topic in facts.deleting:
            continue
        log = facts.logs[partition]
        for place, value in enumerate(send.call.values):
            offset = send.offsets[place] if place < len(send.offsets) else None
            is_there = value in (finals[partition] if log.is_read else log.offsets)
            # Where a log was read to its end, what it starts with is known; else what may be gone is.
            may_be_gone = log.start if log.is_read and offset is not None else log.trimmed()
            if is_there or (offset or 0) < may_be_gone:
                continue
            if log.is_read or (offset is not None and offset < log.read_end):
                yield _missing(send, offset, value, log.read_end)


def _missing(send: Send, offset: int | None, value: str, read_end: int) -> Anomaly:
    is_beyond = offset is not None and offset >= read_end
    name = Name.UNSEEN if is_beyond else Name.LOST_WRITE
    offsets = () if offset is None else (offset,)
    what = f"acknowledged to {send.call.producer}, and read up to {read_end}"
    if send.call.transaction:
        what += f", transaction {send.call.transaction} being committed"
    return Anomaly(name, what, send.call.partition, offsets, (value,), (send.number,))


def _vanished(facts: Facts) -> Iterator[Anomaly]:
    """What readers of committed records were shown is shown at the end as well."""
    for partition, log in facts.logs.items():
        if not log.is_read or facts.kind(partition) is Kind.COMPACTED or partition.topic in facts.deleting:
            continue
        final = log.final()
        for offset in sorted(log.committed):
            if offset not in final and offset >= log.start:
                what = "was read, and is gone"
                values = (*log.values[offset],)
                yield Anomaly(Name.LOST_WRITE, what, partition, (offset,), values, (log.committed[offset],))


def _compacted_away(facts: Facts) -> Iterator[Anomaly]:
    latest: dict[tuple[Partition, str], tuple[int, str, int]] = {}
    for send in facts.sends.values():
        if facts.kind(send.call.partition) is Kind.COMPACTED and facts.must_be_there(send):
            for offset, value, key in zip(send.offsets, send.call.values, send.call.keys, strict=False):
                place = (send.call.partition, key)
                latest[place] = max(latest.get(place, (-1, "", -1)), (offset, value, send.number))
    kept: dict[tuple[Partition, str], int] = defaultdict(lambda: -1)
    for partition, log in facts.logs.items():
        if facts.kind(partition) is not Kind.COMPACTED:
            continue
        for offset, value in log.final().items():
            send, place = facts.sender.get((partition, value), (None, 0))
            if send is not None:
                kept[partition, send.call.keys[place]] = offset
    for (partition, key), (offset, value, number) in latest.items():
        log = facts.logs[partition]
        if log.is_read and kept[partition, key] < offset and partition.topic not in facts.deleting:
            what = f"the last of key {key}; what is left of the key ends at {kept[partition, key]}"
            yield Anomaly(Name.COMPACTED_AWAY, what, partition, (offset,), (value,), (number,))
