"""How a graph is run: its steps, wired, and how many records may be in hand at once.

Owns: the order of the ways into a step, and finding where records must be handed over one by one.
Must not know: tasks, records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.streams.execution.steps import Step, Steps, Target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.streams.graph import Graph, Input, OperatorNode


def wire(graph: Graph) -> tuple[dict[str, Step], Steps]:
    """The sources by name, and all other steps. Operators are made here, one each."""
    ways = _ways(graph)
    sources = {source.name: Step(None, []) for source in graph.sources}
    made: dict[str, Step] = dict(sources)
    steps: list[Step] = []
    for node in graph.nodes:
        ports = max((source.port for source in node.inputs), default=0) + 1
        counts = [sum(1 for found in ways[node.name] if found[1] == port) for port in range(ports)]
        step = made[node.name] = Step(node.make(), counts)
        steps.append(step)
    for node in graph.nodes:
        for giver, port, way in _numbered(ways[node.name]):
            made[giver].targets.append(Target(made[node.name], port, way))
    return sources, Steps(steps)


def one_by_one(graph: Graph, source: str) -> bool:
    """Whether records of ``source`` must go all the way alone.

    So it is where two steps that they come to share a store that one of them writes, or write to the same
    topic: what the second one finds, or what stands there first, depends on the order between them.
    """
    reached = graph.reached_from(source)
    nodes = {node.name: node for node in graph.nodes}
    writers: dict[str, str] = {}
    for place in reached:
        for store in _written(nodes[place.node], place.port):
            if writers.setdefault(store, place.node) != place.node:
                return True
    for place in reached:
        node = nodes[place.node]
        if any(writers.get(store, node.name) != node.name for store in _used(node, place.port)):
            return True
    sinks = [nodes[name].sink for name in {place.node for place in reached}]
    topics = [sink for sink in sinks if sink is not None]
    return len(set(topics)) < len(topics)


def _written(node: OperatorNode, port: int) -> Iterable[str]:
    return [use.store for use in node.uses if use.writes and use.port == port]


def _used(node: OperatorNode, port: int) -> Iterable[str]:
    return [use.store for use in node.uses if use.port == port]


def _ways(graph: Graph) -> dict[str, list[tuple[str, int]]]:
    """By node: the ways into it, as (giver, port), in the order in which a single record would come by them."""
    found: dict[str, list[tuple[str, int]]] = {node.name: [] for node in graph.nodes}
    seen: set[str] = set()
    # The children of a node are visited in the order of the graph, each child's own before the next child.
    waiting: list[tuple[str, Input]] = []

    def visit(giver: str) -> None:
        waiting.extend((giver, child) for child in reversed(graph.children[giver]))

    for source in graph.sources:
        visit(source.name)
        while waiting:
            giver, child = waiting.pop()
            found[child.node].append((giver, child.port))
            if child.node not in seen:
                seen.add(child.node)
                visit(child.node)
    return found


def _numbered(ways: list[tuple[str, int]]) -> list[tuple[str, int, int]]:
    counts: dict[int, int] = {}
    numbered: list[tuple[str, int, int]] = []
    for giver, port in ways:
        numbered.append((giver, port, counts.get(port, 0)))
        counts[port] = counts.get(port, 0) + 1
    return numbered
