"""``Feed``: the hand-over between a task, which offers slices, and the actors of one agent.

Owns: which record is next, how many actors are at work, and the moment when all are back.
Must not know: what actors do with records, topics, tables.

A slice is handed out record by record, with nothing awaited in between; an actor that finds none
left parks. When the last one has parked, every record below ``next`` is handled and none above it is
begun: that is the cut at which the task may commit, however many actors there are.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from mypy_extensions import i64

from streamz_core.app.current import Cursor
from streamz_core.streams.batch import Batch
from streamz_core.streams.commit_request import CommitRequest

if TYPE_CHECKING:
    from streamz_core.streams.processor import ProcessorContext


class ActorEnded(BaseException):
    """Raised to an actor that goes on asking for records after its task has ended it.

    Not an ``Exception``, nor a cancellation: such an actor has caught its cancellation already.
    """


class Failure:
    """An actor that raised: the records it had in hand, and why. ``index`` is -1 where it had none."""

    __slots__ = ("cause", "end", "index")

    def __init__(self, index: int, end: int, cause: BaseException) -> None:
        """Records ``index`` up to ``end``."""
        self.index = index
        self.end = end
        self.cause = cause


class Feed:
    """One slice at a time, to one or more actors."""

    __slots__ = (
        "_idle",
        "_is_left",
        "_waiters",
        "active",
        "batch",
        "closed",
        "commit_request",
        "context",
        "failures",
        "may_yield",
        "next",
        "stop",
        "values",
    )

    def __init__(self, context: ProcessorContext) -> None:
        """Nothing to hand out yet."""
        self.context: Final = context
        self.commit_request: Final[CommitRequest] = context.commit_request
        self.batch: Batch | None = None
        self.values: list[Any] = []
        self.next: i64 = 0
        self.stop: i64 = 0
        self.may_yield = False
        self.active = 0
        self.closed = False
        self.failures: list[Failure] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._idle: asyncio.Future[None] | None = None
        self._is_left = False

    def offer(self, batch: Batch, start: int, stop: int, *, may_yield: bool) -> None:
        """Put up records ``start`` to ``stop`` and wake the parked actors."""
        self.batch, self.values = batch, batch.values
        self.next, self.stop, self.may_yield = start, stop, may_yield
        self.failures = []
        self._idle = None
        self._is_left = False
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if waiter.done():
                self._is_left = True
            else:
                self.active += 1
                waiter.set_result(None)

    async def take(self, cursor: Cursor, limit: int) -> int:
        """Hand out up to ``limit`` records in a row: the first one's index; the cursor's ``end`` follows the last."""
        while self.next >= self.stop or (self.may_yield and self.commit_request.is_pending):
            await self.park(cursor)
        index = self.next
        end = index + limit
        if end > self.stop:  # noqa: PLR1730 - min() is a call
            end = self.stop
        self.next = cursor.end = end
        cursor.index = index
        return index

    async def park(self, cursor: Cursor) -> None:
        """An actor has nothing in hand and nothing to take: wait for the next slice."""
        if cursor.is_parked:
            raise RuntimeError(f"agent {cursor.agent!r} asks for its next record twice at the same time")
        cursor.index = -1
        if self.closed:
            await asyncio.sleep(0)  # whoever asks in a loop must not hold up the others
            raise ActorEnded
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        cursor.is_parked = True
        self.leave()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                # The agent waits no longer, `asyncio.timeout` for one: it is at work, with nothing in hand.
                self._waiters = [other for other in self._waiters if other is not waiter]
                self.active += 1
            raise
        finally:
            cursor.is_parked = False
        assert self.batch is not None
        cursor.take_up(self.batch)

    def leave(self) -> None:
        """An actor parked or ended; the last one makes the cut."""
        self.active -= 1
        if self.active == 0 and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def fail(self, failure: Failure) -> None:
        """An actor raised: hand out no more, so that the others come back."""
        self.failures.append(failure)
        self.stop = self.next

    async def all_back(self) -> None:
        """Wait until no actor is at work; from then on there is nothing to take before the next offer."""
        if self._is_left and not self.active:
            # Whose waiting was cut short, by a timeout for one, does not know yet: it comes back now.
            await asyncio.sleep(0)
        if self.active:
            self._idle = asyncio.get_running_loop().create_future()
            await self._idle
        self.stop = self.next

    def close(self) -> None:
        """Nothing will be offered any more: whoever asks is sent home."""
        self.closed = True
        self.stop = self.next

    def first_failure(self) -> Failure:
        """The failure of the lowest record. What others handled beyond it, the task takes back."""
        return min(self.failures, key=lambda failure: failure.index)


class Values:
    """The values of a feed, one by one: what ``async for value in stream`` runs on.

    Every record comes this way, hence a class of its own: compiled, it takes a third of an async generator's time.
    """

    __slots__ = ("_cursor", "_feed")

    def __init__(self, feed: Feed, cursor: Cursor) -> None:
        """``cursor`` follows what is handed out."""
        self._feed: Final = feed
        self._cursor: Final = cursor

    def __aiter__(self) -> Values:
        return self

    async def __anext__(self) -> Any:
        """The next value; the record before it is done."""
        feed, cursor = self._feed, self._cursor
        while True:
            index = feed.next
            if index < feed.stop and not (feed.may_yield and feed.commit_request.is_pending):
                feed.next = cursor.end = index + 1
                cursor.index = index
                return feed.values[index]
            await feed.park(cursor)
