"""Joins of a stream with a table.

Owns: the steps they consist of, and what their sides must have in common.
Must not know: how rows are joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamz_core.streams.dsl.kstream import KStream
from streamz_core.streams.dsl.options import Joined, option
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.stream_table_join import StreamTableJoin

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.dsl.ktable import KTable


def stream_table_join(
    stream: KStream[Any, Any],
    table: KTable[Any, Any],
    joiner: Callable[..., Any],
    joined: Joined | str | None,
    *,
    left: bool,
    with_key: bool,
    value_type: Any,
) -> KStream[Any, Any]:
    """Each record of ``stream`` with the table's value of its key at that moment."""
    chosen = option(Joined, joined)
    ours = stream.partitioned(chosen.name, "a join", keyless=left)
    graph, view = stream.graph, table.view
    name = graph.name("KSTREAM-LEFTJOIN" if left else "KSTREAM-JOIN", chosen.name)
    graph.add(
        name,
        (Input(ours.node),),
        lambda: StreamTableJoin(name, view, joiner, left=left, with_key=with_key),
        (StoreUse(view.store_name),),
    )
    return KStream(graph, name, ours.key, Serde(value_type))
