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


def is_deep(graph: Graph) -> bool:
    """Whether records of any source must go all the way alone."""
    return any(one_by_one(graph, source.name) for source in graph.sources)


def wire(graph: Graph) -> tuple[dict[str, Step], Steps]:
    """The sources by name, and all other steps. Operators are made here, one each."""
    ways = _ways(graph)
    sources = {source.name: Step(None, []) for source in graph.sources}
    made: dict[str, Step] = dict(sources)
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
    return sources, Steps(steps, is_deep=is_deep(graph))


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
    reached = graph.reached_from(source)
    nodes = {node.name: node for node in graph.nodes}
    places = [(nodes[place.node], place.port) for place in reached]
    return (
        _shared_store(places)
        or _shared_topic({node.name: node for node, _ in places})
        or _entangled(graph, source, {node.name for node, _ in places})
        or _comes_crosswise(graph, {source, *(node.name for node, _ in places)})
    )


def _shared_store(places: list[tuple[OperatorNode, int]]) -> str:
    users: dict[str, set[str]] = {}
    written: set[str] = set()
    for node, port in places:
        for use in node.uses:
            if use.port == port:
                users.setdefault(use.store, set()).add(node.name)
                if use.writes:
                    written.add(use.store)
    for store in sorted(written):
        if len(users[store]) > 1:
            return f"{_listed(users[store])} share store {store!r}"
    return ""


def _shared_topic(nodes: dict[str, OperatorNode]) -> str:
    writers: dict[object, set[str]] = {}
    for node in nodes.values():
        if node.sink is not None:
            writers.setdefault(node.sink, set()).add(node.name)
    if ANY_TOPIC in writers and sum(map(len, writers.values())) > 1:
        return f"{_listed(writers[ANY_TOPIC])} may write to the topic of another step"
    for names in writers.values():
        if len(names) > 1:
            return f"{_listed(names)} write to one topic"
    return ""


def _listed(names: set[str]) -> str:
    return " and ".join(sorted(names))


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


def _comes_crosswise(graph: Graph, reached: set[str]) -> str:
    """Where the ways into a step are not in the order of its inputs."""
    for name, ways in _ways(graph).items():
        ports = [port for giver, port in ways if giver in reached]
        if ports != sorted(ports):
            return f"the ways into {name} are not in the order of its inputs"
    return ""


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
