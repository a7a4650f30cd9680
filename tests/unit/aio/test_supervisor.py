"""Owns: the promises of ``aio.supervisor``."""

import asyncio

import pytest

from streamz_core.aio.supervisor import Supervisor, SupervisorClosed, cancel
from streamz_core.testing.manual_clock import ManualClock


async def forever(ended: list[str] | None = None, name: str = "") -> None:
    try:
        await asyncio.Event().wait()
    finally:
        if ended is not None:
            ended.append(name)


async def fail(error: BaseException) -> None:
    raise error


async def test_the_first_failure_is_told_and_the_rest_is_cancelled():
    told, ended = [], []
    background = Supervisor("broker", on_failure=told.append)
    background.spawn(forever(ended, "a"), name="a")
    background.spawn(forever(ended, "b"), name="b")
    await ManualClock().settle()

    error = ValueError("no")
    background.spawn(fail(error), name="bad")

    assert await background.wait_failed() is error
    await ManualClock().settle()
    assert told == [error]
    assert ended == ["a", "b"]
    assert background.running == []
    assert background.failure is error


async def test_a_second_failure_while_stopping_is_logged_not_told(caplog):
    told = []
    background = Supervisor("broker", on_failure=told.append)

    async def fails_when_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("second")

    background.spawn(fails_when_cancelled(), name="sore")
    await ManualClock().settle()
    background.spawn(fail(ValueError("first")), name="bad")
    await background.wait_failed()
    await background.close()

    assert [str(error) for error in told] == ["first"]
    assert "broker: sore failed while stopping" in caplog.text


async def test_tasks_that_end_well_are_forgotten():
    background = Supervisor("broker")

    task = background.spawn(asyncio.sleep(0, "done"), name="short")

    assert await task == "done"
    await ManualClock().settle()
    assert background.running == []
    assert background.failure is None
    await background.close()


async def test_close_waits_for_the_cleaning_up_and_again_does_nothing():
    ended: list[str] = []
    background = Supervisor("broker")
    background.spawn(forever(ended, "a"), name="a")
    await ManualClock().settle()

    await background.close()
    await background.close()

    assert ended == ["a"]


async def test_nothing_starts_after_close_or_failure():
    background = Supervisor("broker")
    await background.close()
    with pytest.raises(SupervisorClosed, match="broker is closed: it cannot start 'x'"):
        background.spawn(forever(), name="x")

    failed = Supervisor("broker")
    failed.spawn(fail(ValueError("no")), name="bad")
    await failed.wait_failed()
    with pytest.raises(SupervisorClosed, match="has failed"):
        failed.spawn(forever(), name="x")


async def test_the_scope_raises_the_failure_unless_its_body_did():
    async def scope(then: BaseException | None) -> None:
        async with Supervisor("broker") as background:
            background.spawn(fail(ValueError("no")), name="bad")
            await background.wait_failed()
            if then is not None:
                raise then

    with pytest.raises(ValueError, match="no"):
        await scope(None)
    with pytest.raises(KeyError):
        await scope(KeyError())


async def test_the_scope_notices_a_failure_nobody_awaited():
    async def scope() -> None:
        async with Supervisor("broker") as background:
            background.spawn(fail(ValueError("no")), name="bad")
            await asyncio.sleep(0)

    with pytest.raises(ValueError, match="no"):
        await scope()


async def test_a_task_may_close_its_own_supervisor():
    background = Supervisor("broker")
    others: list[str] = []
    background.spawn(forever(others, "a"), name="a")
    await ManualClock().settle()

    closer = background.spawn(background.close(), name="closer")
    await ManualClock().settle()

    assert closer.done()
    assert others == ["a"]


async def test_tasks_carry_their_names():
    background = Supervisor("broker 'memory://x'")
    background.spawn(forever(), name="flusher")

    assert background.running == ["broker 'memory://x': flusher"]
    await background.close()


async def test_cancel_waits_and_raises_only_a_failure():
    ended: list[str] = []
    task = asyncio.create_task(forever(ended, "a"))
    await ManualClock().settle()
    await cancel(task)
    assert ended == ["a"]

    broken = asyncio.create_task(fail(ValueError("no")))
    await ManualClock().settle()
    with pytest.raises(ValueError, match="no"):
        await cancel(broken)


async def test_work_that_ends_by_a_cancellation_not_meant_for_it_has_failed():
    async def await_what_is_cancelled() -> None:
        gone = asyncio.get_running_loop().create_future()
        gone.cancel()
        await gone

    background = Supervisor("app")
    background.spawn(await_what_is_cancelled(), name="fetch")

    assert "fetch" in str(await background.wait_failed())
    await background.close()
