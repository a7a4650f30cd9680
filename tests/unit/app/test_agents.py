from __future__ import annotations

import asyncio

import pytest

from streamz_core.app.app import App
from streamz_core.app.current import CURRENT
from streamz_core.app.errors import AgentFailed, ImproperlyConfigured
from streamz_core.app.event import current_event
from streamz_core.streams.processor import RecordError


async def test_an_agent_gets_every_value_of_every_slice_in_order(app, task):
    seen = []

    @app.agent(app.topic("views"))
    async def collect(stream):
        async for value in stream:
            seen.append(value)

    running = await task()
    await running.feed([1, 2, 3])
    await running.feed([])
    await running.feed([4])

    assert seen == [1, 2, 3, 4]


async def test_a_part_of_a_batch_is_handled_up_to_its_stop(app, task):
    seen = []

    @app.agent(app.topic("views"))
    async def collect(stream):
        async for value in stream:
            seen.append(value)

    running = await task()
    batch = running.batch([0, 1, 2, 3, 4, 5])

    assert await running.agent().process(batch, 1, 4, may_yield=True) == 4
    assert seen == [1, 2, 3]
    assert await running.agent().process(batch, 4, 6, may_yield=True) == 6
    assert seen == [1, 2, 3, 4, 5]


async def test_an_agent_yields_after_the_record_in_hand_when_a_commit_is_due(app, task):
    seen = []

    @app.agent(app.topic("views"))
    async def collect(stream):
        async for value in stream:
            seen.append(value)
            if value == 2:
                CURRENT.get().context.request_commit()

    running = await task()
    batch = running.batch([0, 1, 2, 3, 4])

    assert await running.agent().process(batch, 0, 5, may_yield=True) == 3
    assert seen == [0, 1, 2]

    assert await running.agent().process(batch, 3, 5, may_yield=False) == 5
    assert seen == [0, 1, 2, 3, 4]


async def test_a_failing_record_is_named_and_a_fresh_actor_goes_on(app, task):
    seen, starts = [], []

    @app.agent(app.topic("views"))
    async def collect(stream):
        starts.append(1)
        async for value in stream:
            if value == "bad":
                raise ValueError("no good")
            seen.append(value)

    running = await task()
    batch = running.batch(["a", "bad", "b"])

    with pytest.raises(RecordError) as caught:
        await running.agent().process(batch, 0, 3, may_yield=True)
    assert caught.value.index == 1
    assert isinstance(caught.value.cause, ValueError)
    assert seen == ["a"]

    assert await running.agent().process(batch, 2, 3, may_yield=True) == 3
    assert seen == ["a", "b"]
    assert len(starts) == 2


async def test_on_error_is_told_of_the_failure(app, task):
    told = []

    async def on_error(agent, error):
        told.append((agent.name, error))

    @app.agent(app.topic("views"), on_error=on_error)
    async def collect(stream):
        async for value in stream:
            1 / value

    running = await task()
    with pytest.raises(RecordError):
        await running.feed([0])

    assert [(name, type(error)) for name, error in told] == [("collect", ZeroDivisionError)]


async def test_an_on_error_that_fails_does_not_hide_the_failure(app, task):
    def on_error(agent, error):
        raise OSError("no pager")

    @app.agent(app.topic("views"), on_error=on_error)
    async def collect(stream):
        async for value in stream:
            1 / value

    running = await task()
    with pytest.raises(RecordError) as caught:
        await running.feed([0])
    assert isinstance(caught.value.cause, ZeroDivisionError)


async def test_a_cancelled_await_fails_the_record_and_does_not_end_the_agent_silently(app, task):
    seen = []

    @app.agent(app.topic("views"))
    async def waiting(stream):
        async for value in stream:
            if value == "cancelled":
                future = asyncio.get_running_loop().create_future()
                future.cancel()
                await future
            seen.append(value)

    running = await task()
    with pytest.raises(RecordError, match="something the agent awaited was cancelled") as caught:
        await running.feed(["a", "cancelled"])
    assert caught.value.index == 1
    await running.feed(["b"])
    assert seen == ["a", "b"]


async def test_an_agent_that_returns_fails_the_task_with_the_remedy(app, task):
    @app.agent(app.topic("views"))
    async def first_only(stream):
        async for _ in stream:
            break

    running = await task()
    with pytest.raises(AgentFailed, match=r"agent 'first_only' returned.*keep iterating"):
        await running.feed([1, 2])


async def test_an_agent_that_fails_before_its_first_record_fails_the_task(app, task):
    @app.agent(app.topic("views"))
    async def broken(stream):
        raise OSError("no database")

    running = await task()
    with pytest.raises(AgentFailed, match=r"agent 'broken' failed before it took a record.*no database"):
        await running.feed([1])


async def test_awaiting_other_things_between_records_is_fine(app, task):
    seen = []

    @app.agent(app.topic("views"))
    async def slow(stream):
        async for value in stream:
            await asyncio.sleep(0)
            seen.append(value)

    running = await task()
    await running.feed(list(range(10)))

    assert seen == list(range(10))


async def test_cancelling_the_task_ends_its_actors(app, task):
    ended = asyncio.Event()

    @app.agent(app.topic("views"))
    async def stuck(stream):
        try:
            async for _ in stream:
                await asyncio.Event().wait()
        finally:
            ended.set()

    running = await task()
    work = asyncio.create_task(running.feed([1]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work

    assert ended.is_set()


async def test_closing_lets_an_actor_clean_up(app, task):
    ended = []

    @app.agent(app.topic("views"))
    async def tidy(stream):
        try:
            async for _ in stream:
                pass
        finally:
            ended.append(1)

    running = await task()
    await running.feed([1])
    await running.close()

    assert ended == [1]


# -- concurrency ----------------------------------------------------------------------------------


async def test_concurrent_actors_share_a_slice_and_the_cut_waits_for_all(app, task):
    gate = asyncio.Event()
    started, finished = [], []

    @app.agent(app.topic("views"), concurrency=3)
    async def work(stream):
        async for value in stream:
            started.append(value)
            await gate.wait()
            finished.append(value)

    running = await task()
    batch = running.batch(list(range(7)))
    process = asyncio.create_task(running.agent().process(batch, 0, 7, may_yield=True))
    for _ in range(5):
        await asyncio.sleep(0)
    assert started == [0, 1, 2]

    running.context.commit_request.is_pending = True
    gate.set()

    assert await process == 3
    assert sorted(finished) == [0, 1, 2]


async def test_no_record_is_lost_or_doubled_among_concurrent_actors(app, task):
    seen = []

    @app.agent(app.topic("views"), concurrency=4)
    async def work(stream):
        async for value in stream:
            for _ in range(value % 3):
                await asyncio.sleep(0)
            seen.append(value)

    running = await task()
    await running.feed(list(range(50)))
    await running.feed(list(range(50, 60)))

    assert sorted(seen) == list(range(60))


async def test_a_failure_among_concurrent_actors_waits_for_the_others_and_names_the_lowest(app, task):
    gate = asyncio.Event()
    finished = []

    @app.agent(app.topic("views"), concurrency=3)
    async def work(stream):
        async for value in stream:
            await gate.wait()
            if value in (1, 2):
                raise ValueError(value)
            finished.append(value)

    running = await task()
    batch = running.batch(list(range(6)))
    process = asyncio.create_task(running.agent().process(batch, 0, 6, may_yield=True))
    await asyncio.sleep(0)
    gate.set()

    with pytest.raises(RecordError) as caught:
        await process
    assert caught.value.index == 1
    assert finished[:1] == [0]


# -- ways to iterate ------------------------------------------------------------------------------


async def test_items_events_enumerate_and_filter(app, task):
    seen: dict[str, list] = {"items": [], "events": [], "numbers": [], "even": []}
    topic = app.topic("views")

    @app.agent(topic)
    async def items(stream):
        async for key, value in stream.items():
            seen["items"].append((key, value))

    @app.agent(topic)
    async def events(stream):
        async for event in stream.events():
            seen["events"].append((event.key, event.value, event.message.offset, event.headers))

    @app.agent(topic)
    async def numbers(stream):
        async for number, value in stream.enumerate(start=10):
            seen["numbers"].append((number, value))

    @app.agent(topic)
    async def even(stream):
        async for value in stream.filter(lambda value: value % 2 == 0):
            seen["even"].append((value, current_event().key))

    running = await task()
    await running.feed([1, 2], keys=["a", "b"], headers=[[], [("h", b"1")]])

    assert seen["items"] == [("a", 1), ("b", 2)]
    assert seen["events"] == [("a", 1, 0, {}), ("b", 2, 1, {"h": b"1"})]
    assert seen["numbers"] == [(10, 1), (11, 2)]
    assert seen["even"] == [(2, "b")]


async def test_take_gives_what_is_at_hand_in_lists(app, task):
    seen = []

    @app.agent(app.topic("views"))
    async def batches(stream):
        async for values in stream.take(3, within=10):
            seen.append(values)

    running = await task()
    await running.feed([1, 2, 3, 4, 5, 6, 7])
    await running.feed([8])

    assert seen == [[1, 2, 3], [4, 5, 6], [7], [8]]


async def test_a_failing_list_is_reported_with_its_length(app, task):
    @app.agent(app.topic("views"))
    async def batches(stream):
        async for values in stream.take(3, within=10):
            if 5 in values:
                raise ValueError("five")

    running = await task()
    with pytest.raises(RecordError) as caught:
        await running.feed([1, 2, 3, 4, 5, 6, 7])

    assert (caught.value.index, caught.value.count) == (3, 3)


async def test_echo_sends_every_event_on(app, task):
    seen = []
    copy = app.topic("copy", key_type=str)

    @app.agent(app.topic("views"))
    async def collect(stream):
        async for value in stream.echo(copy):
            seen.append(value)

    running = await task()
    await running.feed([1, 2], keys=["a", "b"], timestamps=[5, 6])

    assert seen == [1, 2]
    assert running.context.sent == [("copy", b"a", b"1", 5, (), None), ("copy", b"b", b"2", 6, (), None)]


async def test_current_event_is_none_outside_agents():
    assert current_event() is None


# -- sending --------------------------------------------------------------------------------------


async def test_sends_of_an_agent_join_its_task_without_suspending(app, task):
    out = app.topic("out", key_type=str, value_type=int)
    results = []

    @app.agent(app.topic("views"))
    async def double(stream):
        async for value in stream:
            sent = await out.send(key="k", value=value * 2, headers={"h": b"1"})
            results.append(await sent)
            out.send_soon(value=0, timestamp=2.5, partition=1)

    running = await task()
    await running.feed([7], timestamps=[1234])

    assert running.context.sent == [
        ("out", b"k", b"14", 1234, (("h", b"1"),), None),
        ("out", None, b"0", 2500, (), 1),
    ]


async def test_what_an_agent_yields_goes_to_its_sinks(app, task):
    out, called = app.topic("out"), []

    async def note(value):
        called.append(value)

    @app.agent(app.topic("views"), sink=[out, note, called.append])
    async def double(stream):
        async for value in stream:
            yield value * 2

    running = await task()
    await running.feed([1, 2])

    assert called == [2, 2, 4, 4]
    assert [value for _, _, value, *_ in running.context.sent] == [b"2", b"4"]


async def test_forward_keeps_what_is_not_changed(app, task):
    out = app.topic("out", key_type=str)

    @app.agent(app.topic("views"))
    async def forward(stream):
        async for event in stream.events():
            await event.forward(out, value={"was": event.value})

    running = await task()
    await running.feed([1], keys=["a"], timestamps=[99], headers=[[("h", b"1")]])

    assert running.context.sent == [("out", b"a", b'{"was":1}', 99, [("h", b"1")], None)]


async def test_sending_what_cannot_be_serialised_fails_that_record(app, task):
    out = app.topic("out", value_type=int)

    @app.agent(app.topic("views"))
    async def wrong(stream):
        async for _ in stream:
            await out.send(value="three")

    running = await task()
    with pytest.raises(RecordError) as caught:
        await running.feed([1])

    assert "value of topic 'out': expected int (decimal digits), got str" in str(caught.value.cause)


async def test_group_by_sends_to_the_topic_in_between_under_the_new_key(app, task):
    views = app.topic("views")
    seen = []

    @app.agent(views.group_by("page", name="by_page"))
    async def by_page(stream):
        async for value in stream:
            seen.append(value)

    running = await task()
    await running.feed([{"page": "/a"}], topic="views", timestamps=[3], headers=[[("h", None)]])
    await running.feed([{"page": "/b"}], topic="shop-views-by_page-repartition")

    (sent,) = running.context.sent
    assert sent == ("shop-views-by_page-repartition", b'"/a"', b"raw", 3, [("h", None)], None)
    assert seen == [{"page": "/b"}]


# -- declarations that cannot be ------------------------------------------------------------------


def test_what_is_no_agent_is_refused(app):
    topic = app.topic("views")
    with pytest.raises(ImproperlyConfigured, match="agent 'plain' is not an async function"):

        @app.agent(topic)
        def plain(stream):
            pass

    with pytest.raises(ImproperlyConfigured, match="exactly one parameter"):

        @app.agent(topic)
        async def greedy(stream, more):
            pass

    with pytest.raises(ImproperlyConfigured, match="concurrency must be 1 or more"):

        @app.agent(topic, concurrency=0)
        async def none(stream):
            pass

    with pytest.raises(ImproperlyConfigured, match="yields nothing"):

        @app.agent(topic, sink=[print])
        async def silent(stream):
            pass

    async def bare(stream):
        pass

    without_parentheses = app.agent(bare)
    with pytest.raises(ImproperlyConfigured, match="with parentheses"):
        without_parentheses(bare)


def test_names_used_twice_are_refused(app):
    @app.agent(app.topic("views"))
    async def one(stream):
        pass

    with pytest.raises(ImproperlyConfigured, match="agent 'one' is declared twice"):
        app.agent(app.topic("views"), name="one")(one.fun)
    app.Table("t")
    with pytest.raises(ImproperlyConfigured, match="table 't' is declared twice"):
        app.Table("t")


def test_an_agent_without_topic_gets_its_own():
    app = App("shop", version=2)

    @app.agent()
    async def orders(stream):
        pass

    assert orders.get_topic_names() == ("shop-v2-orders",)


def test_an_agent_says_what_its_own_topic_is_like():
    app = App("shop")

    @app.agent(value_type=int, key_type=str, partitions=3)
    async def orders(stream):
        pass

    @app.agent("by-name", value_type=int, replicas=1)
    async def named(stream):
        pass

    assert (orders.channel.value_type, orders.channel.key_type) == (int, str)
    assert (orders.channel.options.partitions, orders.channel.options.internal) == (3, True)
    assert (named.channel.value_type, named.channel.options.replicas) == (int, 1)
    with pytest.raises(ImproperlyConfigured, match=r"agent 'x': value_type= belongs to app\.topic"):
        app.agent(app.topic("t"), name="x", value_type=int)(orders.fun)
    with pytest.raises(ImproperlyConfigured, match="agent 'x': neither an agent nor a topic has valu_type="):
        app.agent(name="x", valu_type=int)(orders.fun)


@pytest.mark.parametrize("name", ["", "a b", "..", "x" * 250, "ü"])
def test_topic_names_follow_kafkas_rules(app, name):
    with pytest.raises(ImproperlyConfigured, match="not possible"):
        app.topic(name)
