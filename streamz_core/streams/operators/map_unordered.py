"""``MapUnordered``: each value replaced by what an awaitable function makes of it, as the calls come to an end.

Owns: which calls are under way, and when their results go on.
Must not know: who runs it, how rows are kept.

A row waits in a store until its call has ended, so that a commit need not wait for it: a slow call holds up nobody.
After a restart the calls of the rows that waited are made again. Results go on when time has its turn, and with
commits.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from streamz_core.aio.deadline import wait_for
from streamz_core.errors import Fatal
from streamz_core.streams.operators.answer_cache import AnswerCache
from streamz_core.streams.operators.numbered_rows import NumberedRows
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.operators.waiting import WaitingOperator, awaitable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streamz_core.streams.operator import OperatorContext
    from streamz_core.streams.rows import Rows


class CallFailed(Fatal):
    """A call of ``map_async(ordered=False)`` failed, and nothing was said of what stands in for its result."""


class MapUnordered(WaitingOperator):
    """Up to ``concurrency`` calls at once; a further row waits for one of them to end."""

    def __init__(
        self,
        name: str,
        store: str,
        function: Callable[..., Awaitable[Any]],
        *,
        with_key: bool,
        concurrency: int,
        timeout_ms: int | None,
        cache_ttl_ms: int | None,
        cache_key: Callable[[Any, Any], Any] | None,
        on_error: Callable[[Any, Any, Exception], Any] | None,
    ) -> None:
        """``store`` is that of ``NumberedRows``. ``on_error(key, value, error)`` is the result of a failed call."""
        super().__init__(name)
        self._store_name = store
        self._function = function
        self._with_key = with_key
        self._concurrency = concurrency
        self._timeout_ms = timeout_ms
        self._cache_ttl_ms = cache_ttl_ms
        self._cache_key = cache_key
        self._on_error = on_error
        self._calls: set[asyncio.Task[None]] = set()
        self._ended: list[tuple[int, Any]] = []
        self._failure: Exception | None = None
        self._cache: AnswerCache | None = None

    def open(self, context: OperatorContext) -> None:
        """Call again for the rows that waited."""
        self._clock = context.clock
        if self._cache_ttl_ms is not None:
            self._cache = AnswerCache(context.clock, self._cache_ttl_ms)
        self._rows = NumberedRows(context.store(self._store_name))
        for number in self._rows.numbers:
            self._begin(number, *self._rows.key_and_value(number))

    async def process_waiting(self, rows: Rows) -> Rows | None:
        """Nothing goes on yet; every row's call is begun."""
        index = 0
        try:
            for index in range(len(rows)):
                while len(self._calls) >= self._concurrency:
                    await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
                    # Its callback, which takes it out of the calls, has its turn now.
                    await asyncio.sleep(0)
                self._begin(self._rows.put(rows, index), rows.keys[index], rows.values[index])
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return None

    def flush(self) -> Rows | None:
        """The results of the calls that have ended, in the order in which they ended."""
        if self._failure is not None:
            raise self._failure
        ended, self._ended = self._ended, []
        if not ended:
            return None
        return self._rows.take([number for number, _ in ended]).with_values([result for _, result in ended])

    def punctuate(self, now_ms: int) -> Rows | None:
        """The same."""
        return self.flush()

    def close(self) -> None:
        """Give the calls up: they are made again by whoever goes on."""
        for call in self._calls:
            call.cancel()
        self._calls.clear()

    def _begin(self, number: int, key: Any, value: Any) -> None:
        question = None if self._cache_key is None else self._cache_key(key, value)
        if self._cache is not None and (known := self._cache.get(question)) is not None:
            self._ended.append((number, known[0]))
            return
        call = asyncio.get_running_loop().create_task(self._call(number, key, value, question))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _call(self, number: int, key: Any, value: Any, question: Any) -> None:
        try:
            asked = self._function(key, value) if self._with_key else self._function(value)
            awaitable(asked)
            result = await wait_for(
                self._clock, asked, self._timeout_ms, what=f"a call of step {self.name!r}"
            )
            if self._cache is not None:
                self._cache.put(question, result)
        except Exception as error:  # noqa: BLE001 - the function is the user's
            result = self._in_place(key, value, error)
        self._ended.append((number, result))

    def _in_place(self, key: Any, value: Any, error: Exception) -> Any:
        """What stands in for the result of a call that failed with ``error``."""
        failure = error
        if self._on_error is not None:
            try:
                return self._on_error(key, value, error)
            except Exception as other:  # noqa: BLE001 - it is the user's too
                failure = other
        self._failure = CallFailed(
            f"step {self.name!r} failed for key {key!r}: {failure!r}. Its record may be committed by now, so that no "
            "error policy can pass it over: say what stands in for the result of a failed call, on_error=function"
        )
        self._failure.__cause__ = failure
        return None
