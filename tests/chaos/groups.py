"""Checks of groups: committed offsets, what they pass over, and who owns what.

Owns: which committed offset may be seen when, and owners by generation.
Must not know: how records came to be where they are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.anomaly import Anomaly, Name
from tests.chaos.facts import Facts, Transaction
from tests.chaos.operations import (
    AnyOperation,
    Assigned,
    Begun,
    CommitFailed,
    Committed,
    CommittedSeen,
    Committing,
    Ended,
    Ending,
    OffsetsAdded,
    Opening,
    Partition,
    Polled,
)
from tests.chaos.reads import visible_offsets

Place = tuple[str, Partition]


def anomalies(facts: Facts) -> Iterator[Anomaly]:
    """All findings about groups."""
    offsets = _CommittedOffsets(facts)
    for number, operation in enumerate(facts.history):
        yield from offsets.take(number, operation)
    yield from _past_end(facts)
    yield from _passed_over(facts)
    yield from _owners(facts)


@dataclass(slots=True)
class _Place:
    """What one group's committed offset of one partition may be."""

    possible: set[int | None] = field(default_factory=lambda: {None})
    pending: dict[str, int] = field(default_factory=dict)
    """Commits that were asked for and not answered: by call, or by transaction."""
    meanwhile: dict[str, set[int]] = field(default_factory=dict)
    """For those, what was acknowledged while they were under way: either may have been the later one."""


class _CommittedOffsets:
    """Follows what each committed offset may be, and finds what was seen and may not be."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        # Of a group whose commits are not in the history, an app's, it is known that it does not go back.
        told = (one for one in facts.history if isinstance(one, Committing | OffsetsAdded))
        self._told = {one.group for one in told}
        self._places: dict[Place, _Place] = defaultdict(_Place)
        self._calls: dict[str, tuple[Place, int]] = {}
        self._undecided: dict[str, str] = {}  # by producer, its transaction that was ended and not answered

    def take(self, number: int, operation: AnyOperation) -> Iterator[Anomaly]:
        match operation:
            case Committing(call=call, group=group, partition=partition, offset=offset):
                self._calls[call] = ((group, partition), offset)
                self._places[group, partition].pending[call] = offset
            case Committed(call=call):
                place, offset = self._calls[call]
                self._settle(place, call, offset)
            case CommitFailed(call=call):
                place, _ = self._calls[call]
                self._places[place].pending.pop(call, None)
            case Opening():
                self._give_up_calls()
            case Begun(producer=producer):
                self._decide(self._undecided.pop(producer, None))
            case Ending(transaction=name, commit=True):
                self._ending(self._facts.transactions[name])
            case Ending(transaction=name) | Ended(transaction=name):
                self._ended(self._facts.transactions[name], is_ended=isinstance(operation, Ended))
            case CommittedSeen():
                yield from self._seen(number, operation)

    def _ending(self, transaction: Transaction) -> None:
        self._undecided[transaction.producer] = transaction.name
        for added in transaction.offsets:
            self._places[added.group, added.partition].pending[transaction.name] = added.offset

    def _ended(self, transaction: Transaction, *, is_ended: bool) -> None:
        self._undecided.pop(transaction.producer, None)
        for added in transaction.offsets:
            place = (added.group, added.partition)
            if is_ended and transaction.is_committed:
                self._settle(place, transaction.name, added.offset)
            else:
                self._places[place].pending.pop(transaction.name, None)

    def _decide(self, name: str | None) -> None:
        """The producer has gone on, so its transaction of unknown outcome is one or the other by now."""
        if name is None:
            return
        for added in self._facts.transactions[name].offsets:
            place = self._places[added.group, added.partition]
            if name in place.pending:
                place.possible.add(place.pending.pop(name))

    def _give_up_calls(self) -> None:
        """The process is gone, and with it what it had asked for: it happened before, or never will."""
        for place in self._places.values():
            for call in [call for call in place.pending if call in self._calls]:
                place.possible.add(place.pending.pop(call))

    def _settle(self, at: Place, call: str, offset: int) -> None:
        place = self._places[at]
        place.pending.pop(call, None)
        place.possible = {offset, *place.meanwhile.pop(call, ())}
        for other in place.pending:
            place.meanwhile.setdefault(other, set()).add(offset)

    def _seen(self, number: int, seen: CommittedSeen) -> Iterator[Anomaly]:
        place = self._places[seen.group, seen.partition]
        allowed = place.possible | set(place.pending.values())
        is_further = (seen.offset or 0) >= max(offset or 0 for offset in allowed)
        if seen.offset in allowed or (is_further and seen.group not in self._told):
            place.possible = {seen.offset}
            return
        known = sorted(-1 if offset is None else offset for offset in allowed)
        is_behind = (-1 if seen.offset is None else seen.offset) < known[-1]
        name = Name.LOST_COMMITTED_OFFSET if is_behind else Name.PHANTOM_COMMITTED_OFFSET
        may_be = ", ".join("none" if offset < 0 else str(offset) for offset in known)
        what = f"group {seen.group} is at {seen.offset}, may be at {may_be}"
        offsets = () if seen.offset is None else (seen.offset,)
        yield Anomaly(name, what, seen.partition, offsets, at=(number,))


def _past_end(facts: Facts) -> Iterator[Anomaly]:
    seen = {
        (operation.group, operation.partition): (number, operation.offset or 0)
        for number, operation in enumerate(facts.history)
        if isinstance(operation, CommittedSeen)
    }
    for (group, partition), (number, offset) in seen.items():
        log = facts.logs[partition]
        if log.bounds and offset > log.bounds[-1][1].end:
            at, bounds = log.bounds[-1]
            what = f"group {group}; the log ends at {bounds.end}"
            yield Anomaly(Name.COMMITTED_PAST_END, what, partition, (offset,), at=(at, number))


def _passed_over(facts: Facts) -> Iterator[Anomaly]:
    visible = visible_offsets(facts)
    given: dict[Place, set[int]] = defaultdict(set)
    checked: dict[Place, int] = defaultdict(int)
    for number, operation in enumerate(facts.history):
        if isinstance(operation, Polled) and operation.group:
            given[operation.group, operation.partition].update(operation.offsets)
        elif isinstance(operation, Committing | OffsetsAdded):
            place = (operation.group, operation.partition)
            log = facts.logs[operation.partition]
            start = max(checked[place], log.trimmed(number))
            there = visible.get((operation.partition, True), [])
            there = there[bisect_left(there, start) : bisect_left(there, operation.offset)]
            checked[place] = max(checked[place], operation.offset)
            missed = tuple(offset for offset in there if offset not in given[place])
            if missed:
                values = tuple(value for offset in missed for value in log.values[offset])
                what = f"group {operation.group} went to {operation.offset}"
                yield Anomaly(Name.PASSED_OVER, what, operation.partition, missed, values, (number,))


def _owners(facts: Facts) -> Iterator[Anomaly]:
    owners: dict[tuple[str, int, Partition], tuple[str, int]] = {}
    newest: dict[str, int] = defaultdict(lambda: -1)
    calls: dict[str, tuple[int, Committing, int]] = {}
    for number, operation in enumerate(facts.history):
        match operation:
            case Opening():
                owners.clear()
                newest.clear()
            case Assigned(consumer=consumer, group=group, generation=generation):
                newest[group] = max(newest[group], generation)
                for partition in operation.partitions:
                    owner, at = owners.setdefault((group, generation, partition), (consumer, number))
                    if owner != consumer:
                        what = f"{owner} and {consumer} in generation {generation} of group {group}"
                        yield Anomaly(Name.TWO_OWNERS, what, partition, at=(at, number))
            case Committing(call=call, group=group):
                calls[call] = (number, operation, newest[group])
            case Committed(call=call):
                at, committing, generation = calls[call]
                if 0 <= committing.generation < generation:
                    what = (
                        f"{committing.consumer} of generation {committing.generation}"
                        f" committed in generation {generation} of group {committing.group}"
                    )
                    offsets = (committing.offset,)
                    yield Anomaly(Name.STALE_COMMIT, what, committing.partition, offsets, at=(at, number))
