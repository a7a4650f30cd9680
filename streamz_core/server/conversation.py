"""Requests of one connection, answered in their order.

Owns: which request is answered when, and what becomes of those in hand when the connection ends.
Must not know: how frames come and go, what requests mean.

As Kafka does, it carries out one request of a connection after the other: a fetch that waits for records holds up
what comes behind it, so clients wait on connections of their own. The exception is a call that ``may_overlap``, a
produce whose records are written and only wait for the disk: the next such call is carried out meanwhile, so that
what a client has in flight shares a sync. Answers go out in the order of the requests all the same.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.server.call import Answering, Call
    from streamz_core.server.outlet import Buffer, Outlet
    from streamz_core.server.session import Session


class Conversation:
    """What one peer asks and is answered. ``run`` it in a task of its own."""

    def __init__(
        self,
        session: Session,
        answering: Answering,
        outlet: Outlet,
        *,
        overlap_max: int,
        on_none_waiting: Callable[[], None],
        on_muted: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """``on_muted`` is told when its peer is not to be listened to, and when it is again."""
        self.session = session
        self.answered = 0
        """Requests that need no more answer."""
        self.waiting_bytes = 0
        """Of requests that have come and not begun."""
        self._answering = answering
        self._outlet = outlet
        self._overlap_max = overlap_max
        self._on_none_waiting = on_none_waiting
        self._on_muted = on_muted
        self._frames: deque[bytearray] = deque()
        self._overlapping: deque[asyncio.Task[list[Buffer] | None]] = deque()
        self._arrival: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_waiting = False
        """Whether all that ``run`` does can be given up."""
        self._is_ending = False
        self._is_broken_off = False

    @property
    def waiting(self) -> int:
        """Requests that have come and not begun."""
        return len(self._frames)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to answer."""
        return not self._frames and not self._overlapping and self._arrival is not None

    def feed(self, frames: list[bytearray]) -> None:
        """These have come."""
        if self._is_ending:
            return
        self._frames.extend(frames)
        self.waiting_bytes += sum(map(len, frames))
        self._wake()

    def end(self) -> None:
        """Nothing more comes; what has come is answered. A wait for records that has begun is given up, and so
        is what comes behind it: most who send no more do not read any more either.
        """
        self._is_ending = True
        self._wake()
        if self._task is not None and self._is_waiting:
            self._task.cancel()

    def break_off(self) -> None:
        """Finish what has begun, but no waits; what has not begun never does."""
        self._frames.clear()
        self.waiting_bytes = 0
        self._is_broken_off = True
        self.end()

    async def run(self) -> None:
        """Answer until the end; raises ``ConnectionEnded`` where that is the answer."""
        self._task = asyncio.current_task()
        try:
            while await self._arrived():
                await self._converse()
                if self.session.muted_until_ms:
                    await self._be_muted()
            await self._until_overlapping(0)
        finally:
            for task in self._overlapping:
                task.cancel()

    async def _arrived(self) -> bool:
        """Wait for a frame; False where none comes any more."""
        if not self._frames and not self._is_ending:
            self._on_none_waiting()
            self._arrival = asyncio.get_running_loop().create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None
        return bool(self._frames)

    async def _converse(self) -> None:
        frame = self._frames.popleft()
        self.waiting_bytes -= len(frame)
        call = self._answering.read(self.session, frame)
        del frame  # what of it is needed still, the call holds
        await self._until_overlapping(self._overlap_max - 1 if call.may_overlap else 0)
        if self._is_broken_off:
            return
        if call.may_overlap:
            self._begin(call)
        else:
            self._send(await self._answer(call))
            if self.session.is_over:
                self.break_off()
        await self._outlet.writable()
        if self._frames:
            await asyncio.sleep(0)  # whoever pipelines must not hold up those who ask one thing at a time

    async def _be_muted(self) -> None:
        """Let the peer's time pass in which nothing is taken of it; it is given up as a wait for records is."""
        self._on_muted(True)
        self._is_waiting = True
        try:
            await self._answering.unmuted(self.session)
        finally:
            self._is_waiting = False
            self._on_muted(False)

    async def _answer(self, call: Call) -> list[Buffer] | None:
        if not call.is_wait:
            return await self._answering.answer(call)
        self._is_waiting = True
        try:
            return await self._answering.answer(call)
        finally:
            self._is_waiting = False

    def _begin(self, call: Call) -> None:
        """Carry out ``call`` up to where it waits; it is answered when its turn has come."""
        task = asyncio.get_running_loop().create_task(self._answering.answer(call))
        self._overlapping.append(task)
        task.add_done_callback(self._send_in_order)

    async def _until_overlapping(self, count: int) -> None:
        """Wait until no more than ``count`` that were begun are not answered; raises what went wrong with one."""
        while len(self._overlapping) > count:
            first = self._overlapping[0]
            await asyncio.wait([first])
            first.result()

    def _send_in_order(self, _: asyncio.Task[list[Buffer] | None]) -> None:
        # One that failed stays, and holds up the answers behind it: the connection ends with it.
        while self._overlapping and self._overlapping[0].done():
            first = self._overlapping[0]
            if first.cancelled() or first.exception() is not None:
                self._wake()
                return
            self._overlapping.popleft()
            self._send(first.result())

    def _send(self, answer: list[Buffer] | None) -> None:
        self.answered += 1
        if answer is not None:
            self._outlet.send(answer)

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
