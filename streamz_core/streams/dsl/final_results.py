"""Suppressions that need no buffer: the windows themselves know when they are final.

Owns: finding them, and taking their buffers out of a graph.
Must not know: which windows there are, how either step works.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from streamz_core.errors import Misuse
from streamz_core.streams.operators.stateless import Pass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamz_core.streams.graph import OperatorNode
    from streamz_core.streams.operator import Operator
    from streamz_core.streams.topology import StoreSpec

Nodes = tuple["OperatorNode", ...]
Stores = tuple["StoreSpec", ...]


class Suppression(NamedTuple):
    """A step that lets only final results pass."""

    windows: str
    """The step whose updates it takes."""
    buffer: str
    """The store of what it holds back."""
    late: str
    """The step that takes the windows' late rows, which are no updates."""
    is_per_key: bool = False
    """Whether the windows close by each key's own time, which they alone know: no buffer can."""


def with_final_results(
    nodes: Nodes,
    stores: Stores,
    finals: Mapping[str, Callable[[], Operator]],
    suppressions: Mapping[str, Suppression],
) -> tuple[Nodes, Stores]:
    """The same graph, where windows whose every update goes to one suppression tell their final results only.

    ``finals`` has the windowed steps that can, and how they are made then.
    """
    merged = {
        node: suppression
        for node, suppression in suppressions.items()
        if suppression.windows in finals and _is_alone(nodes, node, suppression)
    }
    _refuse_unmerged_per_key({node: suppressions[node] for node in suppressions.keys() - merged.keys()})
    by_windows = {suppression.windows for suppression in merged.values()}
    gone = {suppression.buffer for suppression in merged.values()}

    def rebuilt(node: OperatorNode) -> OperatorNode:
        if node.name in by_windows:
            return replace(node, make=finals[node.name])
        if node.name in merged:
            name = node.name
            return replace(node, make=lambda: Pass(name), uses=())
        return node

    return tuple(rebuilt(node) for node in nodes), tuple(store for store in stores if store.name not in gone)


def _refuse_unmerged_per_key(suppressions: Mapping[str, Suppression]) -> None:
    for node, suppression in suppressions.items():
        if suppression.is_per_key:
            raise Misuse(
                f"suppression {node!r} would buffer windows that close per_key(), and when they do is known where they "
                f"are counted: have nobody else take the updates of {suppression.windows!r}, or look its table up; "
                "final results without suppress() come from emit_strategy(EmitStrategy.on_window_close())"
            )


def _is_alone(nodes: Nodes, name: str, suppression: Suppression) -> bool:
    """Whether nobody else takes the windows' updates, looks their table up, or looks up the suppressed one.

    Between the two there may be steps that keep nothing: filters and mappings.
    """
    by_name = {node.name: node for node in nodes}
    way = {name}
    step = by_name[name].inputs[0].node
    while step != suppression.windows:
        node = by_name[step]
        if node.uses or len(node.inputs) > 1:
            return False
        way.add(step)
        step = node.inputs[0].node
    between = (way - {name}) | {suppression.windows}
    kept = {*by_name[suppression.windows].stores, suppression.buffer}
    for node in nodes:
        if node.name in way or node.name in {suppression.windows, suppression.late}:
            continue
        if any(given.node in between for given in node.inputs) or kept & set(node.stores):
            return False
    return True
