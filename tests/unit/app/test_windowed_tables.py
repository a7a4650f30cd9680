from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamz_core.app.errors import AgentFailed, ImproperlyConfigured
from streamz_core.app.windows import HoppingWindow, TumblingWindow, after_idle
from streamz_core.serde.record import Record


def counting(app, **options):
    counts = app.Table("counts", default=int, on_window_close=options.pop("on_window_close", None)).tumbling(
        10, **options
    )

    @app.agent(app.topic("views"))
    async def count(stream):
        async for page in stream:
            counts[page] += 1

    return counts


def contents(task, name="counts"):
    store = task.context.window_store(name)
    return {(start, key): value for start in store.starts() for key, value in store.items(start)}


async def test_a_tumbling_count(app, task):
    counting(app)
    running = await task()
    await running.feed(["/", "/", "/a", "/"], timestamps=[1_000, 9_999, 2_000, 10_000])

    assert contents(running) == {(0, "/"): 2, (0, "/a"): 1, (10_000, "/"): 1}


async def test_a_hopping_count_is_in_every_window_that_holds_the_time(app, task):
    counts = app.Table("counts", default=int).hopping(10, 5)

    @app.agent(app.topic("views"))
    async def count(stream):
        async for page in stream:
            counts[page] += 1

    running = await task()
    await running.feed(["/", "/"], timestamps=[12_000, 15_000])

    assert contents(running) == {(5_000, "/"): 1, (10_000, "/"): 2, (15_000, "/"): 1}


async def test_late_records_are_dropped_counted_and_handed_over(app, task):
    late = []
    counts = counting(app, grace=5, on_late=lambda event: late.append(event.value))
    running = await task()
    await running.feed(["on time", "later", "in grace"], timestamps=[1_000, 14_999, 2_000])
    await running.feed(["closes", "too late"], timestamps=[15_000, 3_000])

    assert contents(running) == {
        (0, "on time"): 1,
        (0, "in grace"): 1,
        (10_000, "later"): 1,
        (10_000, "closes"): 1,
    }
    assert late == ["too late"]
    assert running.context.window_store("counts").late_count == 1
    assert counts.window.grace_ms == 5_000


async def test_lateness_depends_on_records_alone_not_on_slices(app, task):
    counting(app, grace=0)
    running = await task()
    await running.feed(["a", "b", "a"], timestamps=[1_000, 10_000, 2_000], punctuate=False)

    assert contents(running) == {(0, "a"): 1, (10_000, "b"): 1}


async def test_late_records_can_go_to_a_topic(app, task):
    counting(app, grace=0, on_late=app.topic("late", key_type=str))
    running = await task()
    await running.feed(["a", "b"], timestamps=[10_000, 1], keys=["x", "y"])

    assert running.context.sent == [("late", b"y", b'"b"', 1, (), None)]


async def test_a_window_is_closed_once_with_its_final_contents(app, task):
    out = app.topic("finals", key_type=str)
    closed = []

    async def on_close(key, value):
        closed.append((key, value))
        await out.send(key=key[0], value=value)

    counting(app, grace=5, on_window_close=on_close)
    running = await task()
    await running.feed(["/", "/", "/a"], timestamps=[1_000, 14_999, 3_000])
    assert closed == []

    await running.feed(["/"], timestamps=[15_000])
    await running.feed(["/"], timestamps=[15_001])
    await running.punctuate()

    assert closed == [(("/", (0.0, 10.0)), 1), (("/a", (0.0, 10.0)), 1)]
    assert running.context.sent == [
        ("finals", b"/", b"1", 9_999, (), None),
        ("finals", b"/a", b"1", 9_999, (), None),
    ]


async def test_windows_close_when_input_is_idle_and_take_nothing_more(app, task, clock):
    closed = []
    counting(
        app,
        grace=60,
        close=after_idle(5),
        on_window_close=lambda key, value: closed.append((key[0], key[1][0], value)),
    )
    running = await task()
    await running.feed(["/", "/"], timestamps=[1_000, 12_000])
    await clock.advance(4_999)
    await running.punctuate()
    assert closed == []

    await clock.advance(1)
    await running.punctuate()
    await running.punctuate()
    assert closed == [("/", 0.0, 1), ("/", 10.0, 1)]

    await running.feed(["/", "/"], timestamps=[13_000, 21_000])
    assert running.context.window_store("counts").late_count == 1
    assert contents(running)[20_000, "/"] == 1


async def test_silence_while_input_is_known_to_wait_is_not_idleness(app, task, clock):
    closed = []
    counting(app, grace=60, close=after_idle(5), on_window_close=lambda key, value: closed.append(value))
    running = await task()
    await running.feed(["/"], timestamps=[1_000])
    running.context.has_backlog = True
    await clock.advance(60_000)
    await running.punctuate()
    assert closed == []

    running.context.has_backlog = False
    await running.punctuate()
    assert closed == [1]


async def test_a_failing_close_handler_stops_the_task_and_names_the_window(app, task):
    def on_close(key, value):
        raise ValueError("no")

    counting(app, grace=0, on_window_close=on_close)
    running = await task()
    says = r"on_window_close of table 'counts' failed for key '/'.*\(0.0, 10.0\)"
    with pytest.raises(AgentFailed, match=says):
        await running.feed(["/", "/"], timestamps=[1_000, 10_000])


async def test_a_cancellation_inside_a_close_handler_does_not_end_the_task_silently(app, task):
    async def on_close(key, value):
        gone = asyncio.get_running_loop().create_future()
        gone.cancel()
        await gone

    counting(app, grace=0, on_window_close=on_close)
    running = await task()
    with pytest.raises(AgentFailed, match="on_window_close of table 'counts' failed"):
        await running.feed(["/", "/"], timestamps=[1_000, 10_000])


class Flight(Record):
    origin: str
    at: datetime


async def test_time_can_come_from_a_field(app, task):
    closed = []
    table = app.Table(
        "flights", default=int, on_window_close=lambda key, value: closed.append((key[0], key[1], value))
    )
    flights = table.tumbling(3600, grace=0).relative_to_field(Flight.at)

    @app.agent(app.topic("flights", value_type=Flight))
    async def count(stream):
        async for flight in stream:
            flights[flight.origin] += 1

    def at(hour, minute):
        return Flight("EWR", datetime(2013, 1, 1, hour, minute, tzinfo=UTC))

    start = datetime(2013, 1, 1, 5, tzinfo=UTC).timestamp()
    running = await task()
    # The records' own timestamps are of today: they play no part.
    now = [1_700_000_000_000] * 4
    await running.feed([at(5, 10), at(5, 50), at(6, 0), at(5, 59)], timestamps=now)

    assert closed == [("EWR", (start, start + 3600), 2)]
    assert running.context.window_store("flights").late_count == 1


@pytest.mark.parametrize(("unit", "value"), [("s", 25), ("ms", 25_000)])
async def test_time_from_a_number(app, task, unit, value):
    counts = app.Table("counts", default=int).tumbling(10).relative_to_field("ts", unit=unit)

    @app.agent(app.topic("views"))
    async def count(stream):
        async for _ in stream:
            counts["all"] += 1
            counts["all"] = counts["all"].current() + 10

    running = await task()
    await running.feed([{"ts": value}])

    assert contents(running) == {(20_000, "all"): 11}


async def test_reading_windows(app, task, clock):
    found = {}
    counts = app.Table("counts", default=int).tumbling(10)

    @app.agent(app.topic("views"))
    async def count(stream):
        async for page in stream:
            counts[page] += 1
            counts[page].apply(max, 2)
            found[page] = {
                "current": counts[page].current(),
                "value": counts[page].value(),
                "delta": counts[page].delta(10),
                "now": counts[page].now(),
                "items": list(counts.items()),
                "keys": list(counts.keys()),
                "in": (page in counts, "gone" in counts),
                "windows": list(counts.windows()),
            }

    running = await task()
    await running.feed(["/"], timestamps=[5_000])
    await running.feed(["/"], timestamps=[12_000])

    assert found["/"] == {
        "current": 2,
        "value": 2,
        "delta": 2,
        "now": 0,
        "items": [("/", 2)],
        "keys": ["/"],
        "in": (True, False),
        "windows": [("/", (0.0, 10.0), 2), ("/", (10.0, 20.0), 2)],
    }


class Running:
    partitions: dict[str, int] = {}


async def test_reads_outside_agents_are_of_stream_time(app, task):
    counts = counting(app)
    first, second = await task(0), await task(1)
    await first.feed(["a"], timestamps=[12_000])
    await second.feed(["b"], timestamps=[25_000])
    app._running = Running()

    assert sorted(counts.items()) == [("a", 1), ("b", 1)]
    assert counts["a"].current() == 1
    assert counts["b"].delta(10) == 0
    assert counts["gone"].current() == 0
    assert list(counts.windows()) == [("a", (10.0, 20.0), 1), ("b", (20.0, 30.0), 1)]
    assert counts.late_count == 0


def test_in_place_operators(app):
    import operator

    from streamz_core.app.windowed_table import WindowSet

    names = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift")
    for name in names:
        assert hasattr(WindowSet, f"__i{name}__"), name
        assert hasattr(operator, f"i{name}") or hasattr(operator, f"i{name}_"), name


@given(st.integers(0, 10**7), st.integers(1, 10_000), st.integers(1, 10_000))
def test_every_window_that_holds_a_time_and_no_other(time_ms, size_ms, step_ms):
    window = HoppingWindow(max(size_ms, step_ms) / 1000, step_ms / 1000)
    starts = window.starts_ms(time_ms)

    size, step = window.size_ms, window.step_ms
    nearby = range((time_ms - 2 * size) // step * step, time_ms + 2 * step, step)
    assert starts == [start for start in nearby if start <= time_ms < start + size]


def test_windows_as_faust_has_them():
    assert TumblingWindow(10).ranges(25) == [(20.0, 30.0)]
    assert HoppingWindow(10, 5).current(12) == (10.0, 20.0)
    assert HoppingWindow(10, 5).delta(12, 10) == (0.0, 10.0)
    assert TumblingWindow(10, expires=5).stale(20, 25)
    assert not TumblingWindow(10, expires=5).stale(20, 24.9)


def test_grace_and_retention_have_defaults():
    assert TumblingWindow(10).grace_ms == TumblingWindow(10).retention_ms == 10_000
    assert (TumblingWindow(10, expires=60).grace_ms, TumblingWindow(10, grace=0).retention_ms) == (60_000, 0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: TumblingWindow(0), "above 0"),
        (lambda: HoppingWindow(5, 10), "step at most the size"),
        (lambda: TumblingWindow(10, expires=1, grace=2), "expires at least the grace"),
        (lambda: TumblingWindow(10, close="never"), "after_idle"),
        (lambda: TumblingWindow("10"), "expected seconds or a timedelta"),
        (lambda: TumblingWindow(-1), "0 seconds or more"),
    ],
)
def test_windows_that_cannot_be(make, says):
    with pytest.raises(ImproperlyConfigured, match=says):
        make()


def test_a_late_handler_cannot_await(app):
    async def on_late(event): ...

    with pytest.raises(ImproperlyConfigured, match="cannot await"):
        app.Table("t").tumbling(10, on_late=on_late)
