"""``TimeWindowedKStream``: a grouped stream, in windows by time.

Owns: aggregations into windowed tables, and when their results are sent on.
Must not know: how windows are kept and closed.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from streamz_core.errors import Misuse
from streamz_core.serde.stamped import StampedCodec
from streamz_core.streams.dsl.ktable import KTable, known
from streamz_core.streams.dsl.options import Materialized, Named, option
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.view import TableView
from streamz_core.streams.operators.window_aggregate import WindowAggregate
from streamz_core.streams.topology import StoreKind, StoreSpec
from streamz_core.streams.windowed_key import TimeWindowedCodec

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.dsl.kstream import KStream
    from streamz_core.streams.dsl.windows import TimeWindows

K = TypeVar("K")
V = TypeVar("V")


class Grouping(Protocol):
    """A grouped stream, as windows see it."""

    @property
    def stream(self) -> KStream[Any, Any]:
        """The records, each in the partition of its key."""

    @property
    def value(self) -> Serde:
        """What is known of the values."""


class EmitStrategy(Enum):
    """When the results of windows are sent on."""

    ON_WINDOW_UPDATE = "updates"
    ON_WINDOW_CLOSE = "final"

    @classmethod
    def on_window_update(cls) -> EmitStrategy:
        """Every change."""
        return cls.ON_WINDOW_UPDATE

    @classmethod
    def on_window_close(cls) -> EmitStrategy:
        """Once, when the window takes no more records."""
        return cls.ON_WINDOW_CLOSE


class TimeWindowedKStream(Generic[K, V]):
    """Made by ``KGroupedStream.windowed_by``. The keys of the resulting tables are ``Windowed``."""

    def __init__(
        self,
        grouped: Grouping,
        windows: TimeWindows,
        emit: EmitStrategy = EmitStrategy.ON_WINDOW_UPDATE,
    ) -> None:
        """``emit`` says when results are sent on."""
        self._grouped: Final = grouped
        self._windows: Final = windows
        self._emit: Final = emit

    def emit_strategy(self, emit: EmitStrategy) -> TimeWindowedKStream[K, V]:
        """The same, with results sent on as ``emit`` says."""
        return TimeWindowedKStream(self._grouped, self._windows, emit)

    def count(
        self, materialized: Materialized | str | None = None, named: Named | str | None = None
    ) -> KTable[Any, int]:
        """How many records each key has in each window."""
        return self._aggregate(
            lambda: 0, lambda _key, _value, count: count + 1, Serde(int), materialized, named, what="count()"
        )

    def reduce(
        self,
        reducer: Callable[[V, V], V],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
    ) -> KTable[Any, V]:
        """``reducer(reduced, value)``; the first value of a key and window is its first result."""
        return self._aggregate(
            None,
            lambda _key, value, reduced: reducer(reduced, value),
            self._grouped.value,
            materialized,
            named,
            what="reduce()",
            kind="KSTREAM-REDUCE",
        )

    def aggregate(
        self,
        initializer: Callable[[], Any],
        aggregator: Callable[[K, V, Any], Any],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
        *,
        value_type: Any = None,
    ) -> KTable[Any, Any]:
        """``aggregator(key, value, aggregate)``, beginning with ``initializer()``; None deletes."""
        return self._aggregate(
            initializer, aggregator, Serde(value_type), materialized, named, what="aggregate()"
        )

    def _aggregate(
        self,
        initializer: Callable[[], Any] | None,
        aggregator: Callable[[Any, Any, Any], Any],
        value: Serde,
        materialized: Materialized | str | None,
        named: Named | str | None,
        *,
        what: str,
        kind: str = "KSTREAM-AGGREGATE",
    ) -> KTable[Any, Any]:
        chosen = option(Materialized, materialized)
        if chosen.name is None:
            raise Misuse(f"{what} keeps a store, and needs its name: {what[:-1]}Materialized.as_('…'))")
        stream, windows = self._grouped.stream, self._windows
        graph = stream.graph
        name = graph.step(kind, named)
        key, value = known(chosen.key, stream.key), known(chosen.value, value)
        store = self._store(chosen, key, value)
        caching, final = chosen.caching, self._emit is EmitStrategy.ON_WINDOW_CLOSE
        graph.add(
            name,
            (Input(stream.node),),
            lambda: WindowAggregate(
                name,
                store,
                windows.size_ms,
                windows.starts,
                aggregator,
                initializer,
                caching=caching,
                final=final,
            ),
            (StoreUse(store, writes=True),),
        )
        size_ms = windows.size_ms
        windowed = key._replace(wrap=lambda codec: TimeWindowedCodec(codec, size_ms))
        return KTable(graph, name, windowed, value, view=TableView(store), store=store)

    def _store(self, materialized: Materialized, key: Serde, value: Serde) -> str:
        graph, name, windows = self._grouped.stream.graph, materialized.name, self._windows
        assert name is not None
        codecs = graph.codecs
        return graph.store(
            StoreSpec(
                name,
                StoreKind.WINDOW,
                codecs.own_key(key, f"key of store {name!r}"),
                StampedCodec(codecs.own_value(value, f"value of store {name!r}")),
                window_size_ms=windows.size_ms,
                grace_ms=windows.grace_ms,
                retention_ms=windows.retention_ms(materialized.retention),
                own_time=True,
                changelog=materialized.logging,
                changelog_config=materialized.logging_config,
            )
        )
