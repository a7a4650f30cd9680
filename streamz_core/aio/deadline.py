"""Waiting, and giving up waiting, by the injected clock.

Owns: ``sleep``, ``deadline`` and ``wait_for``; the asyncio functions of like names read the event
loop's own time, which a test cannot move by hand.
Must not know: who waits for what.
"""

from __future__ import annotations

import asyncio
from types import coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator
    from types import TracebackType

    from streamz_core.clock import Cancellable, Clock

T = TypeVar("T")


async def sleep(clock: Clock, delay_ms: float) -> None:
    """Return once ``delay_ms`` have passed on ``clock``; zero or less only lets others run."""
    if delay_ms <= 0:
        await asyncio.sleep(0)
        return
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    timer = clock.call_later(delay_ms, lambda: None if done.done() else done.set_result(None))
    try:
        await done
    finally:
        timer.cancel()


class Deadline:
    """The scope ``deadline`` opens; enter it once."""

    __slots__ = ("_clock", "_ends_at_ms", "_scope", "_timeout_ms", "_timer", "_what")

    def __init__(self, clock: Clock, timeout_ms: float | None, what: object) -> None:
        self._clock = clock
        self._timeout_ms = timeout_ms
        self._what = what
        # asyncio's own scope decides whether a cancellation is ours or the caller's; it is only
        # kept from looking at the loop's time: our clock tells it when.
        self._scope = asyncio.timeout(None)
        self._timer: Cancellable | None = None
        self._ends_at_ms = 0.0

    @property
    def remaining_ms(self) -> float | None:
        """Milliseconds left (never below zero) after entering; None where there is no limit."""
        if self._timeout_ms is None:
            return None
        return max(0.0, self._ends_at_ms - self._clock.monotonic_ms())

    async def __aenter__(self) -> Deadline:
        await self._scope.__aenter__()
        if self._timeout_ms is not None:
            self._ends_at_ms = self._clock.monotonic_ms() + self._timeout_ms
            self._timer = self._clock.call_later(max(0.0, self._timeout_ms), self._expire)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self._scope.__aexit__(kind, error, trace)
        except TimeoutError as expired:
            late = f"{self._what} took longer than {self._timeout_ms:g} ms"
            raise TimeoutError(late) from expired.__cause__

    def _expire(self) -> None:
        self._scope.reschedule(asyncio.get_running_loop().time())


def deadline(clock: Clock, timeout_ms: float | None, *, what: object = "the operation") -> Deadline:
    """Limit the body of an ``async with`` to ``timeout_ms``; None sets no limit.

    Raises ``TimeoutError`` naming ``str(what)`` when time is up, after the body has been cancelled and has
    cleaned up. A cancellation from outside passes through as it is.

        async with deadline(clock, 500, what="the first fetch of topic 'views'"):
            await link.send(request)
    """
    return Deadline(clock, timeout_ms, what)


async def wait_for(
    clock: Clock, awaitable: Awaitable[T], timeout_ms: float | None, *, what: object = "the operation"
) -> T:
    """Return the result of ``awaitable``, or raise ``TimeoutError`` after ``timeout_ms`` and cancel it.

    The time counts from its first wait: what answers at once, as a broker of this process mostly does, is done
    without a timer. Wrap the awaitable in ``asyncio.shield`` to give up waiting without cancelling it.
    """
    steps = awaitable.__await__()
    try:
        waits_for = next(steps)
    except StopIteration as answered:
        result: T = answered.value
        return result
    async with Deadline(clock, timeout_ms, what):
        return await _rest(steps, waits_for)


@coroutine
def _rest(steps: Generator[Any, None, T], waits_for: Any) -> Generator[Any, None, T]:
    """Await what was begun and has come to its first wait."""
    while True:
        try:
            yield waits_for
        except BaseException as error:  # noqa: BLE001 - a cancellation, mostly: what was begun decides about it
            try:
                waits_for = steps.throw(error)
            except StopIteration as answered:
                result: T = answered.value
                return result
        else:
            return (yield from steps)
