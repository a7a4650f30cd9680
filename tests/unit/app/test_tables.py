from __future__ import annotations

import pytest

from streamz_core.app.current import CURRENT
from streamz_core.app.errors import ImproperlyConfigured, NoRecordInHand, NotReady, PartitionsMismatch
from streamz_core.streams.processor import RecordError


def run_in_agent(app, work):
    """Declare an agent that calls ``work`` with each value."""

    @app.agent(app.topic("views"))
    async def runner(stream):
        async for value in stream:
            work(value)


async def test_a_table_counts_by_key_in_the_tasks_partition(app, task):
    counts = app.Table("counts", default=int)

    def work(page):
        counts[page] += 1

    run_in_agent(app, work)
    running = await task(partition=2)
    await running.feed(["/", "/a", "/"])

    assert dict(running.context.store("counts").items()) == {"/": 2, "/a": 1}


async def test_a_table_is_a_mutable_mapping(app, task):
    table, found = app.Table("t", key_type=str), []

    def work(_):
        table["b"] = 2
        table["a"] = 1
        found.extend([dict(table.items()), list(table), len(table), "a" in table, table.get("x", 9)])
        del table["a"]
        found.extend([table.pop("b"), list(table.values())])
        with pytest.raises(KeyError):
            del table["gone"]
        with pytest.raises(KeyError):
            table["gone"]

    run_in_agent(app, work)
    await (await task()).feed([0])

    assert found == [{"a": 1, "b": 2}, ["a", "b"], 2, True, 9, 2, []]


async def test_keys_without_a_type_may_be_tuples(app, task):
    table, found = app.Table("t", default=int), []

    def work(_):
        table["EWR", 3] += 1
        found.append(list(table.items()))

    run_in_agent(app, work)
    await (await task()).feed([0, 0])

    assert found == [[(("EWR", 3), 1)], [(("EWR", 3), 2)]]


async def test_writing_outside_an_agent_says_what_to_do(app):
    table = app.Table("t")
    window = app.Table("w", default=int).tumbling(1)

    with pytest.raises(NoRecordInHand, match=r"writing to table 't'.*send a record to an agent's topic"):
        table["a"] = 1
    with pytest.raises(NoRecordInHand, match="writing to table 'w'"):
        window["a"] += 1


async def test_an_actor_between_records_cannot_write(app, task):
    table = app.Table("t")
    kept = []

    def work(_):
        kept.append(CURRENT.get())

    run_in_agent(app, work)
    await (await task()).feed([0])

    token = CURRENT.set(kept[0])
    try:
        with pytest.raises(NoRecordInHand):
            table["a"] = 1
    finally:
        CURRENT.reset(token)


async def test_reading_an_app_that_does_not_run_says_so(app):
    with pytest.raises(NotReady, match="app 'shop' is not running"):
        app.Table("t").get("a")


class Running:
    """Stands for a running app, for reads outside agents."""

    partitions: dict[str, int] = {}


async def test_reads_outside_agents_see_all_partitions_of_the_process(app, task):
    counts = app.Table("counts", default=int, key_type=str)

    def work(page):
        counts[page] += 1

    run_in_agent(app, work)
    first, second = await task(0), await task(1)
    await first.feed(["a", "b"])
    await second.feed(["c"])
    app._running = Running()

    assert dict(counts.items()) == {"a": 1, "b": 1, "c": 1}
    assert counts["c"] == 1
    assert counts["gone"] == 0
    assert "gone" not in counts

    await second.close()
    assert sorted(counts) == ["a", "b"]


async def test_a_table_used_from_topics_of_different_partition_counts_is_refused(app, task):
    table = app.Table("t", default=int)
    users = [table]  # hidden from the check at start: found at first use

    @app.agent(app.topic("views"))
    async def views(stream):
        async for value in stream:
            users[0][value] += 1

    @app.agent(app.topic("clicks"))
    async def clicks(stream):
        async for value in stream:
            users[0][value] += 1

    running = await task()
    app._running = Running()
    app._running.partitions = {"views": 4, "clicks": 2}
    await running.feed(["a"], topic="views")
    with pytest.raises(RecordError) as caught:
        await running.feed(["a"], topic="clicks")

    assert isinstance(caught.value.cause, PartitionsMismatch)
    assert "topic 'clicks' with 2 partitions and from topic 'views' with 4" in str(caught.value.cause)


def test_an_agent_of_mismatched_topics_with_a_table_is_refused_at_start(app):
    table = app.Table("t", default=int)

    @app.agent(app.topic("views", "clicks"))
    async def both(stream):
        async for value in stream:
            table[value] += 1

    with pytest.raises(PartitionsMismatch, match="table 't' is used from topic 'clicks' with 2"):
        app.topology({"views": 4, "clicks": 2})
    app.topology({"views": 4, "clicks": 4})


def test_a_table_with_other_partitions_than_its_topics_is_refused(app):
    table = app.Table("t", partitions=8)

    @app.agent(app.topic("views"))
    async def views(stream):
        async for value in stream:
            table[value] = 1

    with pytest.raises(PartitionsMismatch, match=r"declared with 8 partitions.*'views' has 4"):
        app.topology({"views": 4})


def test_one_topic_with_two_types_is_refused(app):
    @app.agent(app.topic("views", value_type=int))
    async def one(stream):
        pass

    @app.agent(app.topic("views", value_type=str))
    async def two(stream):
        pass

    with pytest.raises(ImproperlyConfigured, match=r"'views' is read with value_type .*int.* and with .*str"):
        app.topology({"views": 1})


def test_the_topology_reads_like_kafka_streams(app):
    app.Table("counts", default=int)

    @app.agent(app.topic("views"), name="count")
    async def count(stream):
        pass

    assert app.topology({"views": 1}).describe() == (
        "Topologies:\n"
        "   Sub-topology: 0 (agents)\n"
        "    Source: views (topics: [views])\n"
        "      --> count\n"
        "    Processor: count (stores: [counts])\n"
        "      <-- views\n"
        "    Processor: tables (stores: [counts])\n"
        "      <-- "
    )


def test_a_default_that_is_no_function_is_refused(app):
    with pytest.raises(ImproperlyConfigured, match="default must be a function"):
        app.Table("t", default=0)


def test_a_windowed_table_is_not_used_as_a_plain_one(app):
    table = app.Table("t")
    table.tumbling(10)

    with pytest.raises(ImproperlyConfigured, match="has a window already"):
        table.hopping(10, 5)
