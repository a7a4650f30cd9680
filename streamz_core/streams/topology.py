"""The topology of an app: an immutable value, built before anything runs.

Owns: what reads which topics, with which stores, under which names; checks that it makes sense;
describes it.
Must not know: the runtime, the client, event loops. ``streams.runtime`` executes this value,
``app`` and ``streams.dsl`` build it.

A sub-topology is the unit of partitioning: one task per partition owns that partition of every
source topic and of every store in it, and commits them together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from streamz_core.errors import Misuse
from streamz_core.streams.error_policy import FAIL, ErrorAction, ErrorPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from streamz_core.clock import Clock
    from streamz_core.model import Header
    from streamz_core.streams.processor import AnyProcessor, Codec
    from streamz_core.streams.topic_pattern import TopicPattern


class StoreKind(Enum):
    """How a store's keys are laid out."""

    KEY_VALUE = "key_value"
    VERSIONED = "versioned"
    """Every key with its history, by time."""
    SET = "set"
    """For every key a set of members; the value codec is the members'."""
    LRU = "lru"
    """So many entries, those used last."""
    WINDOW = "window"
    SESSION = "session"
    """By key and span of time: sessions, sliding windows, what is held back until a time."""
    JOIN = "join"


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """A partitioned store. Its changelog topic is ``{app id}-{name}-changelog``.

    Window stores only: ``window_size_ms`` is the length of its windows; ``grace_ms`` how long after
    its end a window still takes records, before it is closed; ``retention_ms`` how long after its
    end a window's contents are kept, at least the grace, which is also what ``None`` means; ``own_time``
    that the store's time is what its writers observe (a field of the value), not the task's stream time;
    ``window_end`` gives a window's end by its start, where not all are of one length.

    Session stores: ``retention_ms`` is how long after its end a span is kept; None: until it is deleted.

    Key-value stores: ``expires``, values are stamped, and entries may end by themselves; ``ttl_ms`` after their
    timestamp they do, where they do not say otherwise. Versioned stores: ``retention_ms`` is how long history
    is kept. LRU stores: ``entries_max`` is how many entries there are, in each partition.

    ``in_memory`` None means as the app says. ``source_topic`` is the topic this store holds the latest value
    of every key of: where that topic keeps them for good, it is the store's changelog as well.

    Join stores only: ``value_codec`` is that of the left side, ``other_value_codec`` of the right one;
    ``retention_ms`` how long a row can be seen.
    """

    name: str
    kind: StoreKind
    key_codec: Codec
    value_codec: Codec
    window_size_ms: int | None = None
    grace_ms: int = 0
    retention_ms: int | None = None
    own_time: bool = False
    window_end: Callable[[int], int] | None = None
    expires: bool = False
    ttl_ms: int | None = None
    entries_max: int | None = None
    in_memory: bool | None = None
    source_topic: str | None = None
    other_value_codec: Codec | None = None
    changelog: bool = True
    changelog_config: Mapping[str, str] = field(default_factory=dict)


class StoreUpdater(Protocol):
    """What makes the contents of a global store of a topic's records."""

    def open(self, store: Any, app_id: str, clock: Clock) -> None:
        """Start; ``store`` is as the last update left it."""

    def update(
        self, key: Any, value: Any, timestamp: int, headers: Sequence[Header], origin: tuple[str, int, int]
    ) -> None:
        """Handle one record; ``origin`` is its topic, partition and offset."""

    def close(self) -> None:
        """Let go of everything."""


@dataclass(frozen=True, slots=True)
class GlobalUpdates:
    """The store of a global table whose contents are not the topic's records themselves, and who makes them."""

    store: StoreSpec
    make: Callable[[], StoreUpdater]
    on_decode_error: ErrorAction = ErrorAction.FAIL


@dataclass(frozen=True, slots=True)
class GlobalTableSpec:
    """A topic of which every process has a full copy, readable by every task; or what ``updates`` make of it."""

    name: str
    topic: str
    key_codec: Codec
    value_codec: Codec
    updates: GlobalUpdates | None = None

    @property
    def store(self) -> StoreSpec:
        """How its entries are kept."""
        if self.updates is not None:
            return self.updates.store
        return StoreSpec(self.name, StoreKind.KEY_VALUE, self.key_codec, self.value_codec, changelog=False)


class Reading(NamedTuple):
    """How a topic is read, as it was declared."""

    key_type: Any = None
    key_serializer: Any = None
    value_type: Any = None
    value_serializer: Any = None
    timestamp_extractor: Any = None
    offset_reset: str | None = None

    def __str__(self) -> str:
        """What was said, no more."""
        said = [f"{name}={value!r}" for name, value in self._asdict().items() if value is not None]
        return f"({', '.join(said)})"


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Topics read with the same codecs. ``on_decode_error`` says what becomes of bad bytes.

    Those of a ``pattern`` are what it stands for at one time: see ``bound``.

    ``reading`` is what the codecs were made from: topics with the same are read in the same way.

    ``timestamp_extractor`` gives records' times, ``offset_reset`` (``earliest``, ``latest``, ``fail``) says where a
    partition is begun; None: as records and the app say.
    """

    name: str
    topics: tuple[str, ...]
    key_codec: Codec
    value_codec: Codec
    on_decode_error: ErrorPolicy = FAIL
    reading: object = None
    timestamp_extractor: Callable[..., int] | None = None
    offset_reset: str | None = None
    pattern: TopicPattern | None = None


@dataclass(frozen=True, slots=True)
class ProcessorSpec:
    """A consumer of sources. ``supplier`` makes a fresh processor per task and per restart.

    ``takes_rounds``: it is a ``RoundProcessor``. ``step_policies`` are those that its steps have in place of
    ``on_error``.
    """

    name: str
    sources: tuple[str, ...]
    supplier: Callable[[], AnyProcessor]
    stores: tuple[str, ...] = ()
    on_error: ErrorPolicy = FAIL
    step_policies: tuple[ErrorPolicy, ...] = ()
    takes_rounds: bool = False


@dataclass(frozen=True, slots=True)
class SubTopology:
    """What is partitioned, executed and committed together."""

    name: str
    sources: tuple[SourceSpec, ...]
    processors: tuple[ProcessorSpec, ...]
    stores: tuple[StoreSpec, ...] = ()
    sinks: tuple[str, ...] = ()
    """Topics known to be written to."""

    def __post_init__(self) -> None:
        """Refuse names used twice and names that point nowhere."""
        _refuse_twice("source", [source.name for source in self.sources])
        _refuse_twice("processor", [processor.name for processor in self.processors])
        _refuse_twice("store", [store.name for store in self.stores])
        _refuse_twice("source topic", [topic for source in self.sources for topic in source.topics])
        sources = {source.name for source in self.sources}
        stores = {store.name for store in self.stores}
        for processor in self.processors:
            for name in processor.sources:
                if name not in sources:
                    raise Misuse(f"processor {processor.name!r} reads unknown source {name!r}")
            for name in processor.stores:
                if name not in stores:
                    raise Misuse(f"processor {processor.name!r} uses unknown store {name!r}")

    @property
    def takes_rounds(self) -> bool:
        """Whether all its records go to one processor, which takes them by rounds."""
        return len(self.processors) == 1 and self.processors[0].takes_rounds

    @property
    def topics(self) -> tuple[str, ...]:
        """Every source topic, in the order of the sources."""
        return tuple(topic for source in self.sources for topic in source.topics)

    @property
    def patterns(self) -> tuple[TopicPattern, ...]:
        """What it reads by pattern."""
        return tuple(source.pattern for source in self.sources if source.pattern is not None)

    @property
    def named_topics(self) -> tuple[str, ...]:
        """The source topics that are read by name."""
        return tuple(t for source in self.sources if source.pattern is None for t in source.topics)

    @property
    def policies(self) -> tuple[ErrorPolicy, ...]:
        """What may become of records here."""
        return (
            *(source.on_decode_error for source in self.sources),
            *(policy for spec in self.processors for policy in (spec.on_error, *spec.step_policies)),
        )


@dataclass(frozen=True, slots=True)
class Topology:
    """A whole app."""

    subtopologies: tuple[SubTopology, ...]
    global_tables: tuple[GlobalTableSpec, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a sub-topology name, a source topic or a store used twice."""
        _refuse_twice("sub-topology", [part.name for part in self.subtopologies])
        _refuse_twice("source topic", [topic for part in self.subtopologies for topic in part.topics])
        _refuse_twice("source with pattern", [pattern.text for pattern in self.patterns])
        stores = [store.name for part in self.subtopologies for store in part.stores]
        _refuse_twice("store", stores + [table.name for table in self.global_tables])

    @property
    def topics(self) -> tuple[str, ...]:
        """Every source topic of the app."""
        return tuple(topic for part in self.subtopologies for topic in part.topics)

    @property
    def patterns(self) -> tuple[TopicPattern, ...]:
        """What the app reads by pattern."""
        return tuple(pattern for part in self.subtopologies for pattern in part.patterns)

    @property
    def named_topics(self) -> tuple[str, ...]:
        """Every topic that the app reads by name, those of global tables too."""
        by_tasks = [topic for part in self.subtopologies for topic in part.named_topics]
        return (*by_tasks, *(table.topic for table in self.global_tables))

    def describe(self) -> str:
        """The topology in the manner of Kafka Streams' ``describe()``."""
        lines = ["Topologies:"]
        for number, part in enumerate(self.subtopologies):
            lines.append(f"   Sub-topology: {number} ({part.name})")
            for source in part.sources:
                readers = [p.name for p in part.processors if source.name in p.sources]
                topics = f"[{', '.join(source.topics)}]" if source.pattern is None else str(source.pattern)
                lines.append(f"    Source: {source.name} (topics: {topics})")
                lines.append(f"      --> {', '.join(readers) or 'none'}")
            for processor in part.processors:
                lines.append(f"    Processor: {processor.name} (stores: [{', '.join(processor.stores)}])")
                lines.append(f"      <-- {', '.join(processor.sources)}")
        lines += [f"   Global table: {table.name} (topic: {table.topic})" for table in self.global_tables]
        return "\n".join(lines)


def _refuse_twice(what: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise Misuse(f"{what} {name!r} is declared twice; give each its own name")
        seen.add(name)
