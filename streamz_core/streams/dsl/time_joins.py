"""Joins by time that Kafka Streams does not have: with the nearest row, and within bounds.

Owns: the steps they consist of, their stores, and what is asked of their bounds.
Must not know: how rows are joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamz_core.errors import Misuse
from streamz_core.serde.subscription import PackedCodec
from streamz_core.serde.timed_key import TimedKeyCodec
from streamz_core.streams.dsl.durations import Duration, milliseconds, signed_milliseconds
from streamz_core.streams.dsl.joins import dealt
from streamz_core.streams.dsl.kstream import KStream
from streamz_core.streams.dsl.options import StreamJoined, option
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.stores import kept_in_memory
from streamz_core.streams.dsl.user_function import joiner_function
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.asof_join import AsofJoin, Strategy
from streamz_core.streams.operators.interval_join import IntervalJoin, retention_ms
from streamz_core.streams.operators.joined import LEFT, RIGHT
from streamz_core.streams.topology import StoreKind, StoreSpec

if TYPE_CHECKING:
    from collections.abc import Callable


def asof_join(
    stream: KStream[Any, Any],
    other: KStream[Any, Any],
    joiner: Callable[..., Any],
    joined: StreamJoined | str,
    *,
    how: str,
    strategy: str,
    tolerance: Duration | None,
    grace: Duration,
    history: Duration,
    with_key: bool,
    value_type: Any,
) -> KStream[Any, Any]:
    """Each record of ``stream`` with the record of ``other`` that is nearest to it in time."""
    _check_how("join_asof", how, "inner", "left")
    joiner_function(joiner, with_key=with_key)
    chosen_strategy = _strategy(strategy, tolerance)
    tolerance_ms = None if tolerance is None else milliseconds(tolerance, "join_asof(): tolerance")
    grace_ms = milliseconds(grace, "join_asof(): grace")
    waits_ms = grace_ms + (0 if chosen_strategy is Strategy.BACKWARD else tolerance_ms or 0)
    kept_ms = milliseconds(history, "join_asof(): history") + waits_ms
    left = how == "left"
    ours, theirs, chosen, store = _sides("join_asof", stream, other, joined, keyless=left)
    graph, codecs = stream.graph, stream.graph.codecs
    key = codecs.own_key(ours.key, f"key of store {store!r}")
    options = _options(chosen)
    values = codecs.own_value(theirs.value, f"value of store {store!r}")
    graph.store(StoreSpec(store, StoreKind.VERSIONED, key, values, retention_ms=kept_ms, **options))
    waiting = None
    if waits_ms:
        held = PackedCodec(codecs.own_value(ours.value, f"value of store '{store}-waiting'"), 0)
        spec = StoreSpec(f"{store}-waiting", StoreKind.KEY_VALUE, TimedKeyCodec(key), held, **options)
        waiting = graph.store(spec)
    name = graph.name("KSTREAM-ASOFJOIN", chosen.name)
    used = [store] if waiting is None else [store, waiting]
    graph.add(
        name,
        (Input(ours.node, LEFT), Input(theirs.node, RIGHT)),
        lambda: AsofJoin(
            name,
            store,
            joiner,
            strategy=chosen_strategy,
            tolerance_ms=tolerance_ms,
            grace_ms=grace_ms,
            left=left,
            with_key=with_key,
            waiting=waiting,
            encode_key=key.encode,
        ),
        [StoreUse(each, writes=True, port=port) for each in used for port in (LEFT, RIGHT)],
        fans_out=True,
        joined_as=chosen.name,
    )
    return KStream(graph, name, ours.key, Serde(value_type))


def interval_join(
    stream: KStream[Any, Any],
    other: KStream[Any, Any],
    joiner: Callable[..., Any],
    joined: StreamJoined | str,
    *,
    lower: Duration,
    upper: Duration,
    how: str,
    grace: Duration,
    with_key: bool,
    value_type: Any,
) -> KStream[Any, Any]:
    """Records of both streams of which the other one's is later by ``lower`` to ``upper``."""
    _check_how("join_interval", how, "inner", "left", "outer")
    joiner_function(joiner, with_key=with_key)
    lower_ms = signed_milliseconds(lower, "join_interval(): lower")
    upper_ms = signed_milliseconds(upper, "join_interval(): upper")
    if lower_ms > upper_ms:
        raise Misuse(
            f"join_interval(): lower is {lower_ms} ms and upper {upper_ms} ms: there is nothing between"
        )
    grace_ms = milliseconds(grace, "join_interval(): grace")
    left, right = how != "inner", how == "outer"
    ours, theirs, chosen, store = _sides("join_interval", stream, other, joined, keyless=left)
    graph, codecs = stream.graph, stream.graph.codecs
    graph.store(
        StoreSpec(
            store,
            StoreKind.JOIN,
            codecs.own_key(ours.key, f"key of store {store!r}"),
            codecs.own_value(ours.value, f"left value of store {store!r}"),
            other_value_codec=codecs.own_value(theirs.value, f"right value of store {store!r}"),
            retention_ms=retention_ms(lower_ms, upper_ms, grace_ms),
            **_options(chosen),
        )
    )
    name = graph.name("KSTREAM-INTERVALJOIN", chosen.name)
    graph.add(
        name,
        (Input(ours.node, LEFT), Input(theirs.node, RIGHT)),
        lambda: IntervalJoin(
            name,
            store,
            joiner,
            lower_ms=lower_ms,
            upper_ms=upper_ms,
            grace_ms=grace_ms,
            left=left,
            right=right,
            with_key=with_key,
        ),
        [StoreUse(store, writes=True, port=port) for port in (LEFT, RIGHT)],
        fans_out=True,
        joined_as=chosen.name,
    )
    return KStream(graph, name, ours.key, Serde(value_type))


def _sides(
    what: str, stream: KStream[Any, Any], other: Any, joined: StreamJoined | str, *, keyless: bool
) -> tuple[KStream[Any, Any], KStream[Any, Any], StreamJoined, str]:
    """Both sides in the partitions of their keys, the options, and the name of the store."""
    if not isinstance(other, KStream):
        raise Misuse(f"{what}() joins a stream with a stream; {other!r} is none: use join() with tables")
    chosen = option(StreamJoined, joined)
    store = chosen.store_name if chosen.store_name is not None else chosen.name
    if store is None:
        raise Misuse(f"{what}() keeps records in a store, and needs its name: {what}(other, joiner, 'name')")
    return *dealt(stream, other, chosen, keyless=keyless), chosen, store


def _options(chosen: StreamJoined) -> dict[str, Any]:
    return {
        "in_memory": kept_in_memory(chosen.store_type),
        "changelog": chosen.logging,
        "changelog_config": chosen.logging_config,
    }


def _check_how(what: str, how: str, *allowed: str) -> None:
    if how not in allowed:
        raise Misuse(f"{what}(): how is one of {', '.join(map(repr, allowed))}, not {how!r}")


def _strategy(strategy: str, tolerance: Duration | None) -> Strategy:
    try:
        chosen = Strategy(strategy)
    except ValueError:
        allowed = ", ".join(repr(one.value) for one in Strategy)
        raise Misuse(f"join_asof(): strategy is one of {allowed}, not {strategy!r}") from None
    if chosen is not Strategy.BACKWARD and tolerance is None:
        raise Misuse(
            f"join_asof(): strategy {strategy!r} waits for what comes after a record, and needs to know how long: "
            "tolerance=timedelta(…)"
        )
    return chosen
