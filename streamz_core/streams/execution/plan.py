"""How a graph is run: its steps, wired, and how many records may be in hand at once.

Owns: the order of the ways into a step, and finding where records must be handed over one by one.
Must not know: tasks, records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.streams.execution.steps import Step, Steps, Target
from streamz_core.streams.graph import ANY_TOPIC

if TYPE_CHECKING:
    from streamz_core.streams.graph import Graph, Input, OperatorNode


def wire(graph: Graph) -> Steps:
    """All steps; sources by their number in the graph. Operators are made here, one each."""
    ways = _ways(graph)
    sources = [Step(None, []) for _ in graph.sources]
    made = {source.name: step for source, step in zip(graph.sources, sources, strict=True)}
    steps: list[Step] = []
    for node in graph.nodes:
        ports = max((source.port for source in node.inputs), default=0) + 1
        counts = [sum(1 for found in ways[node.name] if found[1] == port) for port in range(ports)]
        operator = node.make()
        if node.routes:
            operator.know_children([child.node for child in graph.children[node.name]])
        step = made[node.name] = Step(operator, counts, routes=node.routes)
        steps.append(step)
    for node in graph.nodes:
        for giver, port, way in _numbered(ways[node.name]):
            made[giver].targets.append(Target(node.name, made[node.name], port, way))
    return Steps(sources, steps, [one_by_one(graph, source.name) for source in graph.sources])


def kept_apart(graph: Graph) -> list[int]:
    """By source: a bit for each other source whose records must not be in hand together with its own.

    So it is where a step behind the one and a different step behind the other share a store that one of them
    writes, or write to the same topic: all rows in hand pass one step before the next one, so that a step would
    find what records bring about that come later. What a single step does for both it does in their order. And
    where records of one go all the way alone.
    """
    places = [_places(graph, source.name) for source in graph.sources]
    deep = [one_by_one(graph, source.name) for source in graph.sources]
    found = [0] * len(places)
    for one in range(len(places)):
        for other in range(len(places)):
            if one != other and (deep[one] or deep[other] or _meddle(places[one], places[other])):
                found[one] |= 1 << other
    return found


Place = tuple["OperatorNode", int]
"""A step, and the port by which rows come to it."""


def _places(graph: Graph, source: str) -> list[Place]:
    nodes = {node.name: node for node in graph.nodes}
    return [(nodes[place.node], place.port) for place in graph.reached_from(source)]


def _meddle(places: list[Place], others: list[Place]) -> str:
    """Why what a step does at one of ``places`` concerns a different step at one of ``others``; empty: it does not."""
    for node, port in places:
        for other, other_port in others:
            if node.name != other.name:
                both = " and ".join(sorted((node.name, other.name)))
                if store := _shared_store(node, port, other, other_port):
                    return f"{both} share store {store!r}"
                if _share_topic(node, other):
                    return f"{both} may write to one topic"
    return ""


def _shared_store(node: OperatorNode, port: int, other: OperatorNode, other_port: int) -> str:
    shared = (
        use.store
        for use in node.uses
        if use.port == port
        for used in other.uses
        if used.port == other_port and use.store == used.store and (use.writes or used.writes)
    )
    return next(shared, "")


def _share_topic(node: OperatorNode, other: OperatorNode) -> bool:
    sinks = (node.sink, other.sink)
    return None not in sinks and (node.sink == other.sink or ANY_TOPIC in sinks)


def one_by_one(graph: Graph, source: str) -> bool:
    """Whether every record of ``source`` must go all the way alone."""
    return bool(why_one_by_one(graph, source))


def why_one_by_one(graph: Graph, source: str) -> str:
    """Why every record of ``source`` must go all the way alone; empty where it need not.

    So it is where two steps that it comes to share a store that one of them writes, or write to the same
    topic: what the second one finds, or what stands there first, depends on the order between them. And where
    ways that meet have met or branched before in a manner that the orders of rows do not tell. And where a
    single record would come to a step's second input before it comes to the first: of equal orders the first
    input's turn is first.
    """
    places = _places(graph, source)
    return (
        _meddle(places, places)
        or _entangled(graph, source, {node.name for node, _ in places})
        or _comes_otherwise(graph, source)
    )


def _comes_otherwise(graph: Graph, source: str) -> str:
    """Where a record of ``source`` would come to a step by its ways in another order than they have.

    They have that of the step's inputs; and of the ways to one input, that in which they are found source by
    source, so that a way which another source has in common may stand too early.
    """
    reached = {source, *(place.node for place in graph.reached_from(source))}
    own = _ways(graph, source)
    for node, ways in _ways(graph).items():
        if sorted((way for way in ways if way[0] in reached), key=lambda way: way[1]) != own[node]:
            return f"the ways into {node} are not in the order of its inputs"
    return ""


def _entangled(graph: Graph, source: str, reached: set[str]) -> str:
    """Where ways meet of which one is itself several, or that begin at a step that fans out."""
    ways: dict[str, int] = {source: 1}
    origins: dict[str, dict[str, int]] = {}
    for node in graph.nodes:
        if node.name not in reached:
            continue
        givers = [given.node for given in node.inputs if given.node in ways]
        ways[node.name] = sum(ways[giver] for giver in givers)
        fans: dict[str, int] = {}
        for giver in givers:
            for fan, count in origins.get(giver, {}).items():
                fans[fan] = fans.get(fan, 0) + count
        if len(givers) > 1 and (
            any(ways[giver] > 1 for giver in givers) or any(count > 1 for count in fans.values())
        ):
            return f"ways that part or fan out more than once meet at {node.name}"
        origins[node.name] = {**fans, **({node.name: 1} if node.fans_out else {})}
    return ""


def _ways(graph: Graph, only: str | None = None) -> dict[str, list[tuple[str, int]]]:
    """By node: the ways into it, as (giver, port), in the order in which a single record would come by them.

    ``only``: those of the records of one source.
    """
    found: dict[str, list[tuple[str, int]]] = {node.name: [] for node in graph.nodes}
    seen: set[str] = set()
    # The children of a node are visited in the order of the graph, each child's own before the next child.
    waiting: list[tuple[str, Input]] = []

    def visit(giver: str) -> None:
        waiting.extend((giver, child) for child in reversed(graph.children[giver]))

    for source in [source.name for source in graph.sources] if only is None else [only]:
        visit(source)
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
