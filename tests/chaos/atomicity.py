"""Checks of what belongs together: a transaction's parts, a record and what was made of it.

Owns: torn transactions, and exactly-once between a topic and the topic made from it.
Must not know: how consumers came to what they read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.anomaly import Anomaly, Name
from tests.chaos.facts import Facts, Transaction
from tests.chaos.operations import CommittedSeen, Declared, Kind, Partition

Groups = dict[tuple[str, Partition], int]


def origin(value: str) -> str:
    """The value that ``value`` was made from: ``a>x`` was made from ``a``."""
    return value.rpartition(">")[0]


def anomalies(facts: Facts) -> Iterator[Anomaly]:
    """All findings about atomicity."""
    finals = {partition: log.final() for partition, log in facts.logs.items()}
    groups = _last_committed(facts)
    values = {partition: set(final.values()) for partition, final in finals.items()}
    for transaction in facts.transactions.values():
        yield from _torn(facts, transaction, values, groups)
    for declared in facts.topics.values():
        if declared.source:
            yield from _exactly_once(facts, declared, finals, groups)


def _last_committed(facts: Facts) -> Groups:
    """Where each group was last seen to be; 0 where it had committed nothing."""
    return {
        (seen.group, seen.partition): seen.offset or 0
        for seen in facts.history
        if isinstance(seen, CommittedSeen)
    }


def _torn(
    facts: Facts, transaction: Transaction, values: dict[Partition, set[str]], groups: Groups
) -> Iterator[Anomaly]:
    if transaction.is_aborted:
        return
    there, missing = [], []
    for send in transaction.sends:
        partition = send.call.partition
        log = facts.logs[partition]
        is_kept = facts.kind(partition) is Kind.KEPT and partition.topic not in facts.deleting
        if not log.is_read or not is_kept or log.trimmed():
            continue
        for value in send.call.values:
            (there if value in values[partition] else missing).append(f"{value} in {partition}")
    for added in transaction.offsets:
        # A group that is further says nothing: a later transaction may have brought it there.
        if groups.get((added.group, added.partition), added.offset) < added.offset:
            missing.append(f"{added.group} at {added.offset} of {added.partition}")
    if there and missing:
        what = f"transaction {transaction.name}: there is {there[0]}, and not {', '.join(missing[:4])}"
        yield Anomaly(Name.TORN_TRANSACTION, what, at=(transaction.number,))


def _exactly_once(
    facts: Facts, declared: Declared, finals: dict[Partition, dict[int, str]], groups: Groups
) -> Iterator[Anomaly]:
    outputs: dict[str, list[tuple[Partition, int]]] = defaultdict(list)
    for partition, final in finals.items():
        if partition.topic == declared.topic:
            for offset, value in final.items():
                outputs[origin(value)].append((partition, offset))
    for partition, final in finals.items():
        if partition.topic != declared.source:
            continue
        committed = groups.get((declared.group, partition), 0)
        for offset, value in final.items():
            found = outputs.pop(value, [])
            name = _verdict(len(found), is_below=offset < committed)
            if name is not None:
                made = ", ".join(f"{at} offset {number}" for at, number in found) or "nothing"
                what = f"{declared.group} is at {committed} and made {made} of it"
                yield Anomaly(name, what, partition, (offset,), (value,))
    if all(facts.logs[p].trimmed() == 0 for p in finals if p.topic == declared.source):
        for value, found in outputs.items():
            what = f"made from a value that is not in {declared.source}"
            yield Anomaly(Name.PHANTOM, what, found[0][0], tuple(at for _, at in found), (value,))


def _verdict(outputs: int, *, is_below: bool) -> Name | None:
    if outputs > 1:
        return Name.DUPLICATE_OUTPUT
    if is_below:
        return Name.MISSING_OUTPUT if outputs == 0 else None
    return Name.OUTPUT_AHEAD if outputs else None
