"""``Stream``: what an agent iterates over.

Owns: the ways to take records from a feed: one by one, as pairs, as events, in lists, filtered.
Must not know: tasks, transactions, how actors are run.

A record is done when the next one is asked for.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar

from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.event import Event
from streamz_core.app.feed import Values

if TYPE_CHECKING:
    from streamz_core.app.current import Cursor
    from streamz_core.app.durations import Seconds
    from streamz_core.app.event import Channel
    from streamz_core.app.feed import Feed

T = TypeVar("T")


class Stream(Generic[T]):
    """The records of an agent's topics, this task's partition of them, as one actor sees them."""

    __slots__ = ("_cursor", "_default", "_echoes", "_feed", "_filters", "_generators")

    def __init__(self, feed: Feed, cursor: Cursor) -> None:
        """Other actors may take from the same ``feed``."""
        self._feed: Final = feed
        self._cursor: Final = cursor
        self._filters: list[Callable[[Any], Any]] = []
        self._echoes: tuple[Channel, ...] = ()
        self._generators: list[AsyncGenerator[Any, None]] = []
        self._default: Any = None

    def __aiter__(self) -> AsyncIterator[T]:
        """The values."""
        if self._filters or self._echoes:
            return self._opened(self._chosen_values())
        return Values(self._feed, self._cursor)

    def __anext__(self) -> Any:
        """One value: ``await anext(stream)``."""
        if self._default is None or _is_finished(self._default):
            self._default = aiter(self)
        return anext(self._default)

    def items(self) -> AsyncIterator[tuple[Any, T]]:
        """Pairs of key and value."""
        return self._opened(self._pairs())

    def events(self) -> AsyncIterator[Event]:
        """``Event`` objects: key, value, headers and the record's origin."""
        return self._opened(self._events())

    def take(self, max_: int, within: Seconds) -> AsyncIterator[list[T]]:
        """Lists of up to ``max_`` values that are at hand together.

        A list never waits for more records: what has arrived is handed on at once, so that no
        record is held back by a commit, nor a commit by a record. ``within`` is therefore always
        kept. Under load, lists are full. A list that fails is retried, skipped or dead-lettered whole.
        """
        if max_ < 1:
            raise ImproperlyConfigured(f"stream.take: max_ must be at least 1, got {max_}")
        del within
        return self._opened(self._lists(max_, events=False))

    def take_events(self, max_: int, within: Seconds) -> AsyncIterator[list[Event]]:
        """Like ``take``, with events in the lists."""
        if max_ < 1:
            raise ImproperlyConfigured(f"stream.take_events: max_ must be at least 1, got {max_}")
        del within
        return self._opened(self._lists(max_, events=True))

    def enumerate(self, start: int = 0) -> AsyncIterator[tuple[int, T]]:
        """Pairs of a running number, counted afresh by each actor, and a value."""
        return self._opened(self._numbered(start))

    def filter(self, fun: Callable[[T], Any]) -> Stream[T]:
        """Only values for which ``fun`` (a function or coroutine function) is true."""
        self._filters.append(fun)
        return self

    def echo(self, *channels: Channel) -> Stream[T]:
        """Also send every event on to ``channels``, as it is, before it is handed out."""
        self._echoes += channels
        return self

    def group_by(self, key: Any, *, name: str | None = None, **_: Any) -> NoReturn:
        """Not possible here: a topology is known before it runs."""
        raise ImproperlyConfigured(
            f"agent {self._cursor.agent!r}: repartition outside the agent, where the app can plan for it: "
            f"@app.agent(topic.group_by({getattr(key, '__name__', key)!s}, name={name or 'by_key'!r}))"
        )

    @property
    def current_event(self) -> Event | None:
        """The event of the value in hand."""
        cursor = self._cursor
        return Event(cursor.batch, cursor.index) if cursor.index >= 0 else None

    async def aclose(self) -> None:
        """Let go of the generators handed out; called when the actor ends."""
        generators, self._generators = self._generators, []
        for generator in reversed(generators):
            await generator.aclose()

    def _opened(self, generator: AsyncGenerator[Any, None]) -> AsyncIterator[Any]:
        # Kept, and closed with the actor: a forgotten generator would be finalised by the event loop.
        self._generators = [*(one for one in self._generators if not _is_finished(one)), generator]
        return generator

    async def _next_chosen(self) -> int:
        """Take the next record that passes the filters, and echo it."""
        while True:
            index = await self._feed.take(self._cursor, 1)
            if self._filters and not await self._passes(self._feed.values[index]):
                continue
            for channel in self._echoes:
                await Event(self._cursor.batch, index).forward(channel)
            return index

    async def _passes(self, value: Any) -> bool:
        for fun in self._filters:
            verdict = fun(value)
            if isawaitable(verdict):
                verdict = await verdict
            if not verdict:
                return False
        return True

    async def _chosen_values(self) -> AsyncGenerator[Any, None]:
        while True:
            index = await self._next_chosen()
            yield self._feed.values[index]

    async def _pairs(self) -> AsyncGenerator[Any, None]:
        while True:
            index = await self._next_chosen()
            yield self._cursor.batch.keys[index], self._feed.values[index]

    async def _events(self) -> AsyncGenerator[Any, None]:
        while True:
            index = await self._next_chosen()
            yield Event(self._cursor.batch, index)

    async def _numbered(self, start: int) -> AsyncGenerator[Any, None]:
        number = start
        while True:
            index = await self._next_chosen()
            yield number, self._feed.values[index]
            number += 1

    async def _lists(self, limit: int, *, events: bool) -> AsyncGenerator[Any, None]:
        cursor = self._cursor
        while True:
            first = await self._feed.take(cursor, limit)
            taken = []
            for index in range(first, cursor.end):
                value = cursor.batch.values[index]
                if not self._filters or await self._passes(value):
                    taken.append(Event(cursor.batch, index) if events else value)
            if taken:
                yield taken


def _is_finished(generator: Any) -> bool:
    # One that was cancelled while it waited (`asyncio.wait_for(anext(stream), 1)`) is; `Values` never are.
    return getattr(generator, "ag_frame", generator) is None
