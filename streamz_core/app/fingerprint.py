"""``Fingerprint``: what of an app outlives its processes, as a value; and what a new version changes of it.

Owns: what belongs to it, its JSON, and which changes lose state.
Must not know: where it is kept, who is told.

Steps and agents are no part of it: they can change as they like. Stores, their windows and partitions, and the
topics in between are: under another name or shape they begin empty, and what was there is not used any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from streamz_core.streams.processor import Codec
    from streamz_core.streams.topology import Topology


class StoreShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """What of a store cannot change while it has contents."""

    kind: str
    partitions: int
    """0: as many as the first topic that matches a pattern will have."""
    window_size_ms: int | None = None
    changelog: bool = True

    def __str__(self) -> str:
        """As a plan names it."""
        window = "" if self.window_size_ms is None else f", windows of {self.window_size_ms} ms"
        logged = "" if self.changelog else ", without changelog"
        partitions = f"{self.partitions} partitions" if self.partitions else "no partitions yet"
        return f"{self.kind}, {partitions}{window}{logged}"

    def fits(self, other: StoreShape) -> bool:
        """Whether it can have the other's contents."""
        known = other.partitions if self.partitions == 0 else self.partitions
        return self.of(known) == other.of(other.partitions or known)

    def of(self, partitions: int) -> StoreShape:
        """The same with so many partitions."""
        return msgspec.structs.replace(self, partitions=partitions)


class Fingerprint(msgspec.Struct, frozen=True):
    """Topics that are read, topics in between, and stores."""

    sources: dict[str, int] = {}
    internal: dict[str, int] = {}
    stores: dict[str, StoreShape] = {}
    orphaned_topics: list[str] = []
    """Topics in between, and below stores, that a former version had: nobody has deleted them."""
    orphaned_stores: list[str] = []
    types: dict[str, str] = {}
    """What stores have as keys and values."""
    source_changelogs: dict[str, str] = {}
    """Of stores that have no changelog of their own: the topic that is it."""
    patterns: list[str] = []
    """What is read by pattern, whatever topics that stands for."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that could be lost."""
        return not self.stores and not self.internal

    def to_json(self) -> bytes:
        """For keeping it."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, data: bytes) -> Fingerprint:
        """What ``to_json`` gave."""
        return msgspec.json.decode(data, type=Fingerprint)


def succeeding(before: Fingerprint, after: Fingerprint) -> Fingerprint:
    """``after``, with what it leaves behind of ``before``."""
    topics = {*before.orphaned_topics, *before.internal} - after.internal.keys()
    stores = {*before.orphaned_stores, *before.stores} - after.stores.keys()
    shapes = {
        name: shape.of(before.stores[name].partitions)
        if not shape.partitions and name in before.stores
        else shape
        for name, shape in after.stores.items()
    }
    return msgspec.structs.replace(
        after, stores=shapes, orphaned_topics=sorted(topics), orphaned_stores=sorted(stores)
    )


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan."""

    sign: str
    """``+`` added, ``-`` no longer there, ``~`` changed."""
    text: str
    is_destructive: bool = False

    def __str__(self) -> str:
        """As it is printed."""
        return f"{'!' if self.is_destructive else ' '} {self.sign} {self.text}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new version changes."""

    changes: tuple[Change, ...] = field(default=())

    @property
    def is_destructive(self) -> bool:
        """Whether any change loses state, or records that wait in between."""
        return any(change.is_destructive for change in self.changes)

    def __str__(self) -> str:
        """A line for each change; those that lose something begin with ``!``."""
        if not self.changes:
            return "nothing changes"
        return "\n".join(str(change) for change in self.changes)


def fingerprint(
    topology: Topology,
    partitions: Mapping[str, int],
    internal: Collection[str],
    source_changelogs: Mapping[str, str],
) -> Fingerprint:
    """That of a topology whose topics have so many ``partitions``; ``internal`` are the app's own.

    ``source_changelogs`` are the topics that are changelogs, by store.
    """
    counts = {topic: partitions[topic] for topic in topology.topics}
    named = set(topology.named_topics)
    return Fingerprint(
        sources={topic: count for topic, count in counts.items() if topic not in internal and topic in named},
        internal={topic: count for topic, count in counts.items() if topic in internal},
        stores={
            store.name: StoreShape(
                store.kind.value,
                max((counts[topic] for topic in part.topics), default=0),
                store.window_size_ms,
                store.changelog,
            )
            for part in topology.subtopologies
            for store in part.stores
        },
        types={
            store.name: f"{_expected(store.key_codec)} to {_expected(store.value_codec)}"
            for part in topology.subtopologies
            for store in part.stores
        },
        source_changelogs=dict(source_changelogs),
        patterns=sorted(pattern.text for pattern in topology.patterns),
    )


def _expected(codec: Codec) -> str:
    expects: str = getattr(codec, "expects", type(codec).__name__)
    return expects


def plan(before: Fingerprint, after: Fingerprint) -> Plan:
    """What becomes of ``before`` where ``after`` is started in its place."""
    return Plan((*_sources(before, after), *_internal(before, after), *_stores(before, after)))


def _sources(before: Fingerprint, after: Fingerprint) -> list[Change]:
    changes = [Change("+", f"source topic {name}") for name in after.sources.keys() - before.sources.keys()]
    changes += [Change("+", f"source pattern {text}") for text in set(after.patterns) - set(before.patterns)]
    changes += [
        Change("-", f"source pattern {text}: the committed offsets of its topics stay")
        for text in set(before.patterns) - set(after.patterns)
    ]
    changes += [
        Change("-", f"source topic {name}: its committed offsets stay")
        for name in before.sources.keys() - after.sources.keys()
    ]
    for name in before.sources.keys() & after.sources.keys():
        old, new = before.sources[name], after.sources[name]
        if old != new:
            text = f"source topic {name}: {old} partitions, now {new}: keys may be in other partitions now"
            changes.append(Change("~", text))  # the stores below, if any, say what that means for them
    return sorted(changes, key=str)


def _internal(before: Fingerprint, after: Fingerprint) -> list[Change]:
    changes = [
        Change("+", f"internal topic {name} ({after.internal[name]} partitions)")
        for name in after.internal.keys() - before.internal.keys()
    ]
    changes += [
        Change(
            "-", f"internal topic {name}: records in it that were not handled are lost", is_destructive=True
        )
        for name in before.internal.keys() - after.internal.keys()
    ]
    for name in before.internal.keys() & after.internal.keys():
        old, new = before.internal[name], after.internal[name]
        if old != new:
            text = f"internal topic {name}: {old} partitions, now {new}"
            changes.append(Change("~", text, is_destructive=True))
    return sorted(changes, key=str)


def _stores(before: Fingerprint, after: Fingerprint) -> list[Change]:
    added = sorted(after.stores.keys() - before.stores.keys())
    gone = sorted(before.stores.keys() - after.stores.keys())
    changes = [Change("+", f"store {name} ({after.stores[name]})") for name in added]
    for name in gone:
        alike = [new for new in added if after.stores[new] == before.stores[name]]
        renamed = f"; renamed to {alike[0]}? that begins empty" if alike else ""
        text = f"store {name} ({before.stores[name]}): its contents and changelog are orphaned{renamed}"
        changes.append(Change("-", text, is_destructive=True))
    for name in sorted(before.stores.keys() & after.stores.keys()):
        old, new = before.stores[name], after.stores[name]
        if not new.fits(old):
            text = f"store {name}: was {old}; now {new}: its contents do not fit"
            if new.of(old.partitions) == old:
                text += (
                    f". Reset the app, or deal its records out anew by repartition() with {old.partitions} "
                    "partitions in front of it"
                )
            changes.append(Change("~", text, is_destructive=True))
        changes += _changelog(name, before, after)
        was, is_now = before.types.get(name), after.types.get(name)
        if None not in (was, is_now) and was != is_now:
            changes.append(
                Change("~", f"store {name}: had {was}, now {is_now}, which must be able to read it")
            )
    return changes


def _changelog(store: str, before: Fingerprint, after: Fingerprint) -> list[Change]:
    """A topic that was a changelog, and is it no more, takes the store's contents with it."""
    topic = before.source_changelogs.get(store)
    if topic is None or after.source_changelogs.get(store) == topic:
        return []
    text = (
        f"store {store}: topic {topic} was its changelog, and would be it no more: it begins empty. A topic is one as "
        "long as it keeps the latest record of every key: cleanup.policy=compact, or no retention"
    )
    return [Change("~", text, is_destructive=True)]
