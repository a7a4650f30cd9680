"""Operators that wait: for calls that the user's functions make elsewhere, or for time to pass.

Owns: the base class, calls that run side by side with their results in order, and the pace of rows.
Must not know: who runs them, stores.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from streamz_core.aio.deadline import sleep, wait_for
from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.answer_cache import AnswerCache
from streamz_core.streams.operators.pace import Pace
from streamz_core.streams.operators.stateless import row_failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.streams.rows import Rows


class WaitingOperator(Operator):
    """A step that may wait; nothing else of its task happens meanwhile."""

    async def process_waiting(self, rows: Rows) -> Rows | None:
        """As ``Operator.process``."""
        return self.process(rows)


class MapAsync(WaitingOperator):
    """Each value replaced by what an awaitable function makes of it, many at a time, in order."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Awaitable[Any]],
        *,
        with_key: bool,
        concurrency: int,
        timeout_ms: int | None,
        cache_ttl_ms: int | None,
        cache_key: Callable[[Any, Any], Any] | None,
    ) -> None:
        """``cache_key(key, value)`` says which rows have the same result; without it, each is asked for."""
        super().__init__(name)
        self._function = function
        self._with_key = with_key
        self._concurrency = concurrency
        self._timeout_ms = timeout_ms
        self._cache_ttl_ms = cache_ttl_ms
        self._cache_key = cache_key
        self._cache: AnswerCache | None = None

    def open(self, context: OperatorContext) -> None:
        """Begin with nothing known."""
        self._clock = context.clock
        if self._cache_ttl_ms is not None:
            self._cache = AnswerCache(context.clock, self._cache_ttl_ms)

    async def process_waiting(self, rows: Rows) -> Rows | None:
        """As many rows as came; the first one that fails is named, and the other calls are cancelled."""
        found: dict[Any, Any] = {}
        wanted: dict[Any, int] = {}
        questions = [self._question(rows, index) for index in range(len(rows))]
        for index, question in enumerate(questions):
            if question not in wanted and not self._recall(question, found):
                wanted[question] = index
        await self._ask(rows, wanted, found)
        return rows.with_values([found[question] for question in questions])

    def _question(self, rows: Rows, index: int) -> Any:
        if self._cache_key is None:
            return index
        try:
            question = self._cache_key(rows.keys[index], rows.values[index])
            hash(question)
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return question

    def _recall(self, question: Any, found: dict[Any, Any]) -> bool:
        known = None if self._cache is None else self._cache.get(question)
        if known is not None:
            found[question] = known[0]
        return question in found

    async def _ask(self, rows: Rows, wanted: dict[Any, int], found: dict[Any, Any]) -> None:
        waiting = deque(wanted.items())
        failures: list[tuple[int, Exception]] = []

        async def work() -> None:
            while waiting and not failures:
                question, index = waiting.popleft()
                try:
                    found[question] = await self._call(rows.keys[index], rows.values[index])
                except Exception as error:
                    failures.append((index, error))
                    raise

        # The failures are noted, and raised for their row.
        with suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._concurrency, len(waiting))):
                    group.create_task(work())
        if failures:
            index, error = min(failures, key=lambda failure: failure[0])
            raise row_failed(self.name, rows, index, error) from error
        if self._cache is not None:
            for question in wanted:
                self._cache.put(question, found[question])

    async def _call(self, key: Any, value: Any) -> Any:
        asked = self._function(key, value) if self._with_key else self._function(value)
        awaitable(asked)
        return await wait_for(self._clock, asked, self._timeout_ms, what=f"a call of step {self.name!r}")


def awaitable(asked: Any) -> None:
    """Refuse what a function returned that was to be awaited, and cannot be."""
    if not isinstance(asked, Awaitable):
        raise TypeError(f"map_async() awaits what its function returns, and {asked!r} cannot be awaited")


class Throttle(WaitingOperator):
    """At most so many rows in any span of time: further ones wait, and with them the task."""

    def __init__(self, name: str, records: int, per_ms: int) -> None:
        """``records`` in any ``per_ms`` milliseconds."""
        super().__init__(name)
        self._records = records
        self._per_ms = per_ms

    def open(self, context: OperatorContext) -> None:
        """Begin with nothing passed."""
        self._clock = context.clock
        self._pace = Pace(context.clock, self._records, self._per_ms)

    async def process_waiting(self, rows: Rows) -> Rows | None:
        """The same rows, once it is their time."""
        while (wait_ms := self._pace.wait_ms(min(len(rows), self._records))) > 0:
            await sleep(self._clock, wait_ms)
        self._pace.passed(len(rows))
        return rows
