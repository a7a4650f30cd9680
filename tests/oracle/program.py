"""Random topologies and inputs, as the JSON that both Kafka Streams and we can build.

A program is a list of steps; each names its operation, the steps it takes rows from, and its parameters. The
functions in it (predicates, mappers, joiners) are named too: ``topology.py`` and ``Oracle.java`` have the same.
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
VERSIONED, GLOBAL_STORE = "versioned", "gstore"
SOURCES = {TABLE: "table", GLOBAL: "global_table", VERSIONED: "versioned_table", GLOBAL_STORE: "global_store"}
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
        return self.new(kind, SOURCES[kind], topic=topic, store=self.name("source"))

    def any(self, kind: str) -> str:
        """Something of this kind: what is there, or a new topic."""
        there = [name for name, other in self.kinds.items() if other == kind]
        if there and (self.draw.random() < 0.6 or kind not in {STREAM, *SOURCES}):
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
        elif op == "through":
            more["topic"] = self.name("between")
        elif op in {"process", "process_values"}:
            more["store"] = self.name("store")
        elif op == "process_global":
            more["other"] = self.any(GLOBAL_STORE)
        made = self.new(STREAM, op, **{"in": self.any(STREAM), **more})
        if op in {"branch", "branch_default"}:
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

    def cogrouped(self, op: str) -> None:
        """A windowed table from two grouped streams.

        Each stream has a time of its own in Kafka Streams, and there is one for both here: nothing is late.
        """
        more: dict[str, Any] = {"other": self.any(GROUPED), "store": self.name("store"), "grace": 100_000}
        if op == "session_cogroup":
            more["gap"] = self.draw.choice((3, 8))
        else:
            size = self.draw.choice((5, 10, 20))
            more.update(size=size, advance=self.draw.choice((size, max(1, size // 2))))
        if op == "sliding_cogroup":
            more["sliding"] = True
        self.new(WINDOWED, op, **{"in": self.any(GROUPED), **more})

    def unlimited(self, op: str) -> None:
        """A table of one window that never ends."""
        start = self.draw.choice((0, 10))
        self.new(WINDOWED, op, **{"in": self.any(GROUPED), "store": self.name("store"), "start": start})

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
        more = {"store": self.name("store")} if op.endswith(("kept", "transform_values")) else {}
        self.new(kind, op, **{"in": self.any(kind), "fn": fn, **more})

    def versioned(self, op: str) -> None:
        """A table from a versioned one, which tells what came out of order."""
        more = {"name": self.name("name"), "store": self.name("store")}
        if op == "versioned_filter":
            more = {"fn": self.draw.choice(VALUE_PREDICATES)}
        elif op.endswith("join"):
            more.update(other=self.any(VERSIONED), how=self.draw.choice(("inner", "left")))
        self.new(TABLE, op, **{"in": self.any(VERSIONED), **more})

    def regrouped(self, op: str) -> None:
        """A table from a grouped table."""
        self.new(TABLE, op, **{"in": self.any(GROUPED_TABLE), "store": self.name("store")})

    def streamed(self, op: str) -> None:
        """A stream from a table."""
        kind = TABLE if op == "to_stream" else WINDOWED
        self.new(STREAM, op, **{"in": self.any(kind)})

    def joined(self, op: str) -> None:
        """A join."""
        how = self.draw.choice(("inner", "left", "outer") if op in EITHER_SIDE else ("inner", "left"))
        more: dict[str, Any] = {"how": how, "name": self.name("join")}
        if op in {"stream_join", "stream_self_join"}:
            one, other, made = STREAM, STREAM, STREAM
            more.update(
                before=self.draw.choice((0, 5, 10)),
                after=self.draw.choice((0, 5, 10)),
                grace=self.draw.choice((0, 5, 20)),
            )
        elif op in {"table_join", "table_join_with_key"}:
            one, other, made = TABLE, TABLE, TABLE
            if self.draw.random() < 0.5:
                more["store"] = self.name("store")
        elif op in {"foreign_key_join", "foreign_key_of_both_join"}:
            self.foreign_key_join(op, {**more, "store": self.name("store")})
            return
        else:
            one, other, made = STREAM, PARTNERS.get(op, TABLE), STREAM
        if op == "stream_versioned_join":
            more["wait"] = self.draw.choice((0, 5, 20))
        left = self.any(one)
        right = left if op == "stream_self_join" else self.any(other)
        self.new(made, op, **{"in": left, "other": right, **more})

    def foreign_key_join(self, op: str, more: dict[str, Any]) -> None:
        """A join by a foreign key, of tables that are not results of one.

        Answers come over topics: of two that are on their way at once either may come first.
        """
        late = {step["id"] for step in self.steps if step["op"] in FOREIGN}
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
            if name in used or kind in {GROUPED, GROUPED_TABLE, GLOBAL, GLOBAL_STORE}:
                continue
            stream = name
            if kind in {TABLE, VERSIONED}:
                stream = self.new(STREAM, "to_stream", **{"in": name})
            elif kind == WINDOWED:
                stream = self.new(STREAM, "window_stream", **{"in": name})
            op = "to_chosen" if self._may("to_chosen") and self.draw.random() < 0.1 else "to"
            self.steps.append({"op": op, "in": stream, "topic": f"out-{name}"})

    def _may(self, op: str) -> bool:
        return self.only is None or op in self.only


COUNTS = frozenset({"count", "cogroup", "grouped_table_count", "grouped_table_aggregate"})
FOREIGN = frozenset({"foreign_key_join", "foreign_key_of_both_join", "versioned_foreign_key_join"})
UNKEPT = frozenset({"table_filter", "table_filter_not", "table_map_values"})
EITHER_SIDE = frozenset({"stream_join", "stream_self_join", "table_join", "table_join_with_key"})
PARTNERS = {"stream_global_join": GLOBAL, "stream_versioned_join": VERSIONED}
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
        "branch_default",
        "repartition",
        "map_values_with_key",
        "flat_map_values_with_key",
        "peek",
        "through",
        "process",
        "process_values",
        "process_global",
    ),
    "kept": ("count", "reduce", "aggregate", "cogroup"),
    "to_table": ("to_table",),
    "window_step": ("window_count", "window_reduce", "window_aggregate"),
    "cogrouped": ("window_cogroup", "sliding_cogroup", "session_cogroup"),
    "unlimited": ("unlimited_count",),
    "session_step": ("session_count", "session_reduce", "session_aggregate"),
    "suppress": ("suppress_closes", "suppress_limit"),
    "table_step": (
        *sorted(UNKEPT),
        "table_map_values_kept",
        "table_filter_kept",
        "table_map_values_with_key",
        "table_transform_values",
    ),
    "regrouped": ("grouped_table_count", "grouped_table_reduce", "grouped_table_aggregate"),
    "streamed": ("to_stream", "window_stream"),
    "joined": (
        "stream_join",
        "stream_table_join",
        "stream_global_join",
        "table_join",
        "foreign_key_join",
        "stream_self_join",
        "stream_versioned_join",
        "table_join_with_key",
        "foreign_key_of_both_join",
    ),
    "versioned": (
        "versioned_reduce",
        "versioned_filter",
        "versioned_table_join",
        "versioned_foreign_key_join",
    ),
}
OPERATIONS = frozenset({"to_chosen", *(op for ops in MAKERS.values() for op in ops)})


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
    # What a count's first update replaces is a difference on purpose; by a foreign key, or regrouped, it would show.
    ops = {step["op"] for step in steps}
    caching = draw.random() < 0.5 or bool(ops & COUNTS and ops & {*FOREIGN, "table_group"})
    return {"seed": seed, "caching": caching, "steps": steps, "records": records}


def differs_on_purpose(made: dict[str, Any]) -> bool:
    """Whether a step sees what an update replaces, where Kafka Streams tells it something else."""
    steps = {step["id"]: step for step in made["steps"] if "id" in step}
    for step in made["steps"]:
        if "table_join" in step["op"] and "store" in step and step["in"] == step["other"]:
            return True
        if not step["op"].startswith("table_filter"):
            continue
        before = step
        while before["op"].startswith("table_"):
            before = steps[before["in"]]
        is_uncached = not made["caching"] and (before["op"].startswith("session_") or "sliding" in before)
        if is_uncached or before["op"] == "suppress_limit":
            return True
    return False
