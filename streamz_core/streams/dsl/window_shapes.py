"""How each kind of windows is kept, aggregated, looked up and written.

Owns: for time windows, sliding windows and sessions: the store, the operator, the view and the codec of keys.
Must not know: grouping, which aggregations there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamz_core.errors import Misuse
from streamz_core.serde.stamped import StampedCodec
from streamz_core.streams.dsl.durations import milliseconds
from streamz_core.streams.dsl.windows import (
    FOREVER_MS,
    SessionWindows,
    SlidingWindows,
    TimeWindows,
    UnlimitedWindows,
    Windows,
)
from streamz_core.streams.operators.key_times import KeyTimes, times_name
from streamz_core.streams.operators.session_aggregate import SessionAggregate
from streamz_core.streams.operators.sliding_aggregate import SlidingAggregate
from streamz_core.streams.operators.view import TableView
from streamz_core.streams.operators.window_aggregate import WindowAggregate
from streamz_core.streams.operators.windowed_view import SessionsByKey, SpansByKey, WindowsByKey
from streamz_core.streams.topology import StoreKind, StoreSpec
from streamz_core.streams.windowed_key import SessionWindowedCodec, TimeWindowedCodec

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.serde.codecs import ColumnCodec
    from streamz_core.streams.dsl.emit_strategy import CloseStrategy
    from streamz_core.streams.dsl.options import Materialized
    from streamz_core.streams.operator import Operator


@dataclass(frozen=True, slots=True)
class Aggregation:
    """What is done with the rows of a window."""

    initializer: Callable[[], Any] | None
    """None: the first value is the first aggregate."""
    aggregator: Callable[[Any, Any, Any], Any]
    merger: Callable[[Any, Any, Any], Any] | None = None
    """Joins the aggregates of two sessions; sessions need it."""
    is_count: bool = False


@dataclass(frozen=True, slots=True)
class Emission:
    """What is sent on of a window, and when."""

    caching: bool
    final: bool
    late: bool
    close: CloseStrategy


class WindowShape(ABC):
    """One kind of windows."""

    closes_after_ms: int
    """How long after its end a window takes rows: Kafka Streams' grace of ``Suppressed.until_window_closes``."""
    closes_with_final: bool
    """Whether a suppressed table tells of a window when the aggregation itself would: at the same moment."""
    takes_none = True
    """Whether rows without value count."""
    closes_per_key = False
    """Whether they can close by each key's own time."""

    @abstractmethod
    def store(
        self, name: str, key: ColumnCodec[Any], value: ColumnCodec[Any], materialized: Materialized
    ) -> StoreSpec:
        """The store of the aggregates."""

    @abstractmethod
    def operator(self, name: str, store: str, aggregation: Aggregation, emission: Emission) -> Operator:
        """The aggregation."""

    @abstractmethod
    def view(self, store: str) -> TableView:
        """The table, looked up by windowed keys."""

    @abstractmethod
    def key_codec(self, keys: ColumnCodec[Any]) -> ColumnCodec[Any]:
        """Windowed keys as bytes, over the codec of the keys."""


class TimeShape(WindowShape):
    """Windows that the clock alone makes: tumbling, hopping, unlimited, calendar, and one's own."""

    closes_with_final = True

    def __init__(self, windows: Windows) -> None:
        """``windows`` says which."""
        self._windows = windows
        self.closes_after_ms = getattr(windows, "grace_ms", 0)
        self._size_ms = windows.size_ms if isinstance(windows, TimeWindows) else None
        self.closes_per_key = not isinstance(windows, UnlimitedWindows)

    def store(
        self, name: str, key: ColumnCodec[Any], value: ColumnCodec[Any], materialized: Materialized
    ) -> StoreSpec:
        """Aggregates with their times, by window."""
        return StoreSpec(
            name,
            StoreKind.WINDOW,
            key,
            StampedCodec(value),
            window_size_ms=FOREVER_MS if self._size_ms is None else self._size_ms,
            grace_ms=self.closes_after_ms,
            retention_ms=retention_ms(materialized, self._size_ms or 0, self.closes_after_ms),
            own_time=True,
            window_end=None if self._size_ms is not None else self._windows.end,
            in_memory=materialized.in_memory,
            changelog=materialized.logging,
            changelog_config=materialized.logging_config,
        )

    def operator(self, name: str, store: str, aggregation: Aggregation, emission: Emission) -> Operator:
        """Rows into their windows."""
        windows = self._windows
        is_tumbling = isinstance(windows, TimeWindows) and windows.advance_ms == windows.size_ms
        return WindowAggregate(
            name,
            store,
            windows.starts,
            aggregation.aggregator,
            aggregation.initializer,
            tumbling_ms=(self._size_ms or 0) if is_tumbling else 0,
            counts=aggregation.is_count,
            caching=emission.caching,
            final=emission.final,
            late=emission.late,
            closing=emission.close.closing(),
            by_key=key_times(store, emission.close),
        )

    def view(self, store: str) -> TableView:
        """By key and start."""
        return TableView(store, reader=lambda context: WindowsByKey(context.store(store)))

    def key_codec(self, keys: ColumnCodec[Any]) -> ColumnCodec[Any]:
        """The key and the start."""
        return TimeWindowedCodec(keys, self._windows.end)


class SlidingShape(WindowShape):
    """Sliding windows."""

    closes_with_final = False
    takes_none = False

    def __init__(self, windows: SlidingWindows) -> None:
        """``windows`` says how far rows may be apart."""
        self._difference_ms = windows.time_difference_ms
        self.closes_after_ms = windows.grace_ms

    def store(
        self, name: str, key: ColumnCodec[Any], value: ColumnCodec[Any], materialized: Materialized
    ) -> StoreSpec:
        """Aggregates with their times, by window."""
        difference_ms = self._difference_ms
        kept_ms = retention_ms(materialized, difference_ms, self.closes_after_ms)
        # What a row begins depends on windows that ended up to two differences before it.
        kept_ms = max(kept_ms, self.closes_after_ms + 2 * difference_ms)
        return session_store(name, key, StampedCodec(value), kept_ms, materialized)

    def operator(self, name: str, store: str, aggregation: Aggregation, emission: Emission) -> Operator:
        """Rows into their windows."""
        return SlidingAggregate(
            name,
            store,
            self._difference_ms,
            self.closes_after_ms,
            aggregator=aggregation.aggregator,
            initializer=aggregation.initializer,
            caching=emission.caching,
            final=emission.final,
            late=emission.late,
            closing=emission.close.closing(),
        )

    def view(self, store: str) -> TableView:
        """By key and start."""
        return TableView(store, reader=lambda context: SpansByKey(context.store(store)))

    def key_codec(self, keys: ColumnCodec[Any]) -> ColumnCodec[Any]:
        """The key and the start."""
        difference_ms = self._difference_ms
        return TimeWindowedCodec(keys, lambda start: start + difference_ms)


class SessionShape(WindowShape):
    """Sessions."""

    closes_with_final = False

    def __init__(self, windows: SessionWindows) -> None:
        """``windows`` says how long a pause ends one."""
        self._gap_ms = windows.inactivity_gap_ms
        self._grace_ms = windows.grace_ms
        self.closes_after_ms = self._gap_ms + self._grace_ms

    def store(
        self, name: str, key: ColumnCodec[Any], value: ColumnCodec[Any], materialized: Materialized
    ) -> StoreSpec:
        """Aggregates by session."""
        kept_ms = retention_ms(materialized, self._gap_ms, self._grace_ms)
        return session_store(name, key, value, kept_ms + self._gap_ms, materialized)

    def operator(self, name: str, store: str, aggregation: Aggregation, emission: Emission) -> Operator:
        """Rows into sessions."""
        if aggregation.merger is None:
            raise Misuse(f"step {name!r} aggregates sessions, and needs a merger(key, one, other)")
        initializer = aggregation.initializer
        return SessionAggregate(
            name,
            store,
            self._gap_ms,
            self._grace_ms,
            aggregator=aggregation.aggregator,
            initializer=_nothing if initializer is None else initializer,
            merger=aggregation.merger,
            counts=aggregation.is_count,
            caching=emission.caching,
            final=emission.final,
            late=emission.late,
            closing=emission.close.closing(),
        )

    def view(self, store: str) -> TableView:
        """By key, start and end."""
        return TableView(store, reader=lambda context: SessionsByKey(context.store(store)))

    def key_codec(self, keys: ColumnCodec[Any]) -> ColumnCodec[Any]:
        """The key, the end and the start."""
        return SessionWindowedCodec(keys)


def shape_of(windows: Any) -> WindowShape:
    """How these windows are kept."""
    is_class = isinstance(windows, type)
    if isinstance(windows, SessionWindows):
        return SessionShape(windows)
    if isinstance(windows, SlidingWindows):
        return SlidingShape(windows)
    methods = [getattr(windows, name, None) for name in ("starts", "end")]
    if all(map(callable, methods)) and not is_class:
        return TimeShape(windows)
    raise Misuse(
        f"{windows!r} are no windows: use TimeWindows, SlidingWindows, SessionWindows, UnlimitedWindows, "
        "CalendarWindows, CountWindows, or an object with starts(timestamp) and end(start)"
    )


def session_store(
    name: str, key: ColumnCodec[Any], value: ColumnCodec[Any], kept_ms: int | None, materialized: Materialized
) -> StoreSpec:
    """A store of spans that are kept so long after their end."""
    return StoreSpec(
        name,
        StoreKind.SESSION,
        key,
        value,
        retention_ms=kept_ms,
        own_time=True,
        in_memory=materialized.in_memory,
        changelog=materialized.logging,
        changelog_config=materialized.logging_config,
    )


def key_times(store: str, close: CloseStrategy) -> KeyTimes | None:
    """The times of the keys of ``store``, where they have some of their own."""
    return KeyTimes(times_name(store), close.behind_max_ms) if close.is_per_key else None


def retention_ms(materialized: Materialized, size_ms: int, grace_ms: int) -> int:
    """How long after their end windows are kept, where the user counts from their start."""
    if materialized.retention is None:
        return grace_ms
    kept_ms = milliseconds(materialized.retention, "retention")
    if kept_ms < size_ms + grace_ms:
        raise Misuse(
            f"the retention of {kept_ms} ms is shorter than a window's size and grace, {size_ms + grace_ms} ms"
        )
    return kept_ms - size_ms


def _nothing() -> None:
    return None
