"""Agents that stop waiting, swallow cancellations, or raise what is no Exception: the cut holds."""

from __future__ import annotations

import asyncio

import pytest

from streamz_core.streams.processor import RecordError


async def test_an_agent_that_stops_waiting_and_waits_again_stays_within_the_cut(app, task):
    seen, timeouts = [], []

    @app.agent(app.topic("views"))
    async def impatient(stream):
        while True:
            try:
                async with asyncio.timeout(0.001):
                    async for value in stream:
                        seen.append(value)
            except TimeoutError:
                timeouts.append(len(seen))

    running = await task()
    await running.feed([1])
    while len(timeouts) < 3:
        await asyncio.sleep(0.001)
    await running.feed([2, 3])
    await running.feed([4])

    assert seen == [1, 2, 3, 4]


async def test_an_agent_whose_waiting_has_just_been_cut_short_gets_the_slice(app, task):
    seen, waiting = [], []

    @app.agent(app.topic("views"))
    async def cut_short(stream):
        while True:
            waiting.append(asyncio.ensure_future(anext(stream)))
            try:
                seen.append(await waiting[-1])
            except asyncio.CancelledError:
                if not waiting[-1].cancelled():
                    raise

    running = await task()
    await running.feed([1])
    waiting[-1].cancel()  # it has not run yet when the next slice comes
    await running.feed([2, 3])

    assert seen == [1, 2, 3]


async def test_a_value_may_be_waited_for_with_a_timeout_again_and_again(app, task):
    seen, timeouts = [], []

    @app.agent(app.topic("views"))
    async def impatient(stream):
        while True:
            try:
                seen.append(await asyncio.wait_for(anext(stream), 0.001))
            except TimeoutError:
                timeouts.append(len(seen))

    running = await task()
    await running.feed([1])
    while len(timeouts) < 3:
        await asyncio.sleep(0.001)
    await running.feed([2, 3])

    assert seen == [1, 2, 3]


async def test_an_exception_outside_of_exception_is_a_failure_of_the_record(app, task):
    class Outcome(BaseException):
        """As test frameworks and sandboxes have it."""

    @app.agent(app.topic("views"))
    async def collect(stream):
        async for _ in stream:
            raise Outcome

    running = await task()
    batch = running.batch(["a"])

    with pytest.raises(RecordError) as caught:
        await running.agent().process(batch, 0, 1, may_yield=False)

    assert isinstance(caught.value.cause, Outcome)


async def test_an_actor_that_does_not_let_itself_be_cancelled_does_not_hold_up_its_task(app, task, clock):
    @app.agent(app.topic("views"))
    async def stubborn(stream):
        while True:
            try:
                async for _ in stream:
                    pass
            except asyncio.CancelledError:
                continue

    running = await task()
    await running.feed([1])

    await clock.drive(running.agent().close())


async def test_one_actor_cannot_wait_for_two_records_at_once(app, task):
    seen = []

    @app.agent(app.topic("views"))
    async def greedy(stream):
        both = asyncio.gather(anext(stream), anext(stream.events()), return_exceptions=True)
        seen.extend(await both)
        async for value in stream:
            seen.append(value)

    running = await task()
    await running.feed([])
    batch = running.batch(["a", "b"])
    assert await running.agent().process(batch, 0, 1, may_yield=False) == 1
    assert await running.agent().process(batch, 1, 2, may_yield=False) == 2

    first, error, second = seen
    assert (first, second) == ("a", "b")
    assert "twice at the same time" in str(error)
