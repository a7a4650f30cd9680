"""What a broken log would do to a good history: one operator for each anomaly.

Owns: the operators. Each makes of a good history the one that clients would have written down if the
log had broken that one promise, or None where the history gives it no occasion.
Must not know: the checker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import TypeVar

import msgspec

from tests.chaos.anomaly import Name
from tests.chaos.operations import (
    AnyOperation,
    Assigned,
    Begun,
    Bounds,
    Committed,
    CommittedSeen,
    Committing,
    Ended,
    Ending,
    History,
    OffsetsAdded,
    Operation,
    Partition,
    Polled,
    Sending,
    Sent,
)

Op = TypeVar("Op", bound=Operation)
Mutation = Callable[[History, Random], History | None]


def all_of(history: History, kind: type[Op]) -> Iterator[tuple[int, Op]]:
    """The operations of one kind, with their numbers."""
    return ((number, one) for number, one in enumerate(history) if isinstance(one, kind))


def pick(random: Random, found: Iterator[tuple[int, Op]]) -> tuple[int, Op] | None:
    """One of ``found``, None if there is none."""
    listed = list(found)
    return random.choice(listed) if listed else None


def put(history: History, number: int, *instead: AnyOperation) -> History:
    """``history`` with ``instead`` in the place of one operation."""
    return (*history[:number], *instead, *history[number + 1 :])


def without(polled: Polled, gone: set[str]) -> Polled:
    """``polled`` as if the values had not been there."""
    kept = [(o, v) for o, v in zip(polled.offsets, polled.values, strict=True) if v not in gone]
    return msgspec.structs.replace(
        polled, offsets=tuple(o for o, _ in kept), values=tuple(v for _, v in kept)
    )


def never_there(history: History, partition: Partition, gone: set[str]) -> History:
    """``history`` as if nobody had been given the values."""
    return tuple(
        without(one, gone) if isinstance(one, Polled) and one.partition == partition else one
        for one in history
    )


def finals(history: History) -> Iterator[tuple[int, Polled]]:
    """The last reading of each partition."""
    return ((number, polled) for number, polled in all_of(history, Polled) if polled.consumer == "last")


def acknowledged(history: History) -> dict[tuple[Partition, str], int]:
    """Offsets of what was acknowledged outside of transactions."""
    calls = {one.call: one for _, one in all_of(history, Sending) if not one.transaction}
    return {
        (calls[one.call].partition, value): offset
        for _, one in all_of(history, Sent)
        if one.call in calls
        for value, offset in zip(calls[one.call].values, one.offsets, strict=True)
    }


def lose_from_the_middle(history: History, random: Random) -> History | None:
    promised = acknowledged(history)
    found = pick(
        random,
        ((n, p) for n, p in finals(history) if any((p.partition, v) in promised for v in p.values[:-1])),
    )
    if found is None:
        return None
    _, polled = found
    value = next(v for v in polled.values[:-1] if (polled.partition, v) in promised)
    return never_there(history, polled.partition, {value})


def lose_from_the_end(history: History, random: Random) -> History | None:
    """The last of a log is gone, and nobody had read that far."""
    promised = acknowledged(history)
    ends = {
        partition: max(o for _, p in all_of(history, Polled) if p.partition == partition for o in p.offsets)
        for partition in {p.partition for _, p in finals(history)}
    }
    found = pick(
        random,
        (
            (n, p)
            for n, p in finals(history)
            if (p.partition, p.values[-1]) in promised and p.offsets[-1] == ends[p.partition]
        ),
    )
    return None if found is None else never_there(history, found[1].partition, {found[1].values[-1]})


def forget_at_the_end(history: History, random: Random) -> History | None:
    """What a reader of committed records had been given is gone at the end."""
    read = {
        (p.partition, v)
        for _, p in all_of(history, Polled)
        if p.is_committed and p.consumer != "last"
        for v in p.values
    }
    found = pick(
        random, ((n, p) for n, p in finals(history) if any((p.partition, v) in read for v in p.values))
    )
    if found is None:
        return None
    number, polled = found
    return put(
        history,
        number,
        without(polled, {random.choice([v for v in polled.values if (polled.partition, v) in read])}),
    )


def write_twice(history: History, random: Random) -> History | None:
    found = pick(random, finals(history))
    if found is None:
        return None
    number, polled = found
    again = msgspec.structs.replace(
        polled,
        offsets=(*polled.offsets, polled.offsets[-1] + 1),
        values=(*polled.values, random.choice(polled.values)),
    )
    return put(history, number, again)


def reissue_an_offset(history: History, random: Random) -> History | None:
    """After a crash an offset that was read holds another value."""
    found = pick(random, ((n, p) for n, p in all_of(history, Polled) if p.consumer != "last"))
    if found is None:
        return None
    number, polled = found
    return put(history, number, msgspec.structs.replace(polled, values=("other", *polled.values[1:])))


def acknowledge_elsewhere(history: History, random: Random) -> History | None:
    promised = acknowledged(history)
    calls = {one.call: one for _, one in all_of(history, Sending)}
    seen = {(p.partition, v) for _, p in finals(history) for v in p.values}
    found = pick(
        random,
        (
            (n, s)
            for n, s in all_of(history, Sent)
            if {(calls[s.call].partition, calls[s.call].values[0])} <= seen & promised.keys()
        ),
    )
    if found is None:
        return None
    number, one = found
    return put(
        history, number, msgspec.structs.replace(one, offsets=tuple(offset + 1_000 for offset in one.offsets))
    )


def swap_two(history: History, random: Random) -> History | None:
    """Two values of one producer change places, for everybody."""
    producers = {(one.partition, v): one.producer for _, one in all_of(history, Sending) for v in one.values}
    pairs = [
        (p.partition, a, b)
        for _, p in finals(history)
        for a, b in zip(p.values, p.values[1:], strict=False)
        if producers.get((p.partition, a)) == producers.get((p.partition, b))
    ]
    if not pairs:
        return None
    partition, a, b = random.choice(pairs)
    swapped = {a: b, b: a}
    return tuple(
        msgspec.structs.replace(one, values=tuple(swapped.get(v, v) for v in one.values))
        if isinstance(one, Polled) and one.partition == partition
        else one
        for one in history
    )


def invent(history: History, random: Random) -> History | None:
    found = pick(random, finals(history))
    if found is None:
        return None
    number, polled = found
    more = msgspec.structs.replace(
        polled, offsets=(*polled.offsets, polled.offsets[-1] + 1), values=(*polled.values, "invented")
    )
    return put(history, number, more)


def show_refused(history: History, random: Random) -> History | None:
    refused = {one.call for one in history if type(one).__name__ == "SendFailed"}
    found = pick(random, ((n, s) for n, s in all_of(history, Sending) if s.call in refused))
    if found is None:
        return None
    _, one = found
    end = next(b.end for _, b in all_of(history, Bounds) if b.partition == one.partition and b.reader)
    return (*history, Polled("late", one.partition, (end,), one.values[:1]))


def show_aborted(history: History, random: Random) -> History | None:
    aborted = {one.transaction for _, one in all_of(history, Ending) if not one.commit}
    found = pick(random, ((n, s) for n, s in all_of(history, Sending) if s.transaction in aborted))
    if found is None:
        return None
    _, one = found
    offset = next(s.offsets[0] for _, s in all_of(history, Sent) if s.call == one.call)
    return (*history, Polled("late", one.partition, (offset,), one.values[:1]))


def show_too_early(history: History, random: Random) -> History | None:
    ended = {one.transaction for _, one in all_of(history, Ended)}
    committed = {one.transaction for _, one in all_of(history, Ending) if one.commit} & ended
    found = pick(random, ((n, s) for n, s in all_of(history, Sending) if s.transaction in committed))
    if found is None:
        return None
    number, one = found
    offset = next(s.offsets[0] for _, s in all_of(history, Sent) if s.call == one.call)
    early = Polled("early", one.partition, (offset,), one.values[:1])
    return put(history, number + 1, history[number + 1], early)


def tear(history: History, random: Random) -> History | None:
    """Of a transaction one partition is there and another is not, and its commit was never answered."""
    parts: dict[str, dict[Partition, set[str]]] = {}
    shown = {(p.partition, v) for _, p in finals(history) for v in p.values}
    for _, one in all_of(history, Sending):
        there = {v for v in one.values if (one.partition, v) in shown}
        if one.transaction and there and one.partition != Partition("u", 1):
            parts.setdefault(one.transaction, {}).setdefault(one.partition, set()).update(there)
    several = [(name, where) for name, where in parts.items() if len(where) > 1]
    if not several:
        return None
    name, where = random.choice(several)
    partition = random.choice(sorted(where))
    unanswered = tuple(one for one in history if not (isinstance(one, Ended) and one.transaction == name))
    return never_there(unanswered, partition, where[partition])


def skipped(history: History, random: Random, *, is_first: bool) -> History | None:
    """One poll as if a record had been passed over that others were given."""
    shown = {(p.partition, v) for _, p in finals(history) for v in p.values}
    places = [
        (number, polled, place)
        for number, polled in all_of(history, Polled)
        if polled.consumer != "last"
        for place in ((0,) if is_first else range(1, len(polled.values) - 1))
        if len(polled.values) > 1 and (polled.partition, polled.values[place]) in shown
    ]
    if not places:
        return None
    number, polled, place = random.choice(places)
    return put(history, number, without(polled, {polled.values[place]}))


def skip_within(history: History, random: Random) -> History | None:
    return skipped(history, random, is_first=False)


def skip_at_the_start(history: History, random: Random) -> History | None:
    return skipped(history, random, is_first=True)


def repeat_a_poll(history: History, random: Random) -> History | None:
    found = pick(random, all_of(history, Polled))
    return None if found is None else put(history, found[0], found[1], found[1])


def mix_up_a_poll(history: History, random: Random) -> History | None:
    found = pick(random, ((n, p) for n, p in all_of(history, Polled) if len(p.values) > 1))
    if found is None:
        return None
    number, polled = found
    reverse = msgspec.structs.replace(polled, offsets=polled.offsets[::-1], values=polled.values[::-1])
    return put(history, number, reverse)


def lose_a_commit(history: History, random: Random) -> History | None:
    """What was acknowledged last is not there any more at the end."""
    answered = {one.call for _, one in all_of(history, Committed)}
    last = {(c.group, c.partition): c for _, c in all_of(history, Committing)}
    places = {place for place, c in last.items() if c.call in answered and c.offset > 0}
    ends = {(s.group, s.partition): (n, s) for n, s in all_of(history, CommittedSeen)}
    found = pick(random, ((n, s) for place, (n, s) in ends.items() if place in places))
    return None if found is None else put(history, found[0], msgspec.structs.replace(found[1], offset=None))


def commit_from_nowhere(history: History, random: Random) -> History | None:
    told = {c.group for kind in (Committing, OffsetsAdded) for _, c in all_of(history, kind)}
    found = pick(random, ((n, s) for n, s in all_of(history, CommittedSeen) if s.group in told))
    if found is None:
        return None
    number, seen = found
    return put(history, number, msgspec.structs.replace(seen, offset=(seen.offset or 0) + 1_000))


def shorten_below_a_commit(history: History, random: Random) -> History | None:
    committed = {
        s.partition: s.offset for _, s in all_of(history, CommittedSeen) if s.offset and s.group == "g"
    }
    found = pick(
        random, ((n, b) for n, b in all_of(history, Bounds) if b.reader and b.partition in committed)
    )
    if found is None:
        return None
    number, bounds = found
    return put(history, number, msgspec.structs.replace(bounds, end=committed[bounds.partition] - 1))


def pass_over(history: History, random: Random) -> History | None:
    """A member that was not given a record commits behind it."""
    found = pick(random, ((n, p) for n, p in all_of(history, Polled) if p.group == "g"))
    if found is None:
        return None
    number, polled = found
    others = {
        o
        for n, p in all_of(history, Polled)
        if n != number and p.group == "g" and p.partition == polled.partition
        for o in p.offsets
    }
    is_committed = any(
        c.partition == polled.partition and c.offset > polled.offsets[0]
        for _, c in all_of(history, Committing)
    )
    if set(polled.offsets) & others or not is_committed or polled.partition == Partition("u", 1):
        return None
    return put(history, number, msgspec.structs.replace(polled, group=""))


def give_to_two(history: History, random: Random) -> History | None:
    found = pick(random, all_of(history, Assigned))
    if found is None:
        return None
    number, assigned = found
    other = msgspec.structs.replace(assigned, consumer="other", partitions=assigned.partitions[:1])
    return put(history, number, assigned, other)


def let_a_zombie_commit(history: History, random: Random) -> History | None:
    answered = {one.call for _, one in all_of(history, Committed)}
    found = pick(
        random, ((n, c) for n, c in all_of(history, Committing) if c.call in answered and c.generation > 0)
    )
    if found is None:
        return None
    number, one = found
    return put(history, number, msgspec.structs.replace(one, generation=one.generation - 1))


def drop_an_output(history: History, random: Random) -> History | None:
    found = pick(random, ((n, p) for n, p in finals(history) if p.partition.topic == "out"))
    if found is None:
        return None
    return never_there(history, found[1].partition, {random.choice(found[1].values)})


def make_two_outputs(history: History, random: Random) -> History | None:
    found = pick(random, ((n, p) for n, p in finals(history) if p.partition.topic == "out"))
    if found is None:
        return None
    number, polled = found
    value = random.choice(polled.values).rpartition(">")[0] + ">again"
    offset = polled.offsets[-1] + 1
    sent = (Sending("again", "copier", polled.partition, (value,)), Sent("again", (offset,)))
    more = msgspec.structs.replace(polled, offsets=(*polled.offsets, offset), values=(*polled.values, value))
    return put(history, number, *sent, more)


def commit_after_the_outputs(history: History, random: Random) -> History | None:
    """Outputs are there and the offsets they were made from are not committed."""
    outputs = {
        v.rpartition(">")[0] for _, p in finals(history) if p.partition.topic == "out" for v in p.values
    }
    origins = {
        p.partition for _, p in finals(history) if p.partition.topic == "t" and outputs & set(p.values)
    }
    found = pick(
        random,
        ((n, s) for n, s in all_of(history, CommittedSeen) if s.group == "copies" and s.partition in origins),
    )
    if found is None:
        return None
    return put(history, found[0], msgspec.structs.replace(found[1], offset=0))


def lose_the_start(history: History, random: Random) -> History | None:
    found = pick(random, ((n, b) for n, b in all_of(history, Bounds) if b.reader))
    if found is None:
        return None
    number, bounds = found
    return put(history, number, msgspec.structs.replace(bounds, start=bounds.end + 1))


def bring_back_the_start(history: History, random: Random) -> History | None:
    trimmed = {b.partition for _, b in all_of(history, Bounds) if not b.reader and b.start}
    found = pick(random, ((n, b) for n, b in all_of(history, Bounds) if b.reader and b.partition in trimmed))
    return None if found is None else put(history, found[0], msgspec.structs.replace(found[1], start=0))


def fence_nobody(history: History, random: Random) -> History | None:
    """A transaction that a crash left open is shown after its producer has begun another one."""
    ended = {one.transaction for _, one in all_of(history, Ending)}
    begun = {one.transaction for _, one in all_of(history, Begun)} - ended
    found = pick(random, ((n, s) for n, s in all_of(history, Sending) if s.transaction in begun))
    if found is None:
        return None
    offset = next(s.offsets[0] for _, s in all_of(history, Sent) if s.call == found[1].call)
    return (*history, Polled("late", found[1].partition, (offset,), found[1].values[:1]))


MUTATIONS: tuple[tuple[Mutation, Name], ...] = (
    (lose_from_the_middle, Name.LOST_WRITE),
    (lose_from_the_end, Name.UNSEEN),
    (forget_at_the_end, Name.LOST_WRITE),
    (write_twice, Name.DUPLICATE),
    (reissue_an_offset, Name.PHANTOM),
    (acknowledge_elsewhere, Name.WRONG_OFFSET),
    (swap_two, Name.REORDERED),
    (invent, Name.PHANTOM),
    (show_refused, Name.REFUSED_WRITE),
    (show_aborted, Name.ABORTED_READ),
    (show_too_early, Name.DIRTY_READ),
    (fence_nobody, Name.ABORTED_READ),
    (tear, Name.TORN_TRANSACTION),
    (skip_within, Name.INTERNAL_POLL_SKIP),
    (skip_at_the_start, Name.POLL_SKIP),
    (repeat_a_poll, Name.NONMONOTONIC_POLL),
    (mix_up_a_poll, Name.INTERNAL_NONMONOTONIC_POLL),
    (lose_a_commit, Name.LOST_COMMITTED_OFFSET),
    (commit_from_nowhere, Name.PHANTOM_COMMITTED_OFFSET),
    (shorten_below_a_commit, Name.COMMITTED_PAST_END),
    (pass_over, Name.PASSED_OVER),
    (give_to_two, Name.TWO_OWNERS),
    (let_a_zombie_commit, Name.STALE_COMMIT),
    (drop_an_output, Name.MISSING_OUTPUT),
    (make_two_outputs, Name.DUPLICATE_OUTPUT),
    (commit_after_the_outputs, Name.OUTPUT_AHEAD),
    (lose_the_start, Name.LOG_START_AHEAD),
    (bring_back_the_start, Name.LOG_START_WENT_BACK),
)
