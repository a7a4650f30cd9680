"""Random topologies and inputs, as the JSON that both Kafka Streams and we can build.

A program is a list of steps; each names its operation, the steps it takes rows from, and its parameters. The
functions in it (predicates, mappers, joiners) are named too: ``functions.py`` and ``Oracle.java`` have the same.
"""

from __future__ import annotations

import random
from typing import Any

STREAM, TABLE, WINDOWED, GROUPED, GROUPED_TABLE, GLOBAL = (
    "stream",
    "table",
    "windowed",
    "grouped",
    "gtable",
    "global",
)
PREDICATES = ("value_high", "key_low", "short")
VALUE_PREDICATES = ("value_high", "short")
MAPPERS = ("upper", "mark", "drop_b")
KEYS = ("a", "b", "c", "d")
LETTERS = "abcmxz"
STEPS_MAX = 7


class Program:
    """One random topology in the making."""

    def __init__(self, draw: random.Random, only: frozenset[str] | None = None) -> None:
        """``only``: the operations that may be used, besides sources and sinks; None: all."""
        self.draw = draw
        self.only = only
        self.steps: list[dict[str, Any]] = []
        self.kinds: dict[str, str] = {}
        self.inputs: dict[str, str] = {}
        self._count = 0

    def build(self) -> list[dict[str, Any]]:
        """The steps."""
        self.source(STREAM)
        for _ in range(self.draw.randint(1, STEPS_MAX)):
            self.grow()
        self.end()
        return self.steps

    def new(self, kind: str, op: str, **more: Any) -> str:
        """Add a step; its id."""
        name = f"n{self._count}"
        self._count += 1
        self.steps.append({"op": op, "id": name, **more})
        self.kinds[name] = kind
        return name

    def name(self, what: str) -> str:
        """A name for a store or an internal topic."""
        self._count += 1
        return f"{what}-{self._count}"

    def source(self, kind: str) -> str:
        """A topic of its own."""
        topic = f"in{len(self.inputs)}"
        self.inputs[topic] = kind
        if kind == STREAM:
            return self.new(STREAM, "stream", topic=topic)
        op = "table" if kind == TABLE else "global_table"
        return self.new(kind, op, topic=topic, store=self.name("source"))

    def any(self, kind: str) -> str:
        """Something of this kind: what is there, or a new topic."""
        there = [name for name, other in self.kinds.items() if other == kind]
        if there and (self.draw.random() < 0.6 or kind not in {STREAM, TABLE, GLOBAL}):
            return self.draw.choice(there)
        if kind == GROUPED:
            return self.new(
                GROUPED,
                self.draw.choice(("group_by", "group_by_key")),
                **{"in": self.any(STREAM), "name": self.name("group")},
            )
        if kind == GROUPED_TABLE:
            return self.new(
                GROUPED_TABLE, "table_group", **{"in": self.any(TABLE), "name": self.name("group")}
            )
        if kind == WINDOWED:
            return self.window_step("window_count")
        return self.source(kind)

    def grow(self) -> None:
        """Add one operation, with what it needs."""
        makers = {op: maker for maker, ops in MAKERS.items() for op in ops}
        ops = [op for op in makers if self.only is None or op in self.only]
        op = self.draw.choice(ops)
        getattr(self, makers[op])(op)

    # -- makers, by shape of the operation ------------------------------------------------------------

    def plain(self, op: str) -> None:
        """A stream from a stream."""
        more: dict[str, Any] = {}
        if op in {"filter", "filter_not"}:
            more["fn"] = self.draw.choice(PREDICATES)
        elif op == "map_values":
            more["fn"] = self.draw.choice(MAPPERS)
        elif op == "repartition":
            more["name"] = self.name("again")
        elif op == "merge":
            more["other"] = self.any(STREAM)
        made = self.new(STREAM, op, **{"in": self.any(STREAM), **more})
        if op == "branch":
            self.kinds[f"{made}-two"] = STREAM

    def kept(self, op: str) -> None:
        """A table from a grouped stream."""
        more = {"other": self.any(GROUPED)} if op == "cogroup" else {}
        self.new(TABLE, op, **{"in": self.any(GROUPED), "store": self.name("store"), **more})

    def to_table(self, op: str) -> None:
        """A table from a stream."""
        self.new(TABLE, op, **{"in": self.any(STREAM), "store": self.name("store")})

    def window_step(self, op: str) -> str:
        """A windowed table."""
        size = self.draw.choice((5, 10, 20))
        more: dict[str, Any] = {
            "size": size,
            "advance": self.draw.choice((size, max(1, size // 2))),
            "grace": self.draw.choice((0, 5, 20)),
        }
        if self.draw.random() < 0.3:
            more["final"] = True
        if self.only is not None and "sliding" in self.only and self.draw.random() < 0.5:
            more["sliding"] = True
        return self.new(WINDOWED, op, **{"in": self.any(GROUPED), "store": self.name("store"), **more})

    def session_step(self, op: str) -> None:
        """A table of sessions."""
        more: dict[str, Any] = {"gap": self.draw.choice((3, 8)), "grace": self.draw.choice((0, 5, 20))}
        if self.draw.random() < 0.3:
            more["final"] = True
        self.new(WINDOWED, op, **{"in": self.any(GROUPED), "store": self.name("store"), **more})

    def suppress(self, op: str) -> None:
        """A table that says less."""
        if op == "suppress_closes":
            self.new(WINDOWED, op, **{"in": self.window_step("window_count"), "name": self.name("held")})
            self.steps[-2].pop("final", None)
            return
        limit, records = self.draw.choice((5, 20)), self.draw.choice((1, 2, 100))
        more = {"limit": limit, "records": records, "name": self.name("held")}
        self.new(TABLE, op, **{"in": self.any(TABLE), **more})

    def table_step(self, op: str) -> None:
        """A table from a table, windowed or not."""
        kind = self.draw.choice((TABLE, WINDOWED)) if op in UNKEPT else TABLE
        if kind not in self.kinds.values():
            kind = TABLE
        fn = self.draw.choice(MAPPERS if "map" in op else VALUE_PREDICATES)
        more = {"store": self.name("store")} if op.endswith("kept") else {}
        self.new(kind, op, **{"in": self.any(kind), "fn": fn, **more})

    def regrouped(self, op: str) -> None:
        """A table from a grouped table."""
        self.new(TABLE, op, **{"in": self.any(GROUPED_TABLE), "store": self.name("store")})

    def streamed(self, op: str) -> None:
        """A stream from a table."""
        kind = TABLE if op == "to_stream" else WINDOWED
        self.new(STREAM, op, **{"in": self.any(kind)})

    def joined(self, op: str) -> None:
        """A join."""
        how = self.draw.choice(
            ("inner", "left", "outer") if op in {"stream_join", "table_join"} else ("inner", "left")
        )
        more: dict[str, Any] = {"how": how, "name": self.name("join")}
        if op == "stream_join":
            one, other, made = STREAM, STREAM, STREAM
            more.update(
                before=self.draw.choice((0, 5, 10)),
                after=self.draw.choice((0, 5, 10)),
                grace=self.draw.choice((0, 5, 20)),
            )
        elif op == "table_join":
            one, other, made = TABLE, TABLE, TABLE
            if self.draw.random() < 0.5:
                more["store"] = self.name("store")
        elif op == "foreign_key_join":
            self.foreign_key_join(op, {**more, "store": self.name("store")})
            return
        else:
            one, other, made = STREAM, TABLE if op == "stream_table_join" else GLOBAL, STREAM
        left = self.any(one)
        self.new(made, op, **{"in": left, "other": self.any(other), **more})

    def foreign_key_join(self, op: str, more: dict[str, Any]) -> None:
        """A join by a foreign key, of tables that are not results of one.

        Answers come over topics: of two that are on their way at once either may come first.
        """
        late = {step["id"] for step in self.steps if step["op"] == op}
        for step in self.steps:
            if late & {step.get("in"), step.get("other")} and "id" in step:
                late.add(step["id"])
        sides: list[str] = []
        for _ in ("in", "other"):
            side = self.any(TABLE)
            sides.append(self.source(TABLE) if side in late else side)
        self.new(TABLE, op, **{"in": sides[0], "other": sides[1], **more})

    def end(self) -> None:
        """Every step that nothing takes rows from goes to a topic."""
        used = {step[side] for step in self.steps for side in ("in", "other") if side in step}
        for name, kind in list(self.kinds.items()):
            if name in used or kind in {GROUPED, GROUPED_TABLE, GLOBAL}:
                continue
            stream = name
            if kind == TABLE:
                stream = self.new(STREAM, "to_stream", **{"in": name})
            elif kind == WINDOWED:
                stream = self.new(STREAM, "window_stream", **{"in": name})
            self.steps.append({"op": "to", "in": stream, "topic": f"out-{name}"})


COUNTS = frozenset({"count", "cogroup", "grouped_table_count", "grouped_table_aggregate"})
UNKEPT = frozenset({"table_filter", "table_filter_not", "table_map_values"})
MAKERS = {
    "plain": (
        "filter",
        "filter_not",
        "map_values",
        "map",
        "flat_map",
        "flat_map_values",
        "select_key",
        "merge",
        "branch",
        "repartition",
    ),
    "kept": ("count", "reduce", "aggregate", "cogroup"),
    "to_table": ("to_table",),
    "window_step": ("window_count", "window_reduce", "window_aggregate"),
    "session_step": ("session_count", "session_reduce", "session_aggregate"),
    "suppress": ("suppress_closes", "suppress_limit"),
    "table_step": (*sorted(UNKEPT), "table_map_values_kept", "table_filter_kept"),
    "regrouped": ("grouped_table_count", "grouped_table_reduce", "grouped_table_aggregate"),
    "streamed": ("to_stream", "window_stream"),
    "joined": ("stream_join", "stream_table_join", "stream_global_join", "table_join", "foreign_key_join"),
}
OPERATIONS = frozenset(op for ops in MAKERS.values() for op in ops)


def case(seed: int, only: frozenset[str] | None = None) -> dict[str, Any]:
    """A topology and its input. The same seed gives the same case."""
    draw = random.Random(seed)
    program = Program(draw, only)
    steps = program.build()
    topics = sorted(program.inputs)
    records: list[list[Any]] = []
    now = 0
    for _ in range(draw.randint(5, 25)):
        now += draw.choice((0, 1, 1, 2, 5, 12))
        time = max(0, now - draw.choice((0, 0, 0, 1, 4, 9, 30)))
        key = None if draw.random() < 0.05 else draw.choice(KEYS)
        value = "".join(draw.choice(LETTERS) for _ in range(draw.randint(1, 3)))
        if draw.random() < 0.15:
            value = draw.choice(("!", None))  # type: ignore[assignment]
        records.append([draw.choice(topics), key, value, time])
    # What a count's first update replaces is a difference on purpose; by a foreign key it would show.
    ops = {step["op"] for step in steps}
    caching = draw.random() < 0.5 or ("foreign_key_join" in ops and bool(ops & COUNTS))
    return {"seed": seed, "caching": caching, "steps": steps, "records": records}
