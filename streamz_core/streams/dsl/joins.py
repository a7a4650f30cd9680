"""Joins of a stream: with a stream, a table, or a global table.

Owns: the steps they consist of, and what their sides must have in common.
Must not know: how rows are joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamz_core.errors import Misuse
from streamz_core.serde.subscription import PackedCodec
from streamz_core.serde.timed_key import TimedKeyCodec
from streamz_core.streams.dsl.durations import milliseconds
from streamz_core.streams.dsl.join_keys import joined_key, refuse_other_builder
from streamz_core.streams.dsl.join_windows import JoinWindows
from streamz_core.streams.dsl.kstream import KStream
from streamz_core.streams.dsl.options import Joined, Named, StreamJoined, option
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.stores import kept_in_memory
from streamz_core.streams.dsl.user_function import KEY_VALUE, joiner_function, user_function
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.hold_back import HoldBack
from streamz_core.streams.operators.joined import LEFT, RIGHT
from streamz_core.streams.operators.stream_global_join import StreamGlobalJoin
from streamz_core.streams.operators.stream_join import StreamJoin
from streamz_core.streams.operators.stream_table_join import StreamTableJoin
from streamz_core.streams.topology import StoreKind, StoreSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.dsl.global_ktable import GlobalKTable
    from streamz_core.streams.dsl.ktable import KTable


def stream_join(
    stream: KStream[Any, Any],
    other: KStream[Any, Any],
    joiner: Callable[..., Any],
    windows: JoinWindows,
    joined: StreamJoined | str | None = None,
    *,
    left: bool,
    right: bool = False,
    with_key: bool = False,
    value_type: Any = None,
) -> KStream[Any, Any]:
    """Records of both streams whose times are as near as ``windows`` say."""
    if not isinstance(other, KStream):
        raise Misuse(f"a stream is joined with a stream or a table; {other!r} is none")
    if not isinstance(windows, JoinWindows):
        raise Misuse(f"two streams are joined within JoinWindows; {windows!r} are none")
    joiner_function(joiner, with_key=with_key)
    chosen = option(StreamJoined, joined)
    ours, theirs = dealt(stream, other, chosen, keyless=left)
    graph, store = stream.graph, _join_store(ours, theirs, chosen, windows)
    name = graph.name("KSTREAM-OUTERJOIN" if right else _kind(left=left), chosen.name)
    graph.add(
        name,
        (Input(ours.node, LEFT), Input(theirs.node, RIGHT)),
        lambda: StreamJoin(
            name,
            store,
            joiner,
            before_ms=windows.before_ms,
            after_ms=windows.after_ms,
            grace_ms=windows.grace_ms,
            left=left,
            right=right,
            with_key=with_key,
        ),
        (StoreUse(store, writes=True, port=LEFT), StoreUse(store, writes=True, port=RIGHT)),
        fans_out=True,
        joined_as=chosen.name,
    )
    return KStream(graph, name, ours.key, Serde(value_type))


def stream_table_join(
    stream: KStream[Any, Any],
    table: KTable[Any, Any],
    joiner: Callable[..., Any],
    joined: Joined | str | None = None,
    *,
    left: bool,
    with_key: bool = False,
    value_type: Any = None,
) -> KStream[Any, Any]:
    """Each record of ``stream`` with the table's value of its key at that moment."""
    joiner_function(joiner, with_key=with_key)
    chosen = option(Joined, joined)
    key = joined_key(stream, table, chosen.key)
    ours = stream.typed(key, chosen.value).partitioned(chosen.name, "a join", keyless=left)
    graph, view = stream.graph, table.view
    if chosen.grace is not None:
        ours = _held_back(ours, table, chosen)
    name = graph.name(_kind(left=left), chosen.name)
    graph.add(
        name,
        (Input(ours.node),),
        lambda: StreamTableJoin(name, view, joiner, left=left, with_key=with_key),
        [StoreUse(store) for store in view.stores],
        joined_as=chosen.name,
    )
    return KStream(graph, name, ours.key, Serde(value_type))


def _held_back(stream: KStream[Any, Any], table: KTable[Any, Any], chosen: Joined) -> KStream[Any, Any]:
    """The stream, each record waiting until the table has had ``grace`` to catch up."""
    graph, name = stream.graph, chosen.name
    grace_ms = milliseconds(chosen.grace or 0, "a join's grace")
    if any(graph.store_kind(store) is not StoreKind.VERSIONED for store in table.view.stores):
        raise Misuse(
            f"a join with grace looks up what the table {table.node!r} said at a record's time, and needs a versioned "
            "one: Materialized.as_versioned('…', history_retention)"
        )
    if name is None:
        raise Misuse(
            "a join with grace keeps records that wait in a store, and needs a name: Joined.as_('…')"
        )
    codecs, step = graph.codecs, f"{name}-Buffer"
    key = codecs.own_key(stream.key, f"key of store {step!r}")
    values = PackedCodec(codecs.own_value(stream.value, f"value of store {step!r}"), 0)
    store = graph.store(StoreSpec(step, StoreKind.KEY_VALUE, TimedKeyCodec(key), values))
    graph.add(
        step,
        (Input(stream.node),),
        lambda: HoldBack(step, store, grace_ms, key.encode),
        (StoreUse(store, writes=True),),
        fans_out=True,
    )
    return KStream(graph, step, stream.key, stream.value)


def stream_global_join(
    stream: KStream[Any, Any],
    table: GlobalKTable[Any, Any],
    key_selector: Callable[[Any, Any], Any],
    joiner: Callable[..., Any],
    named: Named | str | None = None,
    *,
    left: bool,
    with_key: bool = False,
    value_type: Any = None,
) -> KStream[Any, Any]:
    """Each record of ``stream`` with the global table's value of ``key_selector(key, value)``."""
    refuse_other_builder(stream, table)
    user_function(key_selector, "a join's key selector", KEY_VALUE)
    joiner_function(joiner, with_key=with_key)
    graph, store = stream.graph, table.store
    name = graph.step(_kind(left=left), named)
    graph.add(
        name,
        (Input(stream.node),),
        lambda: StreamGlobalJoin(name, store, key_selector, joiner, left=left, with_key=with_key),
    )
    return KStream(graph, name, stream.key, Serde(value_type), is_rekeyed=stream.is_rekeyed)


def _kind(*, left: bool) -> str:
    return "KSTREAM-LEFTJOIN" if left else "KSTREAM-JOIN"


def dealt(
    stream: KStream[Any, Any], other: KStream[Any, Any], chosen: StreamJoined, *, keyless: bool
) -> tuple[KStream[Any, Any], KStream[Any, Any]]:
    """Both sides with each record in its key's partition; what was rekeyed goes through a topic."""
    name = chosen.name
    left, right = (None, None) if name is None else (f"{name}-left", f"{name}-right")
    key = joined_key(stream, other, chosen.key)
    ours = stream.typed(key, chosen.value).partitioned(left, "a join", keyless=keyless)
    if other is stream:
        return ours, ours
    other_value = Serde(chosen.other_value_type, chosen.other_value_serializer)
    return ours, other.typed(key, other_value).partitioned(right, "a join", keyless=keyless)


def _join_store(
    ours: KStream[Any, Any], theirs: KStream[Any, Any], chosen: StreamJoined, windows: JoinWindows
) -> str:
    name = chosen.store_name if chosen.store_name is not None else chosen.name
    if name is None:
        raise Misuse(
            "a join of two streams keeps their recent records in a store, and needs its name: "
            "join(other, joiner, windows, StreamJoined.as_('…'))"
        )
    codecs = ours.graph.codecs
    return ours.graph.store(
        StoreSpec(
            name,
            StoreKind.JOIN,
            codecs.own_key(ours.key, f"key of store {name!r}"),
            codecs.own_value(ours.value, f"left value of store {name!r}"),
            other_value_codec=codecs.own_value(theirs.value, f"right value of store {name!r}"),
            retention_ms=windows.retention_ms,
            in_memory=kept_in_memory(chosen.store_type),
            changelog=chosen.logging,
            changelog_config=chosen.logging_config,
        )
    )
