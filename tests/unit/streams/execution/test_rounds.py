"""What comes of a round is what comes of its records one by one, however they are in hand together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.model import TopicPartition
from streamz_core.protocol.batch_decoder import Columns
from streamz_core.serde.failure import DecodeFailure
from streamz_core.streams.chunk import Chunk
from streamz_core.streams.execution.pieces import Pieces
from streamz_core.streams.execution.plan import kept_apart, wire
from streamz_core.streams.graph import ANY_TOPIC, Graph, Input, OperatorNode, SourceNode, StoreUse
from streamz_core.streams.operator import Operator
from streamz_core.streams.operators.stateless import Filter, FlatMapValues, MapValues, Pass
from streamz_core.streams.round import Part, Round, alone, interleaved
from streamz_core.streams.rows import Rows, merge
from streamz_core.streams.topology import StoreKind, StoreSpec


class Numbers:
    """Values are decimals; what is none does not decode."""

    def decode(self, column):
        return [
            int(raw) if raw is not None and raw.isdigit() else DecodeFailure(ValueError(raw))
            for raw in column
        ]


class Keys:
    def decode(self, column):
        return list(column)


class World:
    """Stores and topics of one run."""

    def __init__(self) -> None:
        self.stores: dict[str, int] = {}
        self.topics: dict[str, list[Any]] = {}


class Writes(Operator):
    """Adds to a store what comes by, and says what it holds now."""

    def __init__(self, name: str, world: World, store: str) -> None:
        super().__init__(name)
        self._world, self._store = world, store

    def process(self, rows: Rows) -> Rows:
        found = []
        for value in rows.values:
            self._world.stores[self._store] = self._world.stores.get(self._store, 0) * 3 % 101 + value
            found.append(self._world.stores[self._store])
        return rows.with_values(found)


class Reads(Operator):
    def __init__(self, name: str, world: World, store: str) -> None:
        super().__init__(name)
        self._world, self._store = world, store

    def process(self, rows: Rows) -> Rows:
        return rows.with_values([value + self._world.stores.get(self._store, 0) for value in rows.values])


class Joins(Operator):
    """Two inputs over a store of its own: by the first it writes, by the second it reads."""

    def __init__(self, name: str, world: World, store: str) -> None:
        super().__init__(name)
        self._ports = (Writes(name, world, store), Reads(name, world, store))

    def process_ports(self, inputs: list[Rows | None]) -> Rows | None:
        rows = [
            (rows.orders[index], port, rows.pick([index]))
            for port, rows in enumerate(inputs)
            if rows is not None
            for index in range(len(rows))
        ]
        made = [self._ports[port].process(row) for _, port, row in sorted(rows, key=lambda row: row[:2])]
        return merge(made) if made else None


class Sends(Operator):
    def __init__(self, name: str, world: World, topic: str) -> None:
        super().__init__(name)
        self._world, self._topic = world, topic

    def process(self, rows: Rows) -> None:
        for row in zip(rows.values, rows.timestamps, strict=True):
            topic = f"t{row[0] % 2}" if self._topic == ANY_TOPIC else self._topic
            self._world.topics.setdefault(topic, []).append(row)


KINDS = ("filter", "map", "flat", "merge", "writes", "reads", "joins", "sends")
STORES = ("p", "q")
Plan = list[tuple[str, str, tuple[str, ...], str]]


@st.composite
def graphs(draw: st.DrawFn) -> Plan:
    """Nodes as (name, kind, givers, store or topic) behind the sources s0 to s2."""
    nodes: Plan = []
    givers_known = ["s0", "s1", "s2"]
    for number in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(KINDS))
        count = 2 if kind in {"merge", "joins"} else 1
        givers = tuple(dict.fromkeys(draw(st.sampled_from(givers_known)) for _ in range(count)))
        if kind == "joins" and len(givers) == 1:
            kind = "writes"
        what = draw(st.sampled_from(("t0", "t1", ANY_TOPIC) if kind == "sends" else STORES))
        nodes.append((f"n{number}", kind, givers, what))
        if kind != "sends":
            givers_known.append(f"n{number}")
    return nodes


def built(plan: Plan, world: World) -> Graph:
    nodes = []
    for name, kind, givers, what in plan:
        store = f"own-{name}" if kind == "joins" else what
        uses = {
            "writes": (StoreUse(store, writes=True),),
            "reads": (StoreUse(store),),
            "joins": (StoreUse(store, writes=True, port=0), StoreUse(store, port=1)),
        }.get(kind, ())
        nodes.append(
            OperatorNode(
                name,
                tuple(Input(giver, port if kind == "joins" else 0) for port, giver in enumerate(givers)),
                lambda name=name, kind=kind, what=store: operator(name, kind, what, world),
                uses,
                sink=what if kind == "sends" else None,
                fans_out=kind == "flat",
            )
        )
        spy = f"{name}-seen"
        if kind != "sends":
            nodes.append(OperatorNode(spy, (Input(name),), lambda spy=spy: Sends(spy, world, spy), sink=spy))
    stores = {use.store for node in nodes for use in node.uses}
    sources = [SourceNode(f"s{n}", (f"in{n}",), Keys(), Numbers()) for n in range(3)]  # type: ignore[arg-type]
    specs = [StoreSpec(name, StoreKind.KEY_VALUE, None, None) for name in sorted(stores)]  # type: ignore[arg-type]
    return Graph(tuple(sources), tuple(nodes), tuple(specs))


def operator(name: str, kind: str, what: str, world: World) -> Operator:
    number = int(name[1:])
    match kind:
        case "filter":
            return Filter(name, lambda _key, value: value % 3 != number % 3)
        case "map":
            return MapValues(name, lambda value: value + 1)
        case "flat":
            return FlatMapValues(name, lambda value: (value, value + 2))
        case "writes" | "reads" | "joins":
            return {"writes": Writes, "reads": Reads, "joins": Joins}[kind](name, world, what)
        case "sends":
            return Sends(name, world, what)
    return Pass(name)


def one_by_one(plan: Plan, records: list[tuple[int, int, int]]) -> World:
    """The reference: each record alone, each way to its end before the next one, children as declared."""
    world = World()
    graph = built(plan, world)
    operators = {node.name: node.make() for node in graph.nodes}
    ports = {node.name: max(given.port for given in node.inputs) + 1 for node in graph.nodes}

    def visit(giver: str, rows: Rows) -> None:
        for index in range(len(rows)):
            for child in graph.children[giver]:
                inputs: list[Rows | None] = [None] * ports[child.node]
                inputs[child.port] = rows.pick([index])
                made = operators[child.node].process_ports(inputs)
                if made is not None:
                    visit(child.node, made)

    for order, (time, source, value) in enumerate(records):
        visit(f"s{source}", Rows([None], [value], [time], [order]))
    return world


def by_time(inputs: list[list[tuple[int, int]]]) -> list[tuple[int, int, int]]:
    """Kafka's order: the source whose next record is the oldest has its turn."""
    nexts, found = [0] * len(inputs), []
    while any(nexts[source] < len(inputs[source]) for source in range(len(inputs))):
        heads = [(inputs[n][at][0], n) for n, at in enumerate(nexts) if at < len(inputs[n])]
        time, source = min(heads)
        found.append((time, source, inputs[source][nexts[source]][1]))
        nexts[source] += 1
    return found


def chunk(source: int, records: list[tuple[int, int]]) -> Chunk:
    values: list[bytes | None] = [b"%d" % value if value >= 0 else b"bad" for _, value in records]
    keys: list[bytes | None] = [None] * len(values)
    columns = Columns(list(range(len(values))), [time for time, _ in records], keys, values)
    return Chunk(TopicPartition(f"in{source}", 0), columns, Keys(), Numbers())


def rounds(chunks: list[Chunk], records_max: int, record: Any) -> None:
    """Hand ``record`` one round after the other until all is taken; it returns how far it came."""
    at = [0] * len(chunks)
    while True:
        left = [n for n, chunk in enumerate(chunks) if at[n] < len(chunk)]
        if not left:
            return
        parts = [Part(chunks[n], at[n], min(at[n] + records_max, len(chunks[n]))) for n in left]
        found = interleaved(parts, records_max)
        for n, count in zip(left, found.taken(record(found)), strict=True):
            at[n] += count
        if found.bad is not None:
            at[left[found.bad.part]] += 1


TIMES = st.integers(0, 12)
INPUTS = st.lists(st.lists(st.tuples(TIMES, st.integers(-1, 9)), max_size=9), min_size=3, max_size=3)


@settings(max_examples=400, deadline=None)
@given(graphs(), INPUTS, st.integers(1, 9), st.integers(1, 7))
def test_a_round_does_what_its_records_do_one_by_one(
    plan: Plan, inputs: list[list[tuple[int, int]]], records_max: int, piece: int
) -> None:
    world = World()
    graph = built(plan, world)
    steps, apart = wire(graph), kept_apart(graph)

    def handle(found: Round) -> int:
        sources = [int(part.source.topic[2:]) for part in found.parts]
        pieces = Pieces(found, sources, apart, 0, found.count, piece)
        while pieces.has_more:
            steps.push(pieces.take())
        return pieces.next

    rounds([chunk(n, records) for n, records in enumerate(inputs)], records_max, handle)

    good = [record for record in by_time(inputs) if record[2] >= 0]
    expected = one_by_one(plan, good)
    assert (world.topics, world.stores) == (expected.topics, expected.stores)


@settings(max_examples=100, deadline=None)
@given(INPUTS, st.integers(1, 9), st.data())
def test_every_place_of_a_round_has_its_record(
    inputs: list[list[tuple[int, int]]], records_max: int, data: st.DataObject
) -> None:
    seen: list[Any] = []

    def handle(found: Round) -> int:
        done = data.draw(st.integers(1, found.count))
        seen.extend(found.origin(order) for order in range(done))
        # Begun again in the middle, the pieces are those of the rest.
        start = data.draw(st.integers(0, done - 1))
        pieces = Pieces(found, list(range(len(found.parts))), [0] * len(found.parts), start, done, 2)
        orders = []
        while pieces.has_more:
            orders += sorted(order for _, rows in pieces.take() for order in rows.orders)
        assert orders == list(range(start, done))
        return done

    good = [[(time, abs(value)) for time, value in records] for records in inputs]
    rounds([chunk(n, records) for n, records in enumerate(good)], records_max, handle)

    counts = [0, 0, 0]
    expected = []
    for _, source, _ in by_time(good):
        expected.append((TopicPartition(f"in{source}", 0), counts[source]))
        counts[source] += 1
    assert seen == expected


def test_a_table_joined_with_a_stream_keeps_them_apart_and_a_join_of_streams_does_not() -> None:
    table = [("n0", "writes", ("s0",), "p"), ("n1", "reads", ("s1",), "p"), ("n2", "map", ("s2",), "p")]
    assert kept_apart(built(table, World())) == [0b010, 0b001, 0]

    streams = [("n0", "joins", ("s0", "s1"), "p"), ("n1", "reads", ("s2",), "q")]
    assert kept_apart(built(streams, World())) == [0, 0, 0]

    topic = [("n0", "sends", ("s0",), "t0"), ("n1", "sends", ("s2",), ANY_TOPIC)]
    assert kept_apart(built(topic, World())) == [0b100, 0, 0b001]


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_round_of_one_part_has_its_records_in_their_order(stop: int) -> None:
    found = alone(Part(chunk(0, [(5, 0), (3, 1), (4, 2)]), 0, stop))

    assert (found.count, found.taken(stop), found.first) == (stop, [stop], (TopicPartition("in0", 0), 0))
