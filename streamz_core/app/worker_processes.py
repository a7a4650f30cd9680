"""Several processes of one command, kept alive.

Owns: starting them, starting again those that die, ending them; how they learn that nobody minds them any more.
Must not know: apps, brokers, what the command does.

A process is told over a pipe that it is minded: the pipe's end tells it that whoever started it is gone,
however that ended, and that it has to stop as well (``minded_until``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamz_core.aio.deadline import wait_for
from streamz_core.errors import Fatal, Misuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streamz_core.clock import Clock

logger: Final = logging.getLogger(__name__)

NUMBER_VARIABLE: Final = "STREAMZ_WORKER"
_PIPE_VARIABLE: Final = "STREAMZ_MINDED_BY"
MISUSED: Final = 2
"""The exit code of a command that is wrong: started again it would be no better."""


class WorkersFailed(Fatal):
    """A worker died again and again."""


class WorkersMisused(Misuse):
    """A worker said that its command or configuration is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """How a process that died is started again.

    One that lived for ``healthy_ms`` is started at once. One that did not waits: ``first_ms``, and twice as long
    each time. After ``attempts`` short lives in a row all is given up.
    """

    healthy_ms: int = 10_000
    first_ms: int = 500
    longest_ms: int = 30_000
    attempts: int = 6

    def delay_ms(self, short_lives: int) -> int:
        """How long to wait after so many short lives.

        >>> [Restarts().delay_ms(lives) for lives in range(5)]
        [0, 500, 1000, 2000, 4000]
        """
        return min(self.first_ms * 2 ** (short_lives - 1), self.longest_ms) if short_lives else 0


class WorkerProcesses:
    """``count`` processes of ``command``, numbered from 1 on.

    Each finds its number in the environment, as ``STREAMZ_WORKER``.
    """

    def __init__(
        self,
        command: Sequence[str],
        count: int,
        clock: Clock,
        restarts: Restarts = Restarts(),
        *,
        stop_ms: int = 15_000,
    ) -> None:
        self._command = list(command)
        self._count = count
        self._clock = clock
        self._restarts = restarts
        self._stop_ms = stop_ms
        self._running: dict[int, Process] = {}
        self._stopping = asyncio.Event()
        self._reading, self._writing = os.pipe()

    @property
    def pids(self) -> dict[int, int]:
        """The processes that run, by number."""
        return {number: process.pid for number, process in self._running.items()}

    async def run(self, stop_wanted: asyncio.Event) -> None:
        """Keep all alive until ``stop_wanted``, then end them; ``WorkersFailed`` where one cannot be."""
        keepers = [asyncio.ensure_future(self._keep(number)) for number in range(1, self._count + 1)]
        stopped = asyncio.ensure_future(stop_wanted.wait())
        try:
            done, _ = await asyncio.wait([stopped, *keepers], return_when=asyncio.FIRST_COMPLETED)
            for one in done - {stopped}:
                one.result()
        finally:
            stopped.cancel()
            self._stopping.set()
            await self._end(keepers)
            for end in (self._reading, self._writing):
                os.close(end)

    async def _keep(self, number: int) -> None:
        """Start process ``number``, again and again."""
        short_lives = 0
        while not self._stopping.is_set():
            began_ms = self._clock.monotonic_ms()
            code = await self._live(number)
            if self._stopping.is_set():
                return
            if code == MISUSED:
                raise WorkersMisused(f"worker {number} was started wrongly: it says why above")
            is_short = self._clock.monotonic_ms() - began_ms < self._restarts.healthy_ms
            short_lives = short_lives + 1 if is_short else 0
            if short_lives >= self._restarts.attempts:
                raise WorkersFailed(
                    f"worker {number} ended {short_lives} times in a row soon after its start, the last time "
                    f"{ending(code)}: mend what it says above and start again"
                )
            delay_ms = self._restarts.delay_ms(short_lives)
            logger.warning("worker %d ended %s; starting it again in %d ms", number, ending(code), delay_ms)
            await self._rest(delay_ms)

    async def _rest(self, delay_ms: int) -> None:
        with contextlib.suppress(TimeoutError):
            await wait_for(self._clock, self._stopping.wait(), delay_ms, what="a rest")

    async def _live(self, number: int) -> int:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=DEVNULL,
            env={**os.environ, NUMBER_VARIABLE: str(number), _PIPE_VARIABLE: str(self._reading)},
            pass_fds=(self._reading,),
        )
        self._running[number] = process
        logger.info("worker %d is process %d", number, process.pid)
        if self._stopping.is_set():  # it was being started while the others were told to stop
            process.terminate()
        code = await process.wait()
        del self._running[number]
        return code

    async def _end(self, keepers: Sequence[asyncio.Future[None]]) -> None:
        """Ask all to stop, and end those that do not."""
        self._signal(signal.SIGTERM)
        late = self._clock.call_later(self._stop_ms, lambda: self._signal(signal.SIGKILL))
        await asyncio.gather(
            *keepers, return_exceptions=True
        )  # the first one's failure is on its way already
        late.cancel()

    def _signal(self, number: signal.Signals) -> None:
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)


def ending(code: int) -> str:
    """An exit code in words.

    >>> ending(-9), ending(1)
    ('by signal 9 (SIGKILL)', 'with exit code 1')
    """
    if code >= 0:
        return f"with exit code {code}"
    try:
        return f"by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"by signal {-code}"


def is_minded() -> bool:
    """Whether this is a worker process that is started again when it dies."""
    return _PIPE_VARIABLE in os.environ


@contextlib.contextmanager
def minded(stop: Callable[[], object]) -> Iterator[None]:
    """In a worker process: ``stop()`` is called once whoever minds it is gone. Elsewhere: nothing."""
    text = os.environ.get(_PIPE_VARIABLE)
    if text is None:
        yield
        return
    loop, pipe = asyncio.get_running_loop(), int(text)

    def gone() -> None:
        loop.remove_reader(pipe)
        logger.warning("the process that started this worker is gone: stopping")
        stop()

    loop.add_reader(pipe, gone)
    try:
        yield
    finally:
        loop.remove_reader(pipe)
