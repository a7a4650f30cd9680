"""``Comforts``: the words of a stream that Kafka Streams does not have.

Owns: ``filter_map``, ``deduplicate``, ``batch``, ``throttle``, ``map_async``, ``with_timestamp`` and
``with_headers``: the steps they add, and their stores.
Must not know: how the steps work, other words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from streamz_core.errors import Misuse
from streamz_core.serde.subscription import PackedCodec
from streamz_core.streams.dsl.batching import Batching
from streamz_core.streams.dsl.durations import Duration, milliseconds
from streamz_core.streams.dsl.options import Named
from streamz_core.streams.dsl.processing import ProcessorContext
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.stream_node import StreamNode
from streamz_core.streams.dsl.user_function import KEY_VALUE, VALUE, keyed_function, user_function
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.deduplicate import Deduplicate
from streamz_core.streams.operators.map_unordered import MapUnordered
from streamz_core.streams.operators.process import Process
from streamz_core.streams.operators.reshape import FilterMap, WithHeaders, WithTimestamp
from streamz_core.streams.operators.throttle_kept import ThrottleKept
from streamz_core.streams.operators.waiting import MapAsync, Throttle
from streamz_core.streams.topology import StoreKind, StoreSpec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamz_core.streams.dsl.kstream import KStream

K = TypeVar("K")
V = TypeVar("V")


class Comforts(StreamNode[K, V]):
    """A part of ``KStream``."""

    def filter_map(
        self,
        mapper: Callable[..., Any],
        named: Named | str | None = None,
        *,
        with_key: bool = False,
        value_type: Any = None,
    ) -> KStream[K, Any]:
        """Each value replaced by ``mapper(value)``, or ``mapper(key, value)``; where that is None, none."""
        keyed_function(mapper, "filter_map()", with_key=with_key)
        name = self._name("KSTREAM-FILTERMAP", named)
        return self._then(name, lambda: FilterMap(name, mapper, with_key=with_key), value=Serde(value_type))

    def with_timestamp(
        self, function: Callable[[K, V], int], named: Named | str | None = None
    ) -> KStream[K, V]:
        """Each record of the time ``function(key, value)``, in milliseconds since the epoch."""
        user_function(function, "with_timestamp()", KEY_VALUE)
        name = self._name("KSTREAM-TIMESTAMP", named)
        return self._then(name, lambda: WithTimestamp(name, function))

    def with_headers(
        self, function: Callable[[K, V, Any], Any], named: Named | str | None = None
    ) -> KStream[K, V]:
        """Each record with the headers ``function(key, value, headers)``: a dict, or pairs, of names and bytes."""
        user_function(function, "with_headers()", (*KEY_VALUE, "headers"))
        name = self._name("KSTREAM-HEADERS", named)
        return self._then(name, lambda: WithHeaders(name, function))

    def deduplicate(
        self,
        within: Duration,
        store: str,
        *,
        by: Callable[[K, V], Any] | None = None,
        grace: Duration | None = None,
        named: Named | str | None = None,
    ) -> KStream[K, V]:
        """The first of the records with the same key, or the same ``by(key, value)``, within a time.

        ``within`` goes by records' timestamps, in either direction. What was seen is kept in ``store``, by
        partition: records that may be the same need the same key (changed keys are dealt out anew, as for
        groups). A record more than ``grace`` (as long as ``within``, unless given) behind cannot be told from one
        that was there, and is dropped, and counted late.
        """
        if by is not None:
            user_function(by, "deduplicate(): by", KEY_VALUE)
        if self.is_rekeyed:
            dealt = self._stream_itself().partitioned(store, "deduplicate()", keyless=True)
            return dealt.deduplicate(within, store, by=by, grace=grace, named=named)
        name, graph = self._name("KSTREAM-DEDUPLICATE", named), self.graph
        within_ms = milliseconds(within, "deduplicate(): within", at_least=1)
        grace_ms = within_ms if grace is None else milliseconds(grace, "deduplicate(): grace")
        key = self.key if by is None else Serde()
        graph.store(
            StoreSpec(
                store,
                StoreKind.WINDOW,
                graph.codecs.own_key(key, f"key of store {store!r}"),
                graph.codecs.own_value(Serde(int), f"value of store {store!r}"),
                window_size_ms=within_ms,
                grace_ms=grace_ms,
                # The window before that of the oldest record that is not late still counts.
                retention_ms=grace_ms + within_ms,
                own_time=True,
            )
        )
        graph.add(
            name,
            (Input(self.node),),
            lambda: Deduplicate(name, store, within_ms, by),
            (StoreUse(store, writes=True),),
        )
        return self._same(name)

    def batch(
        self, n: int, store: str, *, within: Duration | None = None, named: Named | str | None = None
    ) -> KStream[K, Any]:
        """``n`` values of a key as one list; or as many as came ``within`` a time of the first, by the clock.

        Lists that are not full are kept in ``store``. A list has the latest time of its values. Records without a
        key or a value are left out, and changed keys dealt out anew, as for groups.
        """
        if type(n) is not int or n < 1:
            raise Misuse(f"batch(): n must be 1 or more, got {n!r}")
        if self.is_rekeyed:
            dealt = self._stream_itself().partitioned(store, "batch()")
            return dealt.batch(n, store, within=within, named=named)
        name, graph = self._name("KSTREAM-BATCH", named), self.graph
        within_ms = None if within is None else milliseconds(within, "batch(): within", at_least=1)
        entry: Any = None
        if self.value.type is not None and self.value.serializer is None:
            entry = tuple[int, int, list[self.value.type]]  # type: ignore[name-defined]
        graph.store(
            StoreSpec(
                store,
                StoreKind.KEY_VALUE,
                graph.codecs.own_key(self.key, f"key of store {store!r}"),
                graph.codecs.own_value(Serde(entry), f"value of store {store!r}"),
            )
        )
        graph.add(
            name,
            (Input(self.node),),
            lambda: Process(name, Batching(store, n, within_ms), ProcessorContext, (store,), fixed_key=True),
            (StoreUse(store, writes=True),),
        )
        return self._same(name, Serde())

    def throttle(
        self, records: int, per: Duration, named: Named | str | None = None, *, store: str | None = None
    ) -> KStream[K, V]:
        """At most so many records in any span of time, in each task: others wait, none is lost.

        Without a ``store`` the task waits with them, and the rest stays in the topics: for a task that does little
        else. With one they are kept there, as many as come, and the other steps of the task go on.
        """
        if type(records) is not int or records < 1:
            raise Misuse(f"throttle(): records must be 1 or more, got {records!r}")
        name = self._name("KSTREAM-THROTTLE", named)
        per_ms = milliseconds(per, "throttle(): per", at_least=1)
        if store is None:
            self.graph.add(
                name,
                (Input(self.node),),
                lambda: Throttle(name, records, per_ms),
                waits=True,
                piece_max=records,
            )
            return self._same(name)
        uses = (StoreUse(self._rows_store(store), writes=True),)
        self.graph.add(name, (Input(self.node),), lambda: ThrottleKept(name, store, records, per_ms), uses)
        return self._same(name)

    def map_async(
        self,
        function: Callable[..., Awaitable[Any]],
        named: Named | str | None = None,
        *,
        with_key: bool = False,
        concurrency: int = 16,
        timeout: Duration | None = None,
        cache_ttl: Duration | None = None,
        cache_key: Callable[[K, V], Any] | None = None,
        value_type: Any = None,
        ordered: bool = True,
        store: str | None = None,
        on_error: Callable[[K, V, Exception], Any] | None = None,
    ) -> KStream[K, Any]:
        """Each value replaced by ``await function(value)``, or ``function(key, value)``; in order.

        Up to ``concurrency`` calls run side by side; one that takes longer than ``timeout`` fails its record.
        With ``cache_ttl`` a result serves for later records with the same ``cache_key(key, value)`` (the value
        itself, unless given) so long, from memory.

        With ``ordered=False`` results go on as their calls end, so that a slow one holds up nobody: records whose
        call is under way are kept in ``store``, and commits do not wait for them. After a restart their calls are
        made again; every record has its result once. Of a call that fails, ``on_error(key, value, error)`` is
        the result; without it, or where it raises, the app stops.
        """
        if type(concurrency) is not int or concurrency < 1:
            raise Misuse(f"map_async(): concurrency must be 1 or more, got {concurrency!r}")
        user_function(function, "map_async()", KEY_VALUE if with_key else VALUE, is_awaited=True)
        if cache_key is not None:
            user_function(cache_key, "map_async(): cache_key", KEY_VALUE)
        if on_error is not None:
            user_function(on_error, "map_async(): on_error", (*KEY_VALUE, "error"))
        name = self._name("KSTREAM-MAPASYNC", named)
        timeout_ms = None if timeout is None else milliseconds(timeout, "map_async(): timeout", at_least=1)
        ttl_ms = None if cache_ttl is None else milliseconds(cache_ttl, "map_async(): cache_ttl", at_least=1)
        same = cache_key if cache_key is not None or ttl_ms is None else _value
        if not ordered:
            self._map_unordered(
                name,
                store,
                function,
                with_key=with_key,
                concurrency=concurrency,
                timeout_ms=timeout_ms,
                cache_ttl_ms=ttl_ms,
                cache_key=same,
                on_error=on_error,
            )
            return self._same(name, Serde(value_type))
        if store is not None or on_error is not None:
            raise Misuse(
                "map_async(): store and on_error are for ordered=False; a step in order has an error policy: "
                "Named.as_('…').with_error_policy('skip')"
            )
        self.graph.add(
            name,
            (Input(self.node),),
            lambda: MapAsync(
                name,
                function,
                with_key=with_key,
                concurrency=concurrency,
                timeout_ms=timeout_ms,
                cache_ttl_ms=ttl_ms,
                cache_key=same,
            ),
            waits=True,
        )
        return self._same(name, Serde(value_type))

    def _map_unordered(
        self, name: str, store: str | None, function: Callable[..., Awaitable[Any]], **how: Any
    ) -> None:
        if store is None:
            raise Misuse(
                "map_async(ordered=False) keeps the records whose calls are under way, and needs the name of a store"
            )
        self.graph.add(
            name,
            (Input(self.node),),
            lambda: MapUnordered(name, store, function, **how),
            (StoreUse(self._rows_store(store), writes=True),),
            waits=True,
        )

    def _rows_store(self, name: str) -> str:
        """Declare a store of rows that wait, by their numbers."""
        codecs = self.graph.codecs
        key = codecs.own_key(self.key, f"key of store {name!r}")
        value = codecs.own_value(self.value, f"value of store {name!r}")
        numbers = codecs.own_key(Serde(int), f"number of store {name!r}")
        return self.graph.store(StoreSpec(name, StoreKind.KEY_VALUE, numbers, PackedCodec(key, 0, value)))

    def _same(self, node: str, value: Serde | None = None) -> KStream[Any, Any]:
        from streamz_core.streams.dsl.kstream import KStream

        known = self.value if value is None else value
        return KStream(self.graph, node, self.key, known, is_rekeyed=self.is_rekeyed)


def _value(_key: Any, value: Any) -> Any:
    return value
