"""Owns: the promises of ``aio.signal``."""

import asyncio

from streamz_core.aio.signal import Signal
from streamz_core.testing.manual_clock import ManualClock


async def test_waiting_for_the_present_state_returns_at_once():
    state = Signal("starting")

    assert await state.wait("starting", "running") == "starting"


async def test_a_state_that_lasted_a_moment_is_not_missed():
    state = Signal("starting")
    waiter = asyncio.create_task(state.wait("running"))
    await ManualClock().settle()

    state.set("running")
    state.set("stopped")

    assert await waiter == "running"
    assert state.value == "stopped"


async def test_changed_returns_the_next_state_and_ignores_a_repeat():
    state = Signal(1)
    waiter = asyncio.create_task(state.changed())
    await ManualClock().settle()

    state.set(1)
    await ManualClock().settle()
    assert not waiter.done()

    state.set(2)
    assert await waiter == 2


async def test_wait_until_sees_only_what_fits():
    state = Signal(1)
    waiter = asyncio.create_task(state.wait_until(lambda n: n > 2))
    await ManualClock().settle()

    state.set(2)
    state.set(3)

    assert await waiter == 3


async def test_a_cancelled_waiter_leaves_nothing_behind():
    state = Signal(1)
    waiter = asyncio.create_task(state.wait(2))
    await ManualClock().settle()
    waiter.cancel()
    await ManualClock().settle()

    state.set(2)

    assert state._waiters == []
    assert waiter.cancelled()
