"""Windows and joins under random disorder, duplicates, restarts, rebalances and kills equal a recomputation.

One app has them all, so that each random story tries them all. What decides is the input alone: each partition's
records in the order of their offsets.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from streamz_core.protocol.murmur2 import partition_for
from streamz_core.streams import (
    EmitStrategy,
    JoinWindows,
    Materialized,
    SessionWindows,
    SlidingWindows,
    StreamJoined,
    StreamsBuilder,
    TimeWindows,
)
from tests.behaviour.streams.lives import Lives
from tests.harness_form import Form, chosen_form
from tests.unit.streams.operators.recomputed import (
    Row,
    Table,
    sessions_of,
    sliding_of,
    time_windows_of,
)

STORIES = {Form.SHORT: 40, Form.CI: 200, Form.LONG: 3_000}[chosen_form()]
PARTITIONS = 2
KEYS = "abdf"
LAST_KEYS = [f"z{number}" for number in range(9)]
"""Of the records that close all windows: some in each partition."""
LATEST = 60
"""The highest time of a story; what closes its windows comes far later. The lowest is ``NEAR``: before it there are
no whole sliding windows."""
FAR = 10_000
NEAR = 5
TOPICS = ("left", "right", "orders", "customers")
RESULTS = ("finals", "join", "left_join", "outer_join")
TABLES = ("hopping", "sessions", "sliding", "tables", "named")


@dataclass(frozen=True)
class Record:
    """One of the input. Tables' values are a customer's letter and a number; a deletion has none."""

    topic: str
    key: str
    value: Any
    time: int

    @property
    def partition(self) -> int:
        return partition_for(self.key.encode(), PARTITIONS)

    @property
    def row(self) -> tuple[str, int, bytes, bytes | None, int]:
        value = None if self.value is None else orjson.dumps(self.value)
        return self.topic, self.partition, self.key.encode(), value, self.time


streams = st.builds(
    Record,
    st.sampled_from(["left", "right"]),
    st.sampled_from(KEYS),
    st.integers(1, 9),
    st.integers(NEAR, LATEST),
)
orders = st.builds(
    Record,
    st.just("orders"),
    st.sampled_from(KEYS),
    st.none() | st.tuples(st.sampled_from(KEYS), st.integers(0, 9)).map(list),
    st.integers(NEAR, LATEST),
)
customers = st.builds(
    Record,
    st.just("customers"),
    st.sampled_from(KEYS),
    st.none() | st.integers(0, 9),
    st.integers(NEAR, LATEST),
)
records = st.lists(streams | streams | orders | customers, min_size=1, max_size=40)
happenings = st.lists(
    st.tuples(
        st.integers(0, 8),
        st.sampled_from(["commit", "join", "leave", "restart", "kill", "kill", "power cut", "again"]),
    ),
    max_size=6,
)


def topology() -> StreamsBuilder:
    builder = StreamsBuilder()
    left = builder.stream("left", key_type=str, value_type=int)
    right = builder.stream("right", key_type=str, value_type=int)
    groups = left.group_by_key()

    def add(one: int, other: int) -> int:
        return one + other

    def out(table: Any, topic: str) -> None:
        table.to_stream(lambda key, _: [key.key, key.window.start, key.window.end]).to(topic)

    final = groups.windowed_by(TimeWindows.of_size_and_grace(10, 4))
    out(final.emit_strategy(EmitStrategy.on_window_close()).reduce(add, "finals"), "finals")
    hopping = TimeWindows.of_size_and_grace(10, 4).advance_by(5)
    out(groups.windowed_by(hopping).reduce(add, "hopping"), "hopping")
    out(
        groups.windowed_by(SessionWindows.of_inactivity_gap_and_grace(3, 4)).reduce(add, "sessions"),
        "sessions",
    )
    sliding = SlidingWindows.of_time_difference_and_grace(NEAR, FAR)
    out(groups.windowed_by(sliding).reduce(add, "sliding"), "sliding")
    within = JoinWindows.of_time_difference_and_grace(NEAR, LATEST)
    for how in ("join", "left_join", "outer_join"):
        joined = getattr(left, how)(
            right, lambda one, other: [one, other], within, StreamJoined(store_name=how)
        )
        joined.to(how)
    orders = builder.table("orders", key_type=str, value_type=list)
    customers = builder.table("customers", key_type=str, value_type=int)
    orders.outer_join(customers, lambda one, other: [one, other], Materialized("tables")).to_stream().to(
        "tables"
    )
    named = orders.left_join(
        customers, lambda order: order[0], lambda order, name: [order, name], "names", Materialized("named")
    )
    named.to_stream().to("named")
    return builder


@settings(
    max_examples=STORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=chosen_form() is not Form.LONG,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # no shrinking: stories are short
)
@given(records, happenings)
def test_whatever_happens_the_results_follow_from_the_input(
    story: list[Record], happened: list[tuple[int, str]]
) -> None:
    asyncio.run(live(story, happened))


async def live(story: list[Record], happened: list[tuple[int, str]]) -> None:
    lives = Lives(topology, (*TOPICS, *RESULTS, *TABLES), PARTITIONS)
    await lives.begin()
    written: list[Record] = []

    async def write(some: list[Record]) -> None:
        await lives.write(record.row for record in some)
        written.extend(some)

    at = 0
    for count, what in happened:
        await write(story[at : at + count])
        at += count
        await happen(lives, what)
        if what == "again":  # whoever sent the last records did not hear that they had arrived
            await write([replace(record) for record in written[-count:]] if count else [])
    await write(story[at:])
    await write([Record(topic, key, 1, FAR) for topic in ("left", "right") for key in LAST_KEYS])
    await lives.commit()
    found = await lives.read(*RESULTS, *TABLES)
    await lives.end()

    check_windows(rows_by_partition(written), found)
    check_joins(written, found)
    check_tables(written, found)


async def happen(lives: Lives, what: str) -> None:
    if what == "commit":
        await lives.commit()
    elif what == "join" and len(lives.apps) < PARTITIONS:
        await lives.join()
    elif what == "leave" and len(lives.apps) > 1:
        await lives.leave()
    elif what == "restart":
        await lives.leave()
        await lives.join()
    elif what in ("kill", "power cut"):
        await lives.die(loses_power=what == "power cut")


# -- what has to come out ---------------------------------------------------------------------------


def rows_by_partition(written: Iterable[Record]) -> list[list[Row]]:
    lefts = [record for record in written if record.topic == "left"]
    return [
        [(record.key, record.value, record.time) for record in lefts if record.partition == partition]
        for partition in range(PARTITIONS)
    ]


def check_windows(parts: list[list[Row]], found: dict[str, list[Any]]) -> None:
    finals = Counter(
        (tuple(key), value) for key, value in decoded(found["finals"]) if is_of_the_story(key[0])
    )
    tumbling = merged(time_windows_of(rows, 10, 10, 4) for rows in parts)
    assert finals == Counter(tumbling.items()), "each window's result, once"
    assert table(found["hopping"]) == merged(time_windows_of(rows, 10, 5, 4) for rows in parts)
    assert table(found["sessions"]) == merged(sessions_of(rows, 3, 4) for rows in parts)
    assert table(found["sliding"]) == merged(sliding_of(rows, NEAR) for rows in parts)


def check_joins(written: list[Record], found: dict[str, list[Any]]) -> None:
    """A record that comes when the window behind it is over goes on alone at once, and may be joined all the same.

    Whether one did depends on the order between the topics, which the input does not tell: it may, once.
    """
    lefts = [record for record in written if record.topic == "left"]
    rights = [record for record in written if record.topic == "right"]
    near = [
        [one.key == other.key and abs(one.time - other.time) <= NEAR for other in rights] for one in lefts
    ]
    met = Counter(
        (one.key, one.value, other.value)
        for one, meets in zip(lefts, near, strict=True)
        for other, meets_it in zip(rights, meets, strict=True)
        if meets_it
    )
    last = {record.partition: 0 for record in written}
    for record in written:
        if record.topic in ("left", "right") and is_of_the_story(record.key):
            last[record.partition] = max(last[record.partition], record.time)
    alone: dict[str, Counter[Any]] = {"left": Counter(), "right": Counter()}
    perhaps: dict[str, Counter[Any]] = {"left": Counter(), "right": Counter()}
    for records_, meetings in ((lefts, near), (rights, list(zip(*near, strict=True)) or [()] * len(rights))):
        for record, meets in zip(records_, meetings, strict=True):
            pair = (record.value, None) if record.topic == "left" else (None, record.value)
            if not any(meets):
                alone[record.topic][record.key, *pair] += 1
            elif record.time + NEAR < last[record.partition]:
                perhaps[record.topic][record.key, *pair] += 1

    def results(topic: str) -> Counter[Any]:
        rows = ((record.key.decode(), *orjson.loads(record.value)) for record in found[topic])
        return of_the_story(Counter(rows))

    assert results("join") == of_the_story(met)
    for topic, sides in (("left_join", ["left"]), ("outer_join", ["left", "right"])):
        certain, possible = of_the_story(met), Counter[Any]()
        for side in sides:
            certain += of_the_story(alone[side])
            possible += perhaps[side]
        assert certain <= results(topic) <= certain + possible, topic


def check_tables(written: list[Record], found: dict[str, list[Any]]) -> None:
    orders = last_values(written, "orders")
    customers = last_values(written, "customers")
    both = {key: [orders.get(key), customers.get(key)] for key in orders.keys() | customers.keys()}
    assert last_results(found["tables"]) == both
    assert last_results(found["named"]) == {
        key: [order, customers.get(order[0])] for key, order in orders.items()
    }


def is_of_the_story(key: str) -> bool:
    return not key.startswith("z")


def of_the_story(rows: Counter[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    return Counter({row: count for row, count in rows.items() if is_of_the_story(row[0])})


def decoded(found: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    for record in found:
        yield orjson.loads(record.key), None if record.value is None else orjson.loads(record.value)


def table(found: Iterable[Any]) -> Table:
    latest = {tuple(key): value for key, value in decoded(found)}
    return {
        place: value for place, value in latest.items() if value is not None and is_of_the_story(place[0])
    }


def merged(tables: Iterable[Table]) -> Table:
    found = {place: value for table in tables for place, value in table.items()}
    return {place: value for place, value in found.items() if is_of_the_story(place[0])}


def last_values(written: Iterable[Record], topic: str) -> dict[str, Any]:
    latest = {record.key: record.value for record in written if record.topic == topic}
    return {key: value for key, value in latest.items() if value is not None}


def last_results(found: Iterable[Any]) -> dict[str, Any]:
    latest = {record.key.decode(): record.value for record in found}
    return {key: orjson.loads(value) for key, value in latest.items() if value is not None}
