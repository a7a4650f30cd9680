"""From an app's declarations to a topology.

Owns: which sources, processors and stores an app's agents and tables become, and the checks that need
all of them: types of one topic, partition counts, topics written and read.
Must not know: the runtime that will execute the topology, the broker.

All agents and tables over topics of one partition count are one sub-topology
(``docs/decisions/agents-one-subtopology.md``): task *p* owns partition *p* of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from inspect import getclosurevars, isfunction, unwrap
from typing import TYPE_CHECKING, Any, Final

from streamz_core.app.activity import Activity
from streamz_core.app.agent_processor import AgentProcessor
from streamz_core.app.errors import ImproperlyConfigured, PartitionsMismatch
from streamz_core.app.repartition import RepartitionProcessor
from streamz_core.app.table_keeper import TableContexts, TableKeeper
from streamz_core.app.topic import GroupedTopic
from streamz_core.streams.operators.key_times import key_times_store
from streamz_core.streams.topology import (
    ProcessorSpec,
    Reading,
    SourceSpec,
    StoreKind,
    StoreSpec,
    SubTopology,
    Topology,
)

if TYPE_CHECKING:
    from streamz_core.app.agent import Agent
    from streamz_core.app.tables import Table
    from streamz_core.app.topic import Topic
    from streamz_core.streams.graph import Graph
    from streamz_core.streams.topic_pattern import TopicPattern

SUBTOPOLOGY: Final = "agents"
TABLES: Final = "tables"
"""The name of the processor that keeps the tables; no agent may take it."""


@dataclass(frozen=True, slots=True)
class Declarations:
    """What an app has declared."""

    agents: Sequence[Agent]
    tables: Sequence[Table]
    graph: Graph | None = None
    """The streams and tables of the DSL."""

    @property
    def grouped(self) -> list[GroupedTopic]:
        """The repartitions that agents read, each once."""
        channels = [agent.channel for agent in self.agents if isinstance(agent.channel, GroupedTopic)]
        return list({channel.topics: channel for channel in channels}.values())

    @property
    def read_directly(self) -> list[Topic]:
        """The topics that others write."""
        sources = [agent.channel for agent in self.agents if not isinstance(agent.channel, GroupedTopic)]
        return [*sources, *(grouped.source for grouped in self.grouped)]

    @property
    def read(self) -> list[Topic]:
        """Every topic that is read, repartition topics after what they are made from."""
        return [*self.read_directly, *(grouped.between for grouped in self.grouped)]

    @property
    def patterns(self) -> list[TopicPattern]:
        """What is read by pattern."""
        sources = () if self.graph is None else self.graph.sources
        found = [*(topic.pattern for topic in self.read_directly), *(source.pattern for source in sources)]
        return [pattern for pattern in dict.fromkeys(found) if pattern is not None]


def compile_app(declared: Declarations, partitions: Mapping[str, int], contexts: TableContexts) -> Topology:
    """The topology of an app whose topics have so many ``partitions``.

    ``contexts`` will hold the open tasks of this process, by table. Raises ``PartitionsMismatch`` and
    ``ImproperlyConfigured``, naming both sides.
    """
    for agent in declared.agents:
        _check_tables(agent, declared.tables, partitions)
    for table in declared.tables:
        _check_table_partitions(table, declared.read, partitions)
    counts = list(dict.fromkeys(partitions[name] for topic in declared.read for name in topic.topics))
    homes = {
        table.name: _home(table, declared.agents, partitions, counts) for table in declared.tables if counts
    }
    activity = Activity()
    parts = [
        _part(
            SUBTOPOLOGY if count == counts[0] else f"{SUBTOPOLOGY}-{count}",
            declared,
            {name for topic in declared.read for name in topic.topics if partitions[name] == count},
            [table for table in declared.tables if homes[table.name] == count],
            activity,
            contexts,
        )
        for count in counts
    ]
    return Topology((*parts, *_pattern_parts(declared, activity)))


def _pattern_parts(declared: Declarations, activity: Activity) -> list[SubTopology]:
    """A sub-topology for each pattern: how many partitions its topics have is not known beforehand."""
    found: dict[TopicPattern, Topic] = {}
    for topic in declared.read_directly:
        if topic.pattern is not None:
            _check_same_types(topic.pattern.text, found.setdefault(topic.pattern, topic), topic)
    return [_pattern_part(pattern, topic, declared, activity) for pattern, topic in found.items()]


def _pattern_part(
    pattern: TopicPattern, topic: Topic, declared: Declarations, activity: Activity
) -> SubTopology:
    read = (pattern.name,)
    processors = [
        ProcessorSpec(f"repartition-{grouped.between.get_topic_name()}", read, _repartition(grouped))
        for grouped in declared.grouped
        if grouped.source.pattern == pattern
    ]
    processors += [
        ProcessorSpec(agent.name, read, _supplier(agent, activity, ()), (), agent.policy)
        for agent in declared.agents
        if agent.channel.pattern == pattern
    ]
    return SubTopology(pattern.name, (_source(pattern.name, (), topic),), tuple(processors))


def _part(
    name: str,
    declared: Declarations,
    topics: AbstractSet[str],
    tables: Sequence[Table],
    activity: Activity,
    contexts: TableContexts,
) -> SubTopology:
    """The sub-topology of the ``topics`` with one partition count: a task has the same partition of each."""
    stores = tuple(store for table in tables for store in _stores(table))
    names = tuple(store.name for store in stores)
    sources = tuple(source for source in _sources(declared.read) if source.name in topics)
    processors = [
        ProcessorSpec(f"repartition-{grouped.between.get_topic_name()}", read, _repartition(grouped))
        for grouped in declared.grouped
        if (read := _among(topics, grouped.source.topics))
    ]
    processors += [
        ProcessorSpec(agent.name, read, _supplier(agent, activity, tables), names, agent.policy)
        for agent in declared.agents
        if (read := _among(topics, agent.channel.topics))
    ]
    if stores:
        wrappers = [table.window for table in tables if table.window is not None]
        processors.append(
            ProcessorSpec(TABLES, (), lambda: TableKeeper(names, wrappers, contexts, activity), names)
        )
    return SubTopology(name, sources, tuple(processors), stores)


def _home(table: Table, agents: Sequence[Agent], partitions: Mapping[str, int], counts: Sequence[int]) -> int:
    """How many partitions a table has: as many as the topics of the agents that use it."""
    for agent in agents:
        if tables_of(agent, (table,)):
            return partitions[agent.channel.topics[0]]
    return next((count for count in counts if count == table.partitions), counts[0])


def _among(topics: AbstractSet[str], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in topics)


def tables_of(agent: Agent, tables: Sequence[Table]) -> list[Table]:
    """The tables an agent's function, and the functions it calls, name as globals or in closures."""
    named: list[Any] = []
    _collect_named(unwrap(agent.fun), named, set())
    return [
        table
        for table in tables
        if any(value is table or (table.window is not None and value is table.window) for value in named)
    ]


def _collect_named(fun: Any, named: list[Any], seen: set[int]) -> None:
    seen.add(id(fun))
    variables = getclosurevars(fun)
    for value in (*variables.globals.values(), *variables.nonlocals.values()):
        named.append(value)
        if isfunction(value) and id(value) not in seen:
            _collect_named(unwrap(value), named, seen)


def refuse_mismatch(table: str, users: Mapping[str, int]) -> None:
    """Raise ``PartitionsMismatch`` where a table is used from topics with different partition counts."""
    counts = sorted(users.items(), key=lambda user: user[1])
    (fewer, low), (more, high) = counts[0], counts[-1]
    if low != high:
        raise PartitionsMismatch(
            f"table {table!r} is used from topic {fewer!r} with {low} partitions and from topic "
            f"{more!r} with {high}: the same key would live in two partitions. Give both topics the same "
            f"number (`streamz topics --alter --topic {fewer} --partitions {high}`), or repartition one "
            f"with group_by"
        )


def _check_tables(agent: Agent, tables: Sequence[Table], partitions: Mapping[str, int]) -> None:
    for table in tables_of(agent, tables):
        if agent.channel.pattern is not None:
            raise ImproperlyConfigured(
                f"agent {agent.name!r} reads pattern {agent.channel.pattern.text!r} and uses table {table.name!r}: "
                "topics that come later may have other numbers of partitions, and the same key would live in two "
                "partitions. Have it read app.topic(pattern=…).group_by(…)"
            )
        refuse_mismatch(table.name, {topic: partitions[topic] for topic in agent.channel.topics})


def _check_table_partitions(table: Table, read: Sequence[Topic], partitions: Mapping[str, int]) -> None:
    if table.partitions is None or not read:
        return
    names = [name for topic in read for name in topic.topics]
    if all(partitions[name] != table.partitions for name in names):
        having = ", ".join(f"{name!r} has {partitions[name]}" for name in dict.fromkeys(names))
        raise PartitionsMismatch(
            f"table {table.name!r} is declared with {table.partitions} partitions, but no topic that agents "
            f"read has as many ({having}); a table has the partitions of the topics it is written from"
        )


def _sources(read: Sequence[Topic]) -> tuple[SourceSpec, ...]:
    found: dict[str, Topic] = {}
    for topic in read:
        for name in topic.topics:
            _check_same_types(name, found.setdefault(name, topic), topic)
    return tuple(_source(name, (name,), topic) for name, topic in found.items())


def _source(name: str, topics: tuple[str, ...], topic: Topic) -> SourceSpec:
    return SourceSpec(
        name,
        topics,
        topic.key_codec,
        topic.value_codec,
        topic.on_decode_error,
        Reading(topic.key_type, topic.key_serializer, topic.value_type, topic.value_serializer),
        pattern=topic.pattern,
    )


def _check_same_types(name: str, first: Topic, second: Topic) -> None:
    for what in ("key_type", "value_type", "key_serializer", "value_serializer", "on_decode_error"):
        one, other = getattr(first, what), getattr(second, what)
        if one != other:
            raise ImproperlyConfigured(
                f"topic {name!r} is read with {what} {one!r} and with {other!r}; agents of one topic share "
                f"its types: declare the topic once and give it to both"
            )


def _stores(table: Table) -> tuple[StoreSpec, ...]:
    wrapper = table.window
    if wrapper is None:
        return (StoreSpec(table.name, StoreKind.KEY_VALUE, table.key_codec, table.value_codec),)
    window = wrapper.window
    windows = StoreSpec(
        table.name,
        StoreKind.WINDOW,
        table.key_codec,
        table.value_codec,
        window_size_ms=window.size_ms,
        grace_ms=window.grace_ms,
        retention_ms=window.retention_ms,
        own_time=True,
    )
    return (windows, key_times_store(windows)) if wrapper.closes_per_key else (windows,)


def _supplier(agent: Agent, activity: Activity, tables: Sequence[Table]) -> Any:
    names = [table.name for table in tables_of(agent, tables)]
    return lambda: AgentProcessor(agent, activity, names)


def _repartition(grouped: GroupedTopic) -> Any:
    return lambda: RepartitionProcessor(grouped)
