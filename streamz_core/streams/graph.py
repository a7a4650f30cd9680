"""``Graph``: operators and how rows flow between them, as a value.

Owns: nodes, their inputs, the stores they use, and the parts of a graph that belong together.
Must not know: how operators are run, what a DSL calls them, partition counts.

Nodes are listed so that each stands behind its inputs. ``streams.dsl`` builds graphs, ``streams.execution``
runs them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from streamz_core.errors import Misuse
from streamz_core.streams.error_policy import FAIL, ErrorPolicy
from streamz_core.streams.internal_topic import InternalTopic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streamz_core.streams.operator import Operator
    from streamz_core.streams.processor import Codec
    from streamz_core.streams.topic_pattern import TopicPattern
    from streamz_core.streams.topology import GlobalTableSpec, StoreSpec


ANY_TOPIC: Final = "*"
"""The sink of a node that chooses a topic for every row."""


@dataclass(frozen=True, slots=True)
class Input:
    """Where rows come from: a node, and which input of the receiver (``port``) they belong to."""

    node: str
    port: int = 0


@dataclass(frozen=True, slots=True)
class StoreUse:
    """A node reads a store (or ``writes`` it) for rows that come in by ``port``."""

    store: str
    writes: bool = False
    port: int = 0


@dataclass(frozen=True, slots=True)
class SourceNode:
    """Rows from topics. The codecs and the policy for bytes that do not decode are the source's.

    ``reading`` is what the codecs were made from: sources with the same are the same. Of a ``pattern``, ``topics``
    are those that it stands for at one time, none unless somebody has looked.
    """

    name: str
    topics: tuple[str | InternalTopic, ...]
    key_codec: Codec
    value_codec: Codec
    on_decode_error: ErrorPolicy = FAIL
    timestamp_extractor: Callable[..., int] | None = None
    offset_reset: str | None = None
    reading: object = None
    pattern: TopicPattern | None = None


@dataclass(frozen=True, slots=True)
class OperatorNode:
    """A step. ``make`` makes its operator, once per task and after every failure.

    ``sink`` is where it writes to, for descriptions and for the order between nodes that write to one topic.
    ``fans_out``: it may make several rows of one. ``routes``: rows may be for one of the nodes behind it only.
    ``joined_as`` is the user's name of a join: a side whose topic
    has too few partitions is dealt out anew through a topic called after it.
    """

    name: str
    inputs: tuple[Input, ...]
    make: Callable[[], Operator]
    uses: tuple[StoreUse, ...] = ()
    sink: str | InternalTopic | None = None
    fans_out: bool = False
    routes: bool = False
    joined_as: str | None = None
    waits: bool = False
    """Its operator is a ``WaitingOperator``."""
    piece_max: int | None = None
    """How many records it takes at once, where that are fewer than others do."""
    on_error: ErrorPolicy | None = None
    """What becomes of records it fails on; None: as the graph says."""

    @property
    def stores(self) -> tuple[str, ...]:
        """The names of the stores it uses, each once."""
        return tuple(dict.fromkeys(use.store for use in self.uses))


@dataclass(frozen=True, slots=True)
class Graph:
    """Sources, operators and the stores between them."""

    sources: tuple[SourceNode, ...]
    nodes: tuple[OperatorNode, ...]
    stores: tuple[StoreSpec, ...] = ()
    global_tables: tuple[GlobalTableSpec, ...] = ()
    on_error: ErrorPolicy = FAIL
    """What becomes of records that a step without a policy of its own fails on."""
    children: dict[str, tuple[Input, ...]] = field(init=False, repr=False, compare=False)
    """By node: who its rows go to, ``Input.node`` being the receiver."""

    def __post_init__(self) -> None:
        """Refuse names used twice, inputs that do not stand before, and unknown stores."""
        children: dict[str, list[Input]] = {source.name: [] for source in self.sources}
        stores = {store.name for store in self.stores}
        kept = stores | {table.name for table in self.global_tables}
        if len(children) < len(self.sources) or len(kept) < len(self.stores) + len(self.global_tables):
            raise Misuse("a source or a store is declared twice; give each its own name")
        for node in self.nodes:
            if node.name in children:
                raise Misuse(f"step {node.name!r} is declared twice; give each its own name")
            for source in node.inputs:
                if source.node not in children:
                    raise Misuse(f"step {node.name!r} takes rows from {source.node!r}, which is not there")
                children[source.node].append(Input(node.name, source.port))
            for name in node.stores:
                if name not in stores:
                    raise Misuse(f"step {node.name!r} uses store {name!r}, which is not declared")
            children[node.name] = []
        object.__setattr__(self, "children", {name: tuple(found) for name, found in children.items()})

    def parts(self) -> list[Graph]:
        """The graphs of it that have nothing in common: no rows, no stores. In the order of their sources."""
        groups = _Groups([source.name for source in self.sources] + [node.name for node in self.nodes])
        users: dict[str, str] = {}
        for node in self.nodes:
            for source in node.inputs:
                groups.unite(source.node, node.name)
            for store in node.stores:
                groups.unite(users.setdefault(store, node.name), node.name)
        found: dict[str, tuple[list[SourceNode], list[OperatorNode]]] = {}
        for reader in self.sources:
            found.setdefault(groups.of(reader.name), ([], []))[0].append(reader)
        for node in self.nodes:
            found.setdefault(groups.of(node.name), ([], []))[1].append(node)
        return [self._part(sources, nodes) for sources, nodes in found.values()]

    def _part(self, sources: list[SourceNode], nodes: list[OperatorNode]) -> Graph:
        used = {store for node in nodes for store in node.stores}
        stores = tuple(store for store in self.stores if store.name in used)
        return replace(self, sources=tuple(sources), nodes=tuple(nodes), stores=stores, global_tables=())

    def reached_from(self, source: str) -> set[Input]:
        """Every node, with the port, that rows of ``source`` can come to."""
        reached: set[Input] = set()
        waiting = list(self.children[source])
        while waiting:
            node = waiting.pop()
            if node not in reached:
                reached.add(node)
                waiting += self.children[node.node]
        return reached


class _Groups:
    """Which names belong together."""

    def __init__(self, names: Iterable[str]) -> None:
        self._parents = {name: name for name in names}

    def of(self, name: str) -> str:
        parents = self._parents
        while parents[name] != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    def unite(self, one: str, other: str) -> None:
        self._parents[self.of(other)] = self.of(one)
