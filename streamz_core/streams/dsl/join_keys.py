"""What the two sides of a join must have in common.

Owns: that both are of one graph, and how the keys of both are written.
Must not know: what is joined, and how.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from streamz_core.errors import Misuse

if TYPE_CHECKING:
    from streamz_core.streams.dsl.graph_builder import GraphBuilder
    from streamz_core.streams.dsl.serde import Serde


class Side(Protocol):
    """A stream or a table."""

    @property
    def graph(self) -> GraphBuilder:
        """The graph it is of."""

    @property
    def node(self) -> str:
        """The step that gives its rows."""

    @property
    def key(self) -> Serde:
        """What is known of its keys."""


def refuse_other_builder(one: Side, other: Side) -> None:
    """Joins are made within one graph."""
    if one.graph is not other.graph:
        raise Misuse(
            f"{one.node!r} and {other.node!r} are of two builders; only what one builder made can meet"
        )


def joined_key(one: Side, other: Side, chosen: Serde) -> Serde:
    """How the keys of both sides are written: as ``chosen``, or as is known of either.

    Keys that are equal must be written equally, or they would be in different partitions. Raises ``Misuse``
    where the two sides write theirs in different ways.
    """
    refuse_other_builder(one, other)
    known = [side for side in (chosen, one.key, other.key) if side.is_known]
    if one.key.is_known and other.key.is_known:
        kinds = [one.graph.codecs.own_key(side.key, f"key of {side.node!r}") for side in (one, other)]
        if type(kinds[0]) is not type(kinds[1]):
            raise Misuse(
                f"the keys of {one.node!r} are {kinds[0].expects}, those of {other.node!r} are "
                f"{kinds[1].expects}: they are never equal. Declare the same key_type for both"
            )
    return known[0] if known else one.key
