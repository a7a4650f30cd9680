"""``Suppressed``: a table that says less than it knows: final results of windows, or one update in a while.

Owns: the words, their buffers, and the step that holds updates back.
Must not know: how updates are kept, which windows there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from streamz_core.errors import Misuse
from streamz_core.serde.buffered import BufferedCodec
from streamz_core.streams.dsl.durations import Duration, milliseconds
from streamz_core.streams.dsl.emit_strategy import CloseStrategy
from streamz_core.streams.dsl.final_results import Suppression
from streamz_core.streams.graph import Input, StoreUse
from streamz_core.streams.operators.suppress import Limits, Suppress, prior_or_current
from streamz_core.streams.operators.view import TableView
from streamz_core.streams.topology import StoreKind, StoreSpec

if TYPE_CHECKING:
    from streamz_core.streams.dsl.ktable import KTable

UNBOUNDED: Final = (1 << 63) - 1


class Windowing(NamedTuple):
    """What a windowed table knows of its windows."""

    node: str
    """The step that aggregates."""
    late_node: str
    """The step that takes its late rows, if there is one."""
    closes_after_ms: int
    """How long after its end a window takes records."""
    close: CloseStrategy


class WhenFull(Enum):
    """What becomes of a buffer that is full."""

    EMIT_EARLY = "emit_early"
    SHUT_DOWN = "shut_down"


@dataclass(frozen=True, slots=True)
class BufferConfig:
    """How much is held back at most: keys, or bytes of keys and values as they are stored."""

    records_max: int = UNBOUNDED
    bytes_max: int = UNBOUNDED
    when_full: WhenFull = WhenFull.SHUT_DOWN
    logging: bool = True

    @classmethod
    def unbounded(cls) -> Self:
        """As much as there is."""
        return cls()

    @classmethod
    def max_records(cls, records: int) -> Self:
        """So many keys; then the oldest go out early."""
        return cls(records_max=records, when_full=WhenFull.EMIT_EARLY)

    @classmethod
    def max_bytes(cls, size: int) -> Self:
        """So many bytes; then the oldest go out early."""
        return cls(bytes_max=size, when_full=WhenFull.EMIT_EARLY)

    def with_max_records(self, records: int) -> Self:
        """The same with so many keys."""
        return replace(self, records_max=records)

    def with_max_bytes(self, size: int) -> Self:
        """The same with so many bytes."""
        return replace(self, bytes_max=size)

    def emit_early_when_full(self) -> Self:
        """The oldest updates go out before their time."""
        return replace(self, when_full=WhenFull.EMIT_EARLY)

    def shut_down_when_full(self) -> Self:
        """The app stops: for final results, where an early one would be wrong."""
        return replace(self, when_full=WhenFull.SHUT_DOWN)

    def with_no_bound(self) -> Self:
        """The same without a bound."""
        return replace(self, records_max=UNBOUNDED, bytes_max=UNBOUNDED)

    def with_logging_disabled(self) -> Self:
        """Without a changelog: what is held back is lost with the buffer's files."""
        return replace(self, logging=False)

    @property
    def is_bounded(self) -> bool:
        """Whether it can be full."""
        return self.records_max < UNBOUNDED or self.bytes_max < UNBOUNDED


@dataclass(frozen=True, slots=True)
class Suppressed:
    """How a table's updates are held back. The name is that of the buffer, which is a store: it needs one."""

    limit_ms: int | None
    """None: until windows close."""
    buffer: BufferConfig
    name: str | None = None

    @classmethod
    def until_window_closes(cls, buffer_config: BufferConfig) -> Self:
        """Only the final result of each window. The buffer must not emit early."""
        if buffer_config.is_bounded and buffer_config.when_full is WhenFull.EMIT_EARLY:
            raise Misuse(
                "until_window_closes tells final results only, and its buffer must not emit early: use "
                "BufferConfig.unbounded(), or a bound with shut_down_when_full()"
            )
        return cls(None, buffer_config)

    @classmethod
    def until_time_limit(cls, time_to_wait_for_more_events: Duration, buffer_config: BufferConfig) -> Self:
        """An update goes out when stream time has passed the first one that was held back by this time."""
        return cls(milliseconds(time_to_wait_for_more_events, "until_time_limit"), buffer_config)

    def with_name(self, name: str) -> Self:
        """With a buffer of this name."""
        return replace(self, name=name)


def suppressed(table: KTable[Any, Any], how: Suppressed) -> KTable[Any, Any]:
    """The table that says less."""
    if not isinstance(how, Suppressed):
        raise Misuse(
            f"suppress() takes Suppressed.until_window_closes(…) or Suppressed.until_time_limit(…), not {how!r}"
        )
    if how.name is None:
        raise Misuse(
            "suppress() keeps what it holds back in a store, and needs its name: Suppressed.….with_name('…')"
        )
    windowing = table.windowing
    if how.limit_ms is not None:
        return _held(table, how.name, how.buffer, Limits(how.limit_ms))
    if windowing is None:
        raise Misuse("until_window_closes is for windowed tables: this one has no windows that could close")
    if windowing.close.is_per_key and how.buffer.is_bounded:
        raise Misuse(
            f"suppression {how.name!r}: windows that close per_key() are held back where they are counted, in a "
            "store that has no bound; use BufferConfig.unbounded()"
        )
    limits = Limits(windowing.closes_after_ms, by_window_end=True)
    return _held(table, how.name, how.buffer, limits, closing=windowing.close)


def limited(table: KTable[Any, Any], every_ms: int, name: str) -> KTable[Any, Any]:
    """The table with its updates at most every so often, at multiples of that time."""
    return _held(table, name, BufferConfig.unbounded(), Limits(0, every_ms=every_ms))


def _held(
    table: KTable[Any, Any],
    name: str,
    buffer: BufferConfig,
    limits: Limits,
    *,
    closing: CloseStrategy | None = None,
) -> KTable[Any, Any]:
    from streamz_core.streams.dsl.ktable import KTable

    graph, view = table.graph, table.view
    node = name
    codecs = graph.codecs
    store = graph.store(
        StoreSpec(
            f"{name}-store",
            StoreKind.SESSION,
            codecs.own_key(table.key, f"key of suppression {name!r}"),
            BufferedCodec(codecs.own_value(table.value, f"value of suppression {name!r}")),
            own_time=True,
            changelog=buffer.logging,
        )
    )
    limits.records_max, limits.bytes_max = buffer.records_max, buffer.bytes_max
    limits.emits_early = buffer.when_full is WhenFull.EMIT_EARLY
    close = CloseStrategy.stream_time() if closing is None else closing
    graph.add(
        node,
        (Input(table.node),),
        lambda: Suppress(node, store, limits, close.closing()),
        (StoreUse(store, writes=True),),
        fans_out=True,
    )
    if limits.by_window_end and not buffer.is_bounded:
        assert table.windowing is not None
        windowing = table.windowing
        graph.is_final_of(
            node, Suppression(windowing.node, store, windowing.late_node, windowing.close.is_per_key)
        )
    return KTable(
        graph,
        node,
        table.key,
        table.value,
        view=TableView(store, (), lambda context: prior_or_current(context, store, view), view.stores),
        windowing=table.windowing,
    )
