"""How long work has kept the event loop.

Owns: ``Measured``: carrying a coroutine out and counting the time of its steps, not of its waits.
Must not know: what the work is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from streamz_core.clock import Clock

T = TypeVar("T")


class Measured(Generic[T]):
    """Await it as the coroutine itself; ``busy_ms`` is what it took of the loop so far."""

    __slots__ = ("_clock", "_work", "busy_ms")

    def __init__(self, work: Coroutine[Any, Any, T], clock: Clock) -> None:
        self.busy_ms = 0.0
        self._work = work
        self._clock = clock

    def __await__(self) -> Generator[Any, Any, T]:
        thrown: BaseException | None = None
        try:
            while True:
                began_ms = self._clock.monotonic_ms()
                try:
                    waits_for = self._work.send(None) if thrown is None else self._work.throw(thrown)
                except StopIteration as done:
                    result: T = done.value
                    return result
                finally:
                    self.busy_ms += self._clock.monotonic_ms() - began_ms
                try:
                    thrown = None
                    yield waits_for
                except BaseException as error:  # noqa: BLE001 - the work's to deal with, a cancellation above all
                    thrown = error
        finally:
            self._work.close()
