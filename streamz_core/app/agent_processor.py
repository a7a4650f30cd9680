"""``AgentProcessor``: runs the actors of one agent in one task.

Owns: the actors' lives, and what becomes of an exception in one.
Must not know: how slices are fetched or committed, what policies there are.

An actor is the agent's function over a stream, run as an asyncio task of its own in a context that
holds its cursor. Between slices it is parked: it runs only while the task waits in ``process``, so
whatever it sends or writes belongs to that task's transaction.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import copy_context
from inspect import isasyncgen
from typing import TYPE_CHECKING, Any, Final

from streamz_core.aio.deadline import wait_for
from streamz_core.app.current import CURRENT, Cursor
from streamz_core.app.errors import AgentFailed
from streamz_core.app.feed import ActorEnded, Failure, Feed
from streamz_core.app.stream import Stream
from streamz_core.streams.processor import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.app.activity import Activity, TaskActivity
    from streamz_core.app.agent import Agent
    from streamz_core.streams.batch import Batch
    from streamz_core.streams.processor import ProcessorContext

_log = logging.getLogger(__name__)

CLOSE_WAIT_MS: Final = 5_000
"""How long a cancelled actor may take to clean up."""


class AgentProcessor:
    """One agent in one task: ``agent.concurrency`` actors over one feed."""

    def __init__(self, agent: Agent, activity: Activity, tables: Iterable[str] = ()) -> None:
        """Nothing runs before ``open``. ``tables`` are those that the agent is known to use."""
        self._tables = tuple(tables)
        self._agent = agent
        self._activity = activity
        self._feed: Feed
        self._task: TaskActivity
        self._actors: dict[asyncio.Task[None], Cursor] = {}
        self._closing = False

    async def open(self, context: ProcessorContext) -> None:
        """Get ready; actors start with the first slice."""
        self._feed = Feed(context)
        self._task = self._activity.of(context)
        for table in self._tables:
            self._use_table(table)

    async def process(self, batch: Batch, start: int, stop: int, *, may_yield: bool) -> int:
        """Hand the slice to the actors and wait until all are back."""
        feed = self._feed
        feed.offer(batch, start, stop, may_yield=may_yield)
        self._start_missing()
        try:
            await feed.all_back()
        except asyncio.CancelledError:
            await self.close()
            raise
        if feed.failures:
            raise self._error(feed.first_failure())
        if feed.next > start:
            self._task.note_input(feed.context.clock.monotonic_ms())
            if self._task.is_timed:
                self._task.note_time(batch.source.topic, batch.stream_times[feed.next - 1])
        return feed.next

    async def flush(self) -> None:
        """Nothing is held back."""

    async def punctuate(self) -> None:
        """Agents do nothing on the passing of time."""

    async def close(self) -> None:
        """Cancel the actors and wait for them; what they raise while ending is not of interest.

        One that does not end is left behind: the partition must be worked on by someone else.
        """
        self._closing = True
        actors, self._actors = self._actors, {}
        if not actors:
            return
        self._feed.close()
        for actor in actors:
            actor.cancel()
        try:
            await wait_for(self._feed.context.clock, asyncio.wait(actors), CLOSE_WAIT_MS)
        except TimeoutError:
            for actor, cursor in actors.items():
                if not actor.done():
                    cursor.leave_behind()
                    _log.error(
                        "%s did not end within %d ms of its cancellation, and is left behind: let "
                        "asyncio.CancelledError pass",
                        actor.get_name(),
                        CLOSE_WAIT_MS,
                    )

    def _error(self, failure: Failure) -> Exception:
        if failure.index >= 0:
            return RecordError(failure.index, failure.cause, failure.end - failure.index)
        if isinstance(failure.cause, AgentFailed):
            return failure.cause
        error = AgentFailed(
            f"agent {self._agent.name!r} failed before it took a record, so that no record can be retried or "
            f"skipped: {failure.cause!r}. What it needs must be there when it starts"
        )
        error.__cause__ = failure.cause
        return error

    def _use_table(self, table: str) -> None:
        self._task.uses(table, self._agent.channel.topics)

    def _start_missing(self) -> None:
        while len(self._actors) < self._agent.concurrency:
            cursor = Cursor(self._agent.name, self._feed.context, self._use_table)
            assert self._feed.batch is not None
            cursor.take_up(self._feed.batch)
            context = copy_context()
            context.run(CURRENT.set, cursor)
            self._feed.active += 1
            name = f"agent {self._agent.name} of {self._feed.context.task_id}"
            actor = asyncio.get_running_loop().create_task(self._act(cursor), name=name, context=context)
            self._actors[actor] = cursor

    async def _act(self, cursor: Cursor) -> None:
        """One actor's life, to its end by an exception or by cancellation."""
        agent = self._agent
        stream: Stream[Any] = Stream(self._feed, cursor)
        try:
            await self._run(agent, stream)
            cause: Exception = AgentFailed(
                f"agent {agent.name!r} returned, and nobody works on its records any more; keep iterating: "
                f"`async for value in stream: ...`, and `continue` instead of `break` or `return`"
            )
            self._feed.fail(Failure(-1, 0, cause))
        except asyncio.CancelledError as error:
            if self._closing:
                raise
            # Something the agent awaited was cancelled, not the agent: its record is not handled.
            reason = RuntimeError("something the agent awaited was cancelled")
            reason.__cause__ = error
            self._feed.fail(Failure(cursor.index, cursor.end, reason))
        except (KeyboardInterrupt, SystemExit) as error:
            # The process ends: the record is not handled, and no policy may say that it were.
            self._feed.fail(Failure(-1, 0, error))
            raise
        except ActorEnded:
            pass
        except BaseException as error:  # noqa: BLE001 - user code: the record's error policy decides
            self._feed.fail(Failure(cursor.index, cursor.end, error))
            await agent.report(error)
        finally:
            if (actor := asyncio.current_task()) is not None:
                self._actors.pop(actor, None)
            self._feed.leave()
            cursor.index = -1
            await stream.aclose()

    async def _run(self, agent: Agent, stream: Stream[Any]) -> None:
        running = agent.fun(stream)
        if not isasyncgen(running):
            await running
            return
        try:
            async for value in running:
                for deliver in agent.deliveries:
                    await deliver(value)
        finally:
            await running.aclose()
