"""Windows by count: so many records of a key, one after the other or sliding.

Owns: ``CountWindows`` and ``CountWindowedKStream``.
Must not know: how records are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.aggregations import combined
from streamz_core.streams.dsl.kstream import KStream
from streamz_core.streams.dsl.ktable import key_value_store, known
from streamz_core.streams.dsl.options import Materialized, Named, option
from streamz_core.streams.dsl.serde import Serde
from streamz_core.streams.dsl.user_function import aggregating_function, reducing_function, user_function
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.count_aggregate import SlidingCounts, TumblingCounts
from streamz_core.streams.windowed_key import SessionWindowedCodec

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.dsl.aggregations import Aggregate
    from streamz_core.streams.dsl.windowed_stream import Grouping

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class CountWindows:
    """Windows of ``size`` records of one key, in the order they come; their time does not matter.

    The window of a key's records is named by their numbers: the first hundred are 0 to 100.
    """

    size: int
    is_sliding: bool = False

    @classmethod
    def tumbling(cls, size: int) -> Self:
        """One window after the other; each is told of once, when it is full."""
        return cls(_at_least_one(size))

    @classmethod
    def sliding(cls, size: int) -> Self:
        """With each record, the last ``size`` of its key, or as many as there are yet."""
        return cls(_at_least_one(size), is_sliding=True)


class CountWindowedKStream(Generic[K, V]):
    """A grouped stream in windows by count. Results are streams: a window is told of once, and then forgotten."""

    def __init__(self, grouped: Grouping, windows: CountWindows) -> None:
        """Made by ``KGroupedStream.windowed_by``."""
        self._grouped: Final = grouped
        self._windows: Final = windows

    def reduce(
        self,
        reducer: Callable[[V, V], V],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
    ) -> KStream[Any, V]:
        """``reducer(reduced, value)`` over the records of each window."""
        reducing_function(reducer, "reduce()")
        value = self._grouped.value
        return self._aggregate(
            None, lambda _key, given, reduced: reducer(reduced, given), value, materialized, named, "reduce()"
        )

    def aggregate(
        self,
        initializer: Callable[[], Any],
        aggregator: Callable[[K, V, Any], Any],
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
        *,
        value_type: Any = None,
    ) -> KStream[Any, Any]:
        """``aggregator(key, value, aggregate)`` over the records of each window, beginning with ``initializer()``."""
        user_function(initializer, "aggregate(): the initializer", ())
        aggregating_function(aggregator, "aggregate(): the aggregator")
        value = Serde(value_type)
        return self._aggregate(initializer, aggregator, value, materialized, named, "aggregate()")

    def agg(
        self,
        materialized: Materialized | str | None = None,
        named: Named | str | None = None,
        **aggregates: Aggregate,
    ) -> KStream[Any, dict[str, Any]]:
        """Several aggregates of each window at once, by name."""
        how = combined(aggregates)
        made = self._aggregate(how.initial, how.add, Serde(), materialized, named, "agg()")
        return made.map_values(how.results)

    def _aggregate(
        self,
        initializer: Callable[[], Any] | None,
        aggregator: Callable[[Any, Any, Any], Any],
        value: Serde,
        materialized: Materialized | str | None,
        named: Named | str | None,
        what: str,
    ) -> KStream[Any, Any]:
        stream, windows = self._grouped.stream, self._windows
        graph = stream.graph
        name = graph.step("KSTREAM-AGGREGATE", named)
        chosen = option(Materialized, materialized)
        key = known(chosen.key, stream.key)
        # What is kept is a number, and the aggregate or the records of a window: of no declared type.
        store = key_value_store(graph, chosen, key, Serde(), what)
        kind = SlidingCounts if windows.is_sliding else TumblingCounts
        graph.add(
            name,
            (Input(stream.node),),
            lambda: kind(name, store, windows.size, aggregator, initializer),
            (StoreUse(store, writes=True),),
        )
        return KStream(graph, name, key._replace(wrap=SessionWindowedCodec), known(chosen.value, value))


def _at_least_one(size: int) -> int:
    if type(size) is not int or size < 1:
        raise Misuse(f"a window by count has 1 record or more, not {size!r}")
    return size
