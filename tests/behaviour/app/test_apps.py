"""What an app promises its user, on the production engine."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.app.errors import ImproperlyConfigured, NoRecordInHand, NotReady, PartitionsMismatch
from streamz_core.app.policies import Retry
from streamz_core.app.windows import after_idle
from streamz_core.serde.record import Record
from streamz_core.streams.runtime.failures import RecordFailed


class View(Record):
    user: str
    page: str


def view(page: str, user: str = "ann") -> bytes:
    return View(user, page).dumps()


async def test_an_agent_reads_what_others_produced_and_its_output_is_committed(lab):
    app = lab.app()
    out = app.topic("pages", key_type=str, value_type=str)

    @app.agent(app.topic("views", value_type=View))
    async def pages(stream):
        async for v in stream:
            await out.send(key=v.user, value=v.page)

    await lab.start(app)
    await lab.send("views", view("/a"), view("/b"))
    await lab.clock.advance(200)

    assert [(r.key, r.value) for r in await lab.read("pages")] == [(b"ann", b"/a"), (b"ann", b"/b")]


@pytest.mark.parametrize("guarantee", ["exactly_once", "at_least_once"])
async def test_a_restart_goes_on_where_the_last_commit_was(lab, guarantee):
    def declare():
        app = lab.app(processing_guarantee=guarantee)
        out, counts = app.topic("out", value_type=int), app.Table("counts", default=int)

        @app.agent(app.topic("views", value_type=View))
        async def count(stream):
            async for v in stream:
                counts[v.page] += 1
                await out.send(value=counts[v.page])

        return app

    for _ in range(3):
        app = declare()
        await lab.start(app)
        await lab.send("views", view("/"))
        await lab.clock.advance(200)
        await lab.stop(app)

    assert await lab.values("out") == [b"1", b"2", b"3"]


async def test_windows_close_once_over_restarts_also_when_input_is_idle(lab):
    def declare():
        app = lab.app()
        finals = app.topic("finals", key_type=str, value_type=int)

        async def on_close(key, value):
            await finals.send(key=key[0], value=value)

        table = app.Table("counts", default=int, on_window_close=on_close)
        counts = table.tumbling(10, grace=0, close=after_idle(5))

        @app.agent(app.topic("views", value_type=View))
        async def count(stream):
            async for v in stream:
                counts[v.page] += 1

        return app

    app = declare()
    await lab.start(app)
    await lab.send("views", view("/a"), view("/a"), timestamp_ms=1_000)
    await lab.send("views", view("/b"), timestamp_ms=12_000)
    await lab.clock.advance(200)
    assert [(r.key, r.value) for r in await lab.read("finals")] == [(b"/a", b"2")]

    await lab.stop(app)
    app = declare()
    await lab.start(app)
    await lab.clock.advance(6_000)
    await lab.clock.advance(6_000)
    assert [(r.key, r.value) for r in await lab.read("finals")] == [(b"/a", b"2"), (b"/b", b"1")]

    await lab.stop(app)
    await lab.start(declare())
    await lab.clock.advance(6_000)
    assert len(await lab.read("finals")) == 2


async def test_a_poisoned_record_goes_to_the_dead_letter_topic_and_the_rest_goes_on(lab):
    app = lab.app()
    out = app.topic("out", value_type=str)

    @app.agent(app.topic("views", value_type=View), dead_letter=True, retry=Retry(2, backoff=1))
    async def pages(stream):
        async for v in stream:
            await out.send(value=v.page)
            if v.page == "/bad":
                raise ValueError("cannot be")

    await lab.start(app)
    await lab.send("views", view("/a"), view("/bad"), view("/b"))
    await lab.clock.advance(10_000)

    assert await lab.values("out") == [b"/a", b"/b"]
    (dead,) = await lab.read("views-dlq")
    headers = dict(dead.headers)
    assert dead.value == view("/bad")
    assert headers["__dlq.error.message"] == b"cannot be"
    assert (headers["__dlq.topic"], headers["__dlq.offset"]) == (b"views", b"1")


async def test_of_records_taken_together_only_the_one_that_fails_is_dead_lettered(lab):
    app = lab.app()
    out = app.topic("out", value_type=str)

    @app.agent(app.topic("views", value_type=View), dead_letter="bad-views")
    async def pages(stream):
        async for views in stream.take(10, within=1):
            for v in views:
                await out.send(value=v.page)
                if v.page == "/bad":
                    raise ValueError("cannot be")

    await lab.send("views", view("/a"), view("/b"), view("/bad"), view("/c"), view("/d"))
    await lab.start(app)
    await lab.clock.advance(2_000)

    assert await lab.values("out") == [b"/a", b"/b", b"/c", b"/d"]
    assert await lab.values("bad-views") == [view("/bad")]


async def test_bytes_that_do_not_decode_follow_the_topics_policy(lab):
    app = lab.app()
    out = app.topic("out", value_type=str)

    @app.agent(app.topic("views", value_type=View, dead_letter=True))
    async def pages(stream):
        async for v in stream:
            await out.send(value=v.page)

    await lab.start(app)
    await lab.send("views", view("/a"), b'{"user":"ann","page":7}', view("/b"))
    await lab.clock.advance(500)

    assert await lab.values("out") == [b"/a", b"/b"]
    (dead,) = await lab.read("views-dlq")
    assert b"value of topic 'views'" in dict(dead.headers)["__dlq.error.message"]
    assert b"field 'page': expected str, got int" in dict(dead.headers)["__dlq.error.message"]


async def test_by_default_a_failing_record_fails_the_app_with_the_reason(lab):
    app = lab.app()

    @app.agent(app.topic("views", value_type=View))
    async def pages(stream):
        async for _ in stream:
            raise ValueError("cannot be")

    await lab.start(app)
    failed = asyncio.ensure_future(app.wait_failed())
    await lab.send("views", view("/a"))

    reason = await lab.clock.drive(failed)
    assert isinstance(reason, RecordFailed)
    assert "'pages'" in str(reason)
    assert "topic 'views' partition 0 offset 0" in str(reason)
    assert "cannot be" in str(reason)


async def test_group_by_brings_all_records_of_a_key_to_one_partition(lab):
    app = lab.app(topic_partitions=3)
    views = app.topic("views", value_type=View)
    counts = app.Table("counts", default=int, key_type=str)

    @app.agent(views.group_by(View.page))
    async def count(stream):
        async for page, v in stream.items():
            assert page == v.page
            counts[page] += 1

    await lab.start(app)
    for user in "abcdef":
        await lab.send("views", view("/x", user), view("/y", user), key=user.encode())
    await lab.clock.advance(1_000)

    assert dict(counts.items()) == {"/x": 6, "/y": 6}
    assert counts["/x"] == 6


async def test_a_repartitioned_topic_that_is_behind_is_not_late(lab):
    def declare():
        app = lab.app()
        views = app.topic("views", value_type=View)
        counts = app.Table("counts", default=int).tumbling(10, grace=0)

        @app.agent(views.group_by(View.page))
        async def count(stream):
            async for v in stream:
                counts[v.page] += 1

        return app, counts

    for minute in range(5):
        await lab.send("views", view("/"), view("/a"), timestamp_ms=60_000 * minute)
    app, counts = declare()
    await lab.start(app)
    await lab.clock.advance(1_000)

    assert {(key, start): count for key, (start, _), count in counts.windows()} == {
        ("/", 240.0): 1,
        ("/a", 240.0): 1,
    }
    assert counts.late_count == 0
    closed = [record.value for record in await lab.read("shop-counts-changelog")]
    assert closed.count(b"1") >= 2


async def test_records_an_agent_passes_over_move_the_time_of_its_tables(lab):
    app, closed = lab.app(), []
    table = app.Table(
        "errors", default=int, on_window_close=lambda key, value: closed.append((key[0], value))
    )
    errors = table.tumbling(10, grace=0)

    @app.agent(app.topic("views", value_type=View))
    async def count(stream):
        async for v in stream:
            if v.page == "/500":
                errors[v.user] += 1

    await lab.start(app)
    await lab.send("views", view("/500"), timestamp_ms=1_000)
    await lab.send("views", view("/"), timestamp_ms=10_000)
    await lab.clock.advance(200)

    assert closed == [("ann", 1)]


async def test_timers_tasks_and_signals_run_beside_the_agents(lab):
    app = lab.app()
    counts, log = app.Table("counts", default=int), []
    topic = app.topic("views", value_type=View)

    @app.agent(topic)
    async def count(stream):
        async for v in stream:
            counts[v.page] += 1

    @app.on_started.connect
    async def started(app):
        log.append("started")

    @app.on_before_shutdown.connect
    def stopping(app):
        log.append("stopping")

    @app.task
    async def feed():
        await topic.send(value=View("ann", "/"))

    @app.timer(10)
    async def tick():
        log.append(dict(counts.items()))
        with pytest.raises(NoRecordInHand):
            counts["/"] = 0

    await lab.start(app)
    await lab.clock.advance(20_500)
    await lab.stop(app)

    assert log == ["started", {"/": 1}, {"/": 1}, "stopping"]


async def test_a_failing_timer_fails_the_app(lab):
    app = lab.app()

    @app.timer(1)
    async def tick():
        raise ValueError("no")

    await lab.start(app)
    failed = asyncio.ensure_future(app.wait_failed())

    assert str(await lab.clock.drive(failed)) == "no"


async def test_an_agent_can_feed_another_and_itself(lab):
    app = lab.app()
    out = app.topic("out", value_type=int)

    @app.agent(sink=[out])
    async def collect(stream):
        async for value in stream:
            yield value

    @app.agent(app.topic("numbers", value_type=int))
    async def countdown(stream):
        async for n in stream:
            await collect.cast(n)
            if n:
                await countdown.send(value=n - 1)

    await lab.start(app)
    await lab.send("numbers", b"3")
    await lab.clock.advance(3_000)

    assert await lab.values("out") == [b"3", b"2", b"1", b"0"]


async def test_late_records_are_counted_across_restarts(lab):
    def declare():
        app = lab.app()
        counts = app.Table("counts", default=int).tumbling(10, grace=0)

        @app.agent(app.topic("views", value_type=View))
        async def count(stream):
            async for v in stream:
                counts[v.page] += 1

        return app, counts

    app, counts = declare()
    await lab.start(app)
    await lab.send("views", view("/"), timestamp_ms=50_000)
    await lab.send("views", view("/"), timestamp_ms=1_000)
    await lab.clock.advance(500)
    assert counts.late_count == 1
    await lab.stop(app)

    app, counts = declare()
    await lab.start(app)
    await lab.send("views", view("/"), timestamp_ms=2_000)
    await lab.clock.advance(500)
    assert counts.late_count == 2


async def test_declared_partitions_are_held_against_the_topic(lab):
    first = lab.app("first")
    first.agent(first.topic("views", partitions=2))(_nothing)
    await lab.start(first)

    second = lab.app("second")
    second.agent(second.topic("views", partitions=4))(_nothing)
    with pytest.raises(PartitionsMismatch, match="topic 'views' has 2 partitions, the app declares 4"):
        await lab.start(second)
    with pytest.raises(NotReady):
        _ = second.running


async def test_two_apps_share_a_loop_and_a_broker(lab):
    seen = {"one": [], "two": []}

    def declare(name):
        app = lab.app(name)

        @app.agent(app.topic("views", value_type=View))
        async def collect(stream):
            async for v in stream:
                seen[name].append(v.page)

        return app

    for name in ("one", "two"):
        await lab.start(declare(name))
    await lab.send("views", view("/a"))
    await lab.clock.advance(500)

    assert seen == {"one": ["/a"], "two": ["/a"]}


async def test_an_app_is_started_once_at_a_time(lab):
    app = lab.app()
    await lab.start(app)

    with pytest.raises(NotReady, match="started already"):
        await app.start()
    await lab.stop(app)
    await lab.start(app)


async def _nothing(stream):
    async for _ in stream:
        pass


async def test_topics_that_are_only_written_are_created_as_declared(lab):
    app = lab.app()
    app.topic("out", partitions=3, retention=60)
    await lab.start(app)

    entry = lab.broker.broker.directory.topics["out"]
    assert (entry.partitions, entry.configs) == (3, {"retention.ms": "60000"})


async def test_one_topic_with_two_different_options_is_refused(lab):
    app = lab.app()
    app.topic("out", partitions=3)
    app.topic("out")
    with pytest.raises(ImproperlyConfigured, match="topic 'out' is declared twice with different options"):
        app.topic("out", partitions=4)


async def test_topics_of_different_partition_counts_live_in_one_app_with_tables(lab):
    app = lab.app()
    orders = app.topic("orders", key_type=str, value_type=int, partitions=3)
    alerts = app.topic("alerts", value_type=int, partitions=1)
    by_size = orders.group_by(lambda value: value % 2, name="size", partitions=2)
    spent, raised, sizes = (app.Table(name, default=int) for name in ("spent", "raised", "sizes"))

    def note(value):
        raised["all"] += value

    @app.agent(orders)
    async def spend(stream):
        async for key, value in stream.items():
            spent[key] += value
            await alerts.send(value=1)

    @app.agent(alerts)
    async def watch(stream):
        async for value in stream:
            note(value)

    @app.agent(by_size)
    async def measure(stream):
        async for value in stream:
            sizes[value % 2] += 1

    await lab.start(app)
    for number in range(12):
        await lab.clock.drive(orders.send(key=f"k{number}", value=number))
    while len(spent) < 12 or raised["all"] < 12 or sizes[0] + sizes[1] < 12:
        await lab.clock.advance(100)

    assert dict(spent.items()) == {f"k{number}": number for number in range(12)}
    assert (raised["all"], sizes[0], sizes[1]) == (12, 6, 6)


async def test_a_rebalance_while_an_app_stops_waits_for_the_same_tasks(lab):
    app = lab.app(topic_partitions=2)
    app.stream("in", key_type=str, value_type=str).group_by_key().count("n")
    await lab.start(app)
    assignment = app.running.runtime._assignment
    tasks = list(app.running.runtime.tasks.values())
    partitions = [partition for task in tasks for partition in task.partitions]

    await lab.clock.drive(asyncio.gather(assignment.stop_all(), assignment.on_partitions_revoked(partitions)))

    assert {task.state.value.value for task in tasks} == {"closed"}
    assert not assignment.runners
