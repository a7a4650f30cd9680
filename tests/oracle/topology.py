"""The programs of ``program.py``, built in our words. ``Oracle.java`` has the same in Java's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from streamz_core.streams.dsl.builder import StreamsBuilder
from streamz_core.streams.dsl.emit_strategy import EmitStrategy
from streamz_core.streams.dsl.join_windows import JoinWindows
from streamz_core.streams.dsl.options import (
    Grouped,
    Joined,
    Materialized,
    Repartitioned,
    StreamJoined,
    TableJoined,
)
from streamz_core.streams.dsl.processing import (
    FixedKeyProcessor,
    FixedKeyRecord,
    Processor,
    Record,
    ValueTransformerWithKey,
)
from streamz_core.streams.dsl.stores import Stores
from streamz_core.streams.dsl.suppressed import BufferConfig, Suppressed
from streamz_core.streams.dsl.windows import SessionWindows, SlidingWindows, TimeWindows, UnlimitedWindows

KEPT = timedelta(days=1)
"""How long windows are kept: sessions that have closed can be joined so long."""
HISTORY = timedelta(hours=1)
"""How long versioned tables keep what was."""
TEXT = {"key_type": str, "value_type": str}


def shown(value: str | None) -> str:
    return "-" if value is None else value


def first(value: str | None) -> str | None:
    return value[:1] if value else None


def joined(left: str | None, right: str | None) -> str:
    return f"{shown(left)}+{shown(right)}"


PREDICATES: dict[str, Any] = {
    "value_high": lambda k, v: v is not None and v > "m",
    "key_low": lambda k, v: k is not None and k < "c",
    "short": lambda k, v: v is None or 0 < len(v) < 4,
}
MAPPERS: dict[str, Any] = {
    "upper": lambda v: None if v is None else v.upper(),
    "mark": lambda v: shown(v) + "x",
    "drop_b": lambda v: None if v is None or v.startswith("b") else v,
}


def add(_key: Any, value: str, total: str) -> str | None:
    return None if value == "!" else f"{total},{shown(value)}"


def dotted(old: str, value: str | None) -> str:
    return f"{old}.{'null' if value is None else value}"


def windowed(key: Any, _value: Any = None) -> str:
    return f"{key.key}@{key.window.start}/{key.window.end}"


def with_key(key: str | None, value: str | None) -> str:
    return f"{shown(key)}~{shown(value)}"


class Before(Processor):
    """Each record with all before it of its key; one that is high also under its first letter, a little later."""

    def __init__(self, store: str) -> None:
        self._name = store

    def process(self, record: Record) -> None:
        key, value = record.key, record.value
        if key is None:
            self.context.forward(record.with_value("keyless"))
            return
        store = self.context.get_state_store(self._name)
        before = store.get(key)
        store.put(key, (before or "") + shown(value))
        self.context.forward(record.with_value(f"{shown(before)}<{shown(value)}"))
        if PREDICATES["value_high"](key, value):
            self.context.forward(record.with_key(first(value)).with_timestamp(record.timestamp + 1))


class Numbered(FixedKeyProcessor):
    """Each value with the number of its key's records."""

    def __init__(self, store: str) -> None:
        self._name = store

    def process(self, record: FixedKeyRecord) -> None:
        store = self.context.get_state_store(self._name)
        number = int(store.get(shown(record.key)) or 0) + 1
        store.put(shown(record.key), str(number))
        self.context.forward(record.with_value(f"{number}:{shown(record.value)}"))


class Remembering(Processor):
    """Keeps the last key of each first letter."""

    def __init__(self, store: str) -> None:
        self._name = store

    def process(self, record: Record) -> None:
        if record.value:
            self.context.get_state_store(self._name).put(record.value[:1], with_key(record.key, record.value))


class Recalling(FixedKeyProcessor):
    """Each value with what is remembered of its first letter."""

    def __init__(self, store: str) -> None:
        self._name = store

    def process(self, record: FixedKeyRecord) -> None:
        found = None
        if record.value:
            found = self.context.get_state_store(self._name).get(record.value[:1])
        self.context.forward(record.with_value(joined(record.value, found)))


class Marking(ValueTransformerWithKey):
    """Each value with its key."""

    def transform(self, key: Any, value: str | None) -> str | None:
        return None if value is None else with_key(key, value)


class Topology:
    """A program as a builder."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.builder = StreamsBuilder()
        self._caching = case["caching"]
        self._made: dict[str, Any] = {}
        for step in case["steps"]:
            made = getattr(self, f"_{step['op']}")(step)
            if "id" in step:
                self._made[step["id"]] = made

    def _in(self, step: dict[str, Any], side: str = "in") -> Any:
        return self._made[step[side]]

    def _store(self, step: dict[str, Any]) -> Materialized:
        return Materialized(step["store"], caching=self._caching, retention=KEPT)

    def _texts(self, step: dict[str, Any]) -> Materialized:
        return Materialized(step["store"], caching=self._caching, retention=KEPT, **TEXT)

    # -- sources and sinks

    def _stream(self, step: dict[str, Any]) -> Any:
        return self.builder.stream(step["topic"], **TEXT)

    def _table(self, step: dict[str, Any]) -> Any:
        return self.builder.table(step["topic"], None, self._store(step), **TEXT)

    def _global_table(self, step: dict[str, Any]) -> Any:
        return self.builder.global_table(step["topic"], None, self._store(step), **TEXT)

    def _to(self, step: dict[str, Any]) -> None:
        self._in(step).to(step["topic"], **TEXT)

    def _versioned_table(self, step: dict[str, Any]) -> Any:
        kept = Materialized.as_versioned(step["store"], HISTORY)
        return self.builder.table(step["topic"], None, kept, **TEXT)

    def _global_store(self, step: dict[str, Any]) -> Any:
        name = step["store"]
        store = Stores.key_value_store(name, **TEXT)
        self.builder.add_global_store(store, step["topic"], lambda: Remembering(name), **TEXT)
        return name

    def _to_chosen(self, step: dict[str, Any]) -> None:
        topic = step["topic"]
        self._in(step).to(lambda k, v: f"{topic}-{'high' if v is not None and v > 'm' else 'low'}", **TEXT)

    # -- streams

    def _filter(self, step: dict[str, Any]) -> Any:
        return self._in(step).filter(PREDICATES[step["fn"]])

    def _filter_not(self, step: dict[str, Any]) -> Any:
        return self._in(step).filter_not(PREDICATES[step["fn"]])

    def _map_values(self, step: dict[str, Any]) -> Any:
        return self._in(step).map_values(MAPPERS[step["fn"]], value_type=str)

    def _map(self, step: dict[str, Any]) -> Any:
        return self._in(step).map(lambda k, v: (first(v), shown(k) + shown(v)), **TEXT)

    def _flat_map(self, step: dict[str, Any]) -> Any:
        return self._in(step).flat_map(lambda k, v: [(k, v), (first(v), shown(v) + "2")], **TEXT)

    def _flat_map_values(self, step: dict[str, Any]) -> Any:
        return self._in(step).flat_map_values(lambda v: [] if v is None else list(v), value_type=str)

    def _select_key(self, step: dict[str, Any]) -> Any:
        return self._in(step).select_key(lambda k, v: first(v), key_type=str)

    def _merge(self, step: dict[str, Any]) -> Any:
        return self._in(step).merge(self._in(step, "other"))

    def _branch(self, step: dict[str, Any]) -> Any:
        name = step["id"]
        branches = (
            self._in(step)
            .split(f"{name}-")
            .branch(PREDICATES["value_high"], "one")
            .branch(PREDICATES["key_low"], "two")
            .no_default_branch()
        )
        self._made[f"{name}-two"] = branches[f"{name}-two"]
        return branches[f"{name}-one"]

    def _branch_default(self, step: dict[str, Any]) -> Any:
        name = step["id"]
        branches = self._in(step).split(f"{name}-").branch(PREDICATES["short"], "one").default_branch("two")
        self._made[f"{name}-two"] = branches[f"{name}-two"]
        return branches[f"{name}-one"]

    def _map_values_with_key(self, step: dict[str, Any]) -> Any:
        return self._in(step).map_values(with_key, with_key=True, value_type=str)

    def _flat_map_values_with_key(self, step: dict[str, Any]) -> Any:
        return self._in(step).flat_map_values(
            lambda k, v: [] if v is None else [shown(k), v], with_key=True, value_type=str
        )

    def _peek(self, step: dict[str, Any]) -> Any:
        return self._in(step).peek(lambda k, v: None)

    def _through(self, step: dict[str, Any]) -> Any:
        return self._in(step).through(step["topic"], **TEXT)

    def _process(self, step: dict[str, Any]) -> Any:
        name = step["store"]
        self.builder.add_state_store(Stores.key_value_store(name, **TEXT))
        return self._in(step).process(lambda: Before(name), name, **TEXT)

    def _process_values(self, step: dict[str, Any]) -> Any:
        name = step["store"]
        self.builder.add_state_store(Stores.key_value_store(name, **TEXT))
        return self._in(step).process_values(lambda: Numbered(name), name, value_type=str)

    def _process_global(self, step: dict[str, Any]) -> Any:
        name = self._in(step, "other")
        return self._in(step).process_values(lambda: Recalling(name), value_type=str)

    def _repartition(self, step: dict[str, Any]) -> Any:
        return self._in(step).repartition(Repartitioned(step["name"], **TEXT))

    def _to_table(self, step: dict[str, Any]) -> Any:
        return self._in(step).to_table(self._texts(step))

    # -- groups

    def _group_by_key(self, step: dict[str, Any]) -> Any:
        return self._in(step).group_by_key(Grouped(step["name"], **TEXT))

    def _group_by(self, step: dict[str, Any]) -> Any:
        return self._in(step).group_by(lambda k, v: first(v), Grouped(step["name"], **TEXT))

    def _count(self, step: dict[str, Any]) -> Any:
        return self._in(step).count(self._store(step)).map_values(str, value_type=str)

    def _reduce(self, step: dict[str, Any]) -> Any:
        return self._in(step).reduce(dotted, self._store(step))

    def _aggregate(self, step: dict[str, Any]) -> Any:
        return self._in(step).aggregate(str, add, self._texts(step))

    def _cogroup(self, step: dict[str, Any]) -> Any:
        return self._cogrouped(step).aggregate(str, self._texts(step))

    def _cogrouped(self, step: dict[str, Any]) -> Any:
        def other(_key: Any, value: str, total: str) -> str | None:
            return None if value == "!" else f"{total}b{shown(value)}"

        cogrouped = self._in(step).cogroup(lambda k, v, total: f"{total}a{shown(v)}")
        return cogrouped.cogroup(self._in(step, "other"), other)

    def _table_group(self, step: dict[str, Any]) -> Any:
        return self._in(step).group_by(lambda k, v: (first(v), v), Grouped(step["name"], **TEXT))

    def _grouped_table_count(self, step: dict[str, Any]) -> Any:
        return self._in(step).count(self._store(step)).map_values(str, value_type=str)

    def _grouped_table_reduce(self, step: dict[str, Any]) -> Any:
        return self._in(step).reduce(lambda t, v: f"{t}+{v}", lambda t, v: f"{t}-{v}", self._store(step))

    def _grouped_table_aggregate(self, step: dict[str, Any]) -> Any:
        return self._in(step).aggregate(
            str, lambda k, v, t: f"{t}+{v}", lambda k, v, t: f"{t}-{v}", self._texts(step)
        )

    # -- windows

    def _windows(self, step: dict[str, Any]) -> Any:
        size, grace = step["size"], step["grace"]
        windows: Any = TimeWindows.of_size_and_grace(size, grace).advance_by(step["advance"])
        if step.get("sliding"):
            windows = SlidingWindows.of_time_difference_and_grace(size, grace)
        stream = self._in(step).windowed_by(windows)
        return stream.emit_strategy(EmitStrategy.on_window_close()) if step.get("final") else stream

    def _window_count(self, step: dict[str, Any]) -> Any:
        return self._windows(step).count(self._store(step)).map_values(str, value_type=str)

    def _window_reduce(self, step: dict[str, Any]) -> Any:
        return self._windows(step).reduce(dotted, self._store(step))

    def _window_aggregate(self, step: dict[str, Any]) -> Any:
        return self._windows(step).aggregate(str, add, self._texts(step))

    def _window_cogroup(self, step: dict[str, Any]) -> Any:
        size, grace = step["size"], step["grace"]
        windows: Any = TimeWindows.of_size_and_grace(size, grace).advance_by(step["advance"])
        if step.get("sliding"):
            windows = SlidingWindows.of_time_difference_and_grace(size, grace)
        return self._cogrouped(step).windowed_by(windows).aggregate(str, self._texts(step))

    _sliding_cogroup = _window_cogroup

    def _session_cogroup(self, step: dict[str, Any]) -> Any:
        windows = SessionWindows.of_inactivity_gap_and_grace(step["gap"], step["grace"])
        cogrouped = self._cogrouped(step).windowed_by(windows)
        return cogrouped.aggregate(str, lambda _k, a, b: f"{a}/{b}", self._texts(step))

    def _unlimited_count(self, step: dict[str, Any]) -> Any:
        windows = UnlimitedWindows.of().start_on(step["start"])
        counts = self._in(step).windowed_by(windows).count(self._store(step))
        return counts.map_values(str, value_type=str)

    def _sessions(self, step: dict[str, Any]) -> Any:
        windows = SessionWindows.of_inactivity_gap_and_grace(step["gap"], step["grace"])
        stream = self._in(step).windowed_by(windows)
        return stream.emit_strategy(EmitStrategy.on_window_close()) if step.get("final") else stream

    def _session_count(self, step: dict[str, Any]) -> Any:
        return self._sessions(step).count(self._store(step)).map_values(str, value_type=str)

    def _session_reduce(self, step: dict[str, Any]) -> Any:
        return self._sessions(step).reduce(dotted, self._store(step))

    def _session_aggregate(self, step: dict[str, Any]) -> Any:
        return self._sessions(step).aggregate(str, add, lambda _k, a, b: f"{a}/{b}", self._texts(step))

    def _suppress_closes(self, step: dict[str, Any]) -> Any:
        until = Suppressed.until_window_closes(BufferConfig.unbounded())
        return self._in(step).suppress(until.with_name(step["name"]))

    def _suppress_limit(self, step: dict[str, Any]) -> Any:
        buffer = BufferConfig.max_records(step["records"])
        return self._in(step).suppress(
            Suppressed.until_time_limit(step["limit"], buffer).with_name(step["name"])
        )

    def _window_stream(self, step: dict[str, Any]) -> Any:
        return self._in(step).to_stream(windowed)

    # -- tables

    def _table_filter(self, step: dict[str, Any]) -> Any:
        return self._in(step).filter(PREDICATES[step["fn"]])

    def _table_filter_not(self, step: dict[str, Any]) -> Any:
        return self._in(step).filter_not(PREDICATES[step["fn"]])

    def _table_map_values(self, step: dict[str, Any]) -> Any:
        return self._in(step).map_values(MAPPERS[step["fn"]], value_type=str)

    def _table_map_values_kept(self, step: dict[str, Any]) -> Any:
        return self._in(step).map_values(MAPPERS[step["fn"]], self._texts(step))

    def _table_filter_kept(self, step: dict[str, Any]) -> Any:
        return self._in(step).filter(PREDICATES[step["fn"]], self._texts(step))

    def _table_map_values_with_key(self, step: dict[str, Any]) -> Any:
        return self._in(step).map_values(
            lambda k, v: v if v is None else with_key(k, v), with_key=True, value_type=str
        )

    def _table_transform_values(self, step: dict[str, Any]) -> Any:
        return self._in(step).transform_values(Marking, self._texts(step))

    def _versioned_filter(self, step: dict[str, Any]) -> Any:
        return self._in(step).filter(PREDICATES[step["fn"]])

    def _versioned_reduce(self, step: dict[str, Any]) -> Any:
        grouped = self._table_group(step)
        return grouped.reduce(lambda t, v: f"{t}+{v}", lambda t, v: f"{t}-{v}", self._store(step))

    def _to_stream(self, step: dict[str, Any]) -> Any:
        return self._in(step).to_stream()

    # -- joins

    def _stream_table_join(self, step: dict[str, Any]) -> Any:
        return self._how(step)(self._in(step, "other"), joined, Joined(step["name"], **TEXT), value_type=str)

    def _stream_join(self, step: dict[str, Any]) -> Any:
        windows = (
            JoinWindows.of_time_difference_and_grace(0, step["grace"])
            .before(step["before"])
            .after(step["after"])
        )
        how = StreamJoined(step["name"], **TEXT, other_value_type=str, store_name=step["name"])
        return self._how(step)(self._in(step, "other"), joined, windows, how, value_type=str)

    def _stream_versioned_join(self, step: dict[str, Any]) -> Any:
        how = Joined(step["name"], grace=step["wait"] or None, **TEXT)
        return self._how(step)(self._in(step, "other"), joined, how, value_type=str)

    def _versioned_table_join(self, step: dict[str, Any]) -> Any:
        return self._table_join(step)

    def _versioned_foreign_key_join(self, step: dict[str, Any]) -> Any:
        return self._foreign_key_join(step)

    _stream_self_join = _stream_join

    def _stream_global_join(self, step: dict[str, Any]) -> Any:
        other = self._in(step, "other")
        return self._how(step)(other, lambda k, v: first(v), joined, value_type=str)

    def _table_join(self, step: dict[str, Any]) -> Any:
        kept = self._texts(step) if "store" in step else None
        return self._how(step)(self._in(step, "other"), joined, kept, value_type=str)

    def _table_join_with_key(self, step: dict[str, Any]) -> Any:
        kept = self._texts(step) if "store" in step else None
        return self._how(step)(
            self._in(step, "other"),
            lambda k, a, b: with_key(k, joined(a, b)),
            kept,
            with_key=True,
            value_type=str,
        )

    def _foreign_key_of_both_join(self, step: dict[str, Any]) -> Any:
        other, how = self._in(step, "other"), TableJoined(step["name"])
        return self._how(step)(
            other,
            lambda k, v: first(v),
            lambda k, a, b: with_key(k, joined(a, b)),
            how,
            self._texts(step),
            with_key=True,
        )

    def _foreign_key_join(self, step: dict[str, Any]) -> Any:
        other, how = self._in(step, "other"), TableJoined(step["name"])
        return self._how(step)(other, first, joined, how, self._texts(step))

    def _how(self, step: dict[str, Any]) -> Any:
        side = self._in(step)
        return {"inner": side.join, "left": side.left_join}.get(step["how"]) or side.outer_join


OPERATIONS = frozenset(name[1:] for name in vars(Topology) if name.startswith("_") and name[1] != "_")
"""What we can build."""
