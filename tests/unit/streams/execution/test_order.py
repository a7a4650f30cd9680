"""What an operator sees is what it would see if every record went all the way alone."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.streams.execution.plan import wire
from streamz_core.streams.graph import Graph, Input, OperatorNode, SourceNode
from streamz_core.streams.operator import Operator
from streamz_core.streams.operators.stateless import Filter, FlatMapValues, MapValues, Pass
from streamz_core.streams.rows import Rows


class Seen(Operator):
    """Passes rows on and remembers them."""

    def __init__(self, name: str, log: dict[str, list[Any]]) -> None:
        super().__init__(name)
        self._log = log

    def process(self, rows: Rows) -> Rows | None:
        self._log.setdefault(self.name, []).extend(zip(rows.keys, rows.values, strict=True))
        return rows


KINDS = ("filter", "map", "flat", "merge", "seen")


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[str, str, tuple[str, ...]]]:
    """Nodes as (name, kind, givers); the first giver of all is the source "s"."""
    nodes: list[tuple[str, str, tuple[str, ...]]] = []
    for number in range(draw(st.integers(1, 9))):
        names = ["s", *(name for name, _, _ in nodes)]
        kind = draw(st.sampled_from(KINDS))
        count = draw(st.integers(2, 3)) if kind == "merge" else 1
        givers = tuple(draw(st.sampled_from(names)) for _ in range(count))
        nodes.append((f"n{number}", kind, tuple(dict.fromkeys(givers))))
    return nodes


def built(nodes: list[tuple[str, str, tuple[str, ...]]], log: dict[str, list[Any]]) -> Graph:
    made = []
    for name, kind, givers in nodes:
        spy = f"{name}-seen"
        made.append(OperatorNode(spy, tuple(Input(giver) for giver in givers), lambda n=name: Seen(n, log)))
        made.append(
            OperatorNode(name, (Input(spy),), lambda n=name, k=kind: operator(n, k), fans_out=kind == "flat")
        )
    return Graph((SourceNode("s", ("topic",), None, None),), tuple(made))  # type: ignore[arg-type]


def operator(name: str, kind: str) -> Operator:
    if kind == "filter":
        return Filter(name, lambda _key, value: value % 3 != int(name[1:]) % 3)
    if kind == "map":
        return MapValues(name, lambda value: value + 1)
    if kind == "flat":
        return FlatMapValues(name, lambda value: (value, value + 2))
    return Pass(name)


def depth_first(nodes: list[tuple[str, str, tuple[str, ...]]], values: list[int]) -> dict[str, list[Any]]:
    """The reference: each record alone, each way to its end before the next one, children as declared."""
    log: dict[str, list[Any]] = {}
    children: dict[str, list[tuple[str, str]]] = {}
    for name, kind, givers in nodes:
        for giver in givers:
            children.setdefault(giver, []).append((name, kind))

    def visit(giver: str, key: int, value: int) -> None:
        for name, kind in children.get(giver, ()):
            log.setdefault(name, []).append((key, value))
            if kind == "filter" and value % 3 == int(name[1:]) % 3:
                continue
            for each in (value, value + 2) if kind == "flat" else (value + 1 if kind == "map" else value,):
                visit(name, key, each)

    for key, value in enumerate(values):
        visit("s", key, value)
    return log


@settings(max_examples=300, deadline=None)
@given(graphs(), st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(1, 12))
def test_every_operator_sees_the_order_of_single_records(
    nodes: list[tuple[str, str, tuple[str, ...]]], values: list[int], piece: int
) -> None:
    log: dict[str, list[Any]] = {}
    graph = built(nodes, log)
    steps = wire(graph)

    for start in range(0, len(values), piece):
        part = values[start : start + piece]
        orders = list(range(start, start + len(part)))
        steps.push([(0, Rows(list(orders), list(part), [0] * len(part), orders))])

    assert log == depth_first(nodes, values)
