"""Histories in few words, for writing them by hand.

Owns: short forms of what clients do.
Must not know: what is good or bad.
"""

from __future__ import annotations

from tests.chaos.operations import (
    Begun,
    Bounds,
    Committed,
    CommittedSeen,
    Committing,
    Declared,
    Ended,
    Ending,
    Kind,
    Opening,
    Partition,
    Polled,
    Positioned,
    Sending,
    Sent,
)

T, U = Partition("t", 0), Partition("u", 0)


def sent(value: str, offset: int, at: Partition = T, **more):
    call = f"send {value} {at}"
    return (Sending(call, more.pop("producer", "p"), at, (value,), **more), Sent(call, (offset,)))


def asked(value: str, at: Partition = T, **more):
    """Sent, with no answer."""
    return (Sending(f"send {value} {at}", more.pop("producer", "p"), at, (value,), **more),)


def in_transaction(name: str, *operations, end: str = "commit"):
    """``end``: commit, abort, crash (commit asked for, no answer) or leave."""
    ending = () if end == "leave" else (Ending(name, end != "abort"),)
    ended = (Ended(name),) if end in {"commit", "abort"} else ()
    return (Begun(name, "x"), *operations, *ending, *ended)


def polled(*at_and_value, at: Partition = T, consumer: str = "c", **more):
    offsets, values = at_and_value[::2], at_and_value[1::2]
    return (Polled(consumer, at, offsets, values, **more),)


def from_the_start(at: Partition = T, consumer: str = "c"):
    return (Positioned(consumer, at, 0),)


def all_of(*at_and_value, at: Partition = T, start: int = 0, end: int | None = None):
    """The last reading, from start to end."""
    reading = polled(*at_and_value, at=at, consumer="last") if at_and_value else ()
    stop = at_and_value[-2] + 1 if end is None else end
    return (Positioned("last", at, start), *reading, Bounds(at, start, stop, "last"))


def committed(offset: int, at: Partition = T, generation: int = -1, consumer: str = "c"):
    call = f"commit {offset} {consumer}"
    return (Committing(call, consumer, "g", at, offset, generation), Committed(call))


def seen(offset: int | None, at: Partition = T):
    return (CommittedSeen("g", at, offset),)


def keyed(value: str, offset: int, key: str):
    return sent(value, offset, keys=(key,))


CRASH = (Opening(2),)
COMPACTED = (Declared("t", Kind.COMPACTED),)
COPIES = (Declared("u", source="t", group="g"),)
