"""Agents and streams of one app over the same topic: one sub-topology, one commit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from streamz_core.app.app import App
from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.testing import TopologyTestDriver


@pytest.fixture
def app() -> App:
    return App("mixed")


@pytest.fixture
def drive() -> Iterator[Any]:
    drivers: list[TopologyTestDriver] = []

    def start(app: App, **options: Any) -> TopologyTestDriver:
        drivers.append(TopologyTestDriver(app, **options))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.close()


def mixed(app: App) -> Any:
    orders = app.topic("orders", key_type=str, value_type=int)
    large = app.topic("large", key_type=str, value_type=int)
    totals = app.Table("totals", default=int)

    @app.agent(orders)
    async def count(stream: Any) -> None:
        async for key, value in stream.items():
            totals[key] += value

    app.stream(orders).filter(lambda key, value: value > 10).to(large)
    app.stream(orders).group_by_key().count("counts").to_stream().to("counts-out", value_type=int)
    return orders


def test_both_get_every_record(app: App, drive: Any) -> None:
    mixed(app)
    driver = drive(app)
    driver.create_input_topic("orders", str, int).pipe_key_value_list([("a", 5), ("b", 50), ("a", 7)])

    assert driver.create_output_topic("large", str, int).read_key_values_to_list() == [("b", 50)]
    counts = driver.create_output_topic("counts-out", str, int).read_key_values_to_list()
    assert counts == [("a", 1), ("b", 1), ("a", 2)]
    assert driver.get_state_store("totals").get("a") == 12
    assert driver.get_state_store("counts").get("a")[0] == 2


def test_they_are_one_sub_topology_and_others_are_not(app: App) -> None:
    mixed(app)
    app.stream("elsewhere").to("copy")

    parts = app.topology({"orders": 3, "elsewhere": 2}).subtopologies

    assert [(part.name, part.topics) for part in parts] == [
        ("agents", ("orders",)),
        ("elsewhere", ("elsewhere",)),
    ]
    assert [processor.name for processor in parts[0].processors] == ["count", "tables", "streams-orders"]
    assert [store.name for store in parts[0].stores] == ["totals", "counts"]


def test_a_stream_may_bring_parts_together(app: App) -> None:
    first, second = app.topic("first"), app.topic("second")

    @app.agent(first)
    async def one(stream: Any) -> None:
        async for _ in stream:
            pass

    app.stream("second").to("out")
    app.stream(second).merge(app.stream(first)).to("both")

    (part,) = app.topology({"first": 1, "second": 1}).subtopologies
    assert set(part.topics) == {"first", "second"}


def test_a_topic_read_in_two_ways_is_refused(app: App) -> None:
    mixed(app)
    app2 = App("other")
    orders = app2.topic("orders", value_type=int)

    @app2.agent(orders)
    async def look(stream: Any) -> None:
        async for _ in stream:
            pass

    app2.stream("orders", value_type=str).to("out")
    with pytest.raises(ImproperlyConfigured, match=r"'orders' is read in two ways.*'int'.*'str'"):
        app2.topology({"orders": 1})


def test_a_table_of_a_topic_that_an_agent_reads(app: App, drive: Any) -> None:
    users = app.topic("users", key_type=str, value_type=str)
    clicks = app.topic("clicks", key_type=str, value_type=str)
    seen: list[str] = []

    @app.agent(users)
    async def look(stream: Any) -> None:
        async for name in stream:
            seen.append(name)

    app.stream(clicks).join(app.table(users), lambda click, user: f"{user}:{click}").to("out", value_type=str)
    driver = drive(app)
    driver.create_input_topic("users", str, str).pipe_input("u", "Ann")
    driver.create_input_topic("clicks", str, str).pipe_input("u", "home")

    assert seen == ["Ann"]
    assert driver.create_output_topic("out", str, str).read_key_value() == ("u", "Ann:home")
