"""Joins of two tables by the same key.

Owns: the steps they consist of, and how a joined table is looked up.
Must not know: how updates are joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamz_core.streams.dsl.join_keys import joined_key
from streamz_core.streams.dsl.ktable import KTable, table_of
from streamz_core.streams.dsl.options import Materialized, Named, option
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.user_function import joiner_function
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.joined import LEFT, RIGHT
from streamz_core.streams.operators.table_join import TableJoin
from streamz_core.streams.operators.view import JoinedView

if TYPE_CHECKING:
    from collections.abc import Callable


def table_join(
    table: KTable[Any, Any],
    other: KTable[Any, Any],
    joiner: Callable[..., Any],
    materialized: Materialized | str | None = None,
    named: Named | str | None = None,
    *,
    needs_left: bool,
    needs_right: bool,
    with_key: bool = False,
    value_type: Any = None,
) -> KTable[Any, Any]:
    """The table of the keys that the needed sides have, each with what ``joiner`` makes of both values."""
    chosen = option(Materialized, materialized)
    given = option(Named, named).name
    key = joined_key(table, other, chosen.key)
    keyed = keyed_joiner(joiner, with_key=with_key)
    graph, views = table.graph, (table.view, other.view)
    name = graph.step("KTABLE-MERGE", named)
    # What comes in by one side is looked up in the stores of the other.
    uses = [StoreUse(store, port=RIGHT) for store in table.view.stores]
    uses += [StoreUse(store, port=LEFT) for store in other.view.stores]
    graph.add(
        name,
        (Input(table.node, LEFT), Input(other.node, RIGHT)),
        lambda: TableJoin(name, views, keyed, needs_left=needs_left, needs_right=needs_right),
        uses,
        joined_as=given if given is not None else chosen.name,
    )
    view = JoinedView(*views, keyed, needs_left=needs_left, needs_right=needs_right)
    joined: KTable[Any, Any] = KTable(graph, name, key, Serde(value_type), view=view)
    if materialized is None:
        return joined
    return table_of(joined, chosen, f"{name}-store", f"table {name!r}")


def keyed_joiner(joiner: Callable[..., Any], *, with_key: bool) -> Callable[[Any, Any, Any], Any]:
    """``joiner`` as a function of key and both values."""
    joiner_function(joiner, with_key=with_key)
    return joiner if with_key else lambda _key, left, right: joiner(left, right)
