from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from streamz_core.broker.sync_threads import Ended, SyncThreads

PATIENCE_S = 30.0


@pytest.fixture
async def threads() -> AsyncIterator[SyncThreads[Any]]:
    threads: SyncThreads[Any] = SyncThreads(asyncio.get_running_loop(), 2)
    yield threads
    threads.close()


async def ended(threads: SyncThreads[Any], work: Callable[[], Any]) -> Ended[Any]:
    answer: asyncio.Future[Ended[Any]] = asyncio.get_running_loop().create_future()
    threads.submit(work, answer.set_result)
    return await answer


async def test_a_job_runs_elsewhere_and_its_end_is_told_on_the_loop(threads: SyncThreads[Any]) -> None:
    told: list[threading.Thread] = []
    done = asyncio.Event()

    def note(_: Ended[Any]) -> None:
        told.append(threading.current_thread())
        done.set()

    threads.submit(lambda: told.append(threading.current_thread()), note)
    await done.wait()

    assert told[0].daemon
    assert told[1] is threading.main_thread()


async def test_what_a_job_raises_is_told_and_the_thread_goes_on(threads: SyncThreads[Any]) -> None:
    fault = ZeroDivisionError()

    def fail() -> None:
        raise fault

    assert await ended(threads, fail) == (None, fault)
    assert await ended(threads, lambda: 7) == (7, None)


async def test_as_many_jobs_run_at_once_as_there_may_be_threads(threads: SyncThreads[Any]) -> None:
    both = threading.Barrier(2, timeout=PATIENCE_S)

    def meet() -> str:
        both.wait()
        return threading.current_thread().name

    met = await asyncio.gather(*(ended(threads, meet) for _ in range(4)))

    assert {one.result for one in met} == {"streamz-sync-0", "streamz-sync-1"}


async def test_a_job_at_a_time_needs_one_thread(threads: SyncThreads[Any]) -> None:
    used = [await ended(threads, threading.get_ident) for _ in range(5)]

    assert len({one.result for one in used}) == 1


async def test_closing_waits_for_what_runs_and_drops_the_rest() -> None:
    threads: SyncThreads[Any] = SyncThreads(asyncio.get_running_loop(), 1)
    begun, may_end = threading.Event(), threading.Event()
    ran: list[threading.Thread] = []

    def run() -> None:
        begun.set()
        may_end.wait(PATIENCE_S)
        ran.append(threading.current_thread())

    for _ in range(2):
        threads.submit(run, lambda _: None)
    assert begun.wait(PATIENCE_S)
    threading.Timer(0.01, may_end.set).start()

    threads.close()

    assert [thread.is_alive() for thread in ran] == [False]


async def test_who_is_forgotten_leaves_no_thread(threads: SyncThreads[Any]) -> None:
    forgotten: SyncThreads[Any] = SyncThreads(asyncio.get_running_loop(), 1)
    thread = (await ended(forgotten, threading.current_thread)).result

    del forgotten
    gc.collect()

    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_a_loop_that_is_closed_is_told_nothing() -> None:
    loop = asyncio.new_event_loop()
    threads: SyncThreads[Any] = SyncThreads(loop, 1)
    may_end = threading.Event()
    told: list[Ended[Any]] = []
    threads.submit(lambda: may_end.wait(PATIENCE_S), told.append)
    loop.close()
    may_end.set()

    threads.close()

    assert told == []
