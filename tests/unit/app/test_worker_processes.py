"""Processes of one command, kept alive. The commands are of the shell, and say in a FIFO that they are there."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from streamz_core.app.worker_processes import Restarts, WorkerProcesses, WorkersFailed, WorkersMisused, ending
from streamz_core.clock import SystemClock

AT_ONCE = Restarts(first_ms=1, longest_ms=1, attempts=3)


class Fifo:
    """Lines that processes write."""

    def __init__(self, path) -> None:
        os.mkfifo(path)
        self.path = path
        self._end = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self._lines: asyncio.Queue[str] = asyncio.Queue()
        asyncio.get_running_loop().add_reader(self._end, self._read)

    def _read(self) -> None:
        for line in os.read(self._end, 65_536).decode().splitlines():
            self._lines.put_nowait(line)

    async def lines(self, count: int) -> list[str]:
        return [await asyncio.wait_for(self._lines.get(), 30) for _ in range(count)]

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._end)
        os.close(self._end)


@pytest.fixture
async def fifo(tmp_path):
    made = Fifo(tmp_path / "fifo")
    yield made
    made.close()


@pytest.fixture
async def start(fifo):
    """Run ``count`` of a shell script; ``say`` in it writes to the FIFO."""
    running: list[tuple[asyncio.Event, asyncio.Task[None]]] = []

    def run(script: str, count: int = 1, restarts: Restarts = AT_ONCE, **options):
        say = f'say() {{ echo "$@" > {fifo.path}; }}; '
        processes = WorkerProcesses(["sh", "-c", say + script], count, SystemClock(), restarts, **options)
        stop = asyncio.Event()
        task = asyncio.create_task(processes.run(stop))
        running.append((stop, task))
        return processes, stop, task

    yield run
    for stop, task in running:
        stop.set()
        await asyncio.wait([task])


async def test_each_has_its_number_and_all_end_when_told_to(start, fifo):
    processes, stop, task = start('say "$STREAMZ_WORKER"; exec sleep 1000', 3)
    assert sorted(await fifo.lines(3)) == ["1", "2", "3"]
    assert sorted(processes.pids) == [1, 2, 3]

    stop.set()
    await task
    assert processes.pids == {}


async def test_one_that_is_killed_is_started_again(start, fifo):
    processes, _, task = start("say $$; exec sleep 1000", 2)
    first, second = await fifo.lines(2)
    os.kill(int(first), signal.SIGKILL)

    (third,) = await fifo.lines(1)

    assert third not in (first, second)
    assert {str(pid) for pid in processes.pids.values()} == {second, third}
    assert not task.done()


async def test_one_that_dies_again_and_again_ends_all(start, fifo):
    _, _, task = start("say $STREAMZ_WORKER; [ $STREAMZ_WORKER = 1 ] && exit 3; exec sleep 1000", 2)
    with pytest.raises(WorkersFailed, match=r"worker 1 .*3 times.*exit code 3"):
        await task
    assert sorted(await fifo.lines(4)) == ["1", "1", "1", "2"]


async def test_one_that_was_started_wrongly_is_not_started_again(start, fifo):
    _, _, task = start("say there; exit 2")
    with pytest.raises(WorkersMisused, match="worker 1"):
        await task
    assert await fifo.lines(1) == ["there"]


async def test_who_waits_to_be_started_again_does_not_hold_up_the_end(start, fifo):
    _, stop, task = start("say there; exit 1", restarts=Restarts(first_ms=1_000_000, longest_ms=1_000_000))
    await fifo.lines(1)
    stop.set()
    await asyncio.wait_for(task, 30)


async def test_one_that_does_not_end_is_ended(start, fifo):
    processes, stop, task = start("trap '' TERM; say there; while :; do :; done", stop_ms=1)
    await fifo.lines(1)
    stop.set()
    await task
    assert processes.pids == {}


async def test_a_worker_learns_that_nobody_minds_it_any_more(fifo):
    worker = f"""
import asyncio
from streamz_core.app.worker_processes import minded
async def main():
    gone = asyncio.Event()
    with minded(gone.set):
        print("there", file=open({str(fifo.path)!r}, "w"))
        await gone.wait()
    print("gone", file=open({str(fifo.path)!r}, "w"))
asyncio.run(main())
"""
    minder = f"""
import asyncio, sys
from streamz_core.app.worker_processes import WorkerProcesses
from streamz_core.clock import SystemClock
processes = WorkerProcesses([sys.executable, "-c", {worker!r}], 1, SystemClock())
asyncio.run(processes.run(asyncio.Event()))
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", minder)
    assert await fifo.lines(1) == ["there"]
    process.kill()
    await process.wait()
    assert await fifo.lines(1) == ["gone"]


async def test_without_a_minder_nothing_is_watched(monkeypatch):
    from streamz_core.app.worker_processes import minded

    monkeypatch.delenv("STREAMZ_MINDED_BY", raising=False)
    with minded(lambda: pytest.fail("nobody is gone")):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("code", "said"),
    [(0, "with exit code 0"), (-15, "by signal 15 (SIGTERM)"), (-60, "by signal 60")],
)
def test_an_ending_is_told_in_words(code, said):
    assert ending(code) == said
