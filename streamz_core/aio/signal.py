"""A state that has a name and can be awaited.

Owns: ``Signal``: one current value, changed in one place, waited for in many.
Must not know: what the states mean.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

S = TypeVar("S")


class Signal(Generic[S]):
    """The current state of a component.

    A waiter is answered at the very change that fits it, so a state that lasted only a moment is
    not missed by those who waited for it.

        state = Signal(WorkerState.STARTING)
        await state.wait(WorkerState.RUNNING, WorkerState.FAILED)
    """

    def __init__(self, value: S) -> None:
        self._value = value
        self._waiters: list[tuple[Callable[[S], bool], asyncio.Future[S]]] = []

    @property
    def value(self) -> S:
        """The current state."""
        return self._value

    def set(self, value: S) -> None:
        """Change the state; setting the state it already has wakes nobody."""
        if value == self._value:
            return
        self._value = value
        waiting: list[tuple[Callable[[S], bool], asyncio.Future[S]]] = []
        for wanted, answer in self._waiters:
            if answer.done():
                continue
            if wanted(value):
                answer.set_result(value)
            else:
                waiting.append((wanted, answer))
        self._waiters = waiting

    async def wait(self, *values: S) -> S:
        """Return the first of ``values`` that is, or becomes, the state."""
        return await self.wait_until(lambda state: state in values)

    async def changed(self) -> S:
        """Return the next state."""
        return await self._next(lambda _: True)

    async def wait_until(self, wanted: Callable[[S], bool]) -> S:
        """Return the first state, the current one included, for which ``wanted`` is true."""
        if wanted(self._value):
            return self._value
        return await self._next(wanted)

    async def _next(self, wanted: Callable[[S], bool]) -> S:
        answer: asyncio.Future[S] = asyncio.get_running_loop().create_future()
        waiter = (wanted, answer)
        self._waiters.append(waiter)
        try:
            return await answer
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
