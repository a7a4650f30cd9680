"""An asynchronous client, called from plain code.

Owns: ``BlockingClient``, and how a method of the one becomes a method of the other.
Must not know: which methods there are.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from streamz_core.blocking.loop_thread import LoopThread

C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)
P = ParamSpec("P")
R = TypeVar("R")


class BlockingClient(Generic[C_co]):
    """Calls ``make()``, and everything that is asked of the client it makes, on the thread of the event loop.

    May be used from several threads, one call after the other or at once, as the asynchronous one from tasks.
    """

    def __init__(self, make: Callable[[], C_co]) -> None:
        self._loop = LoopThread.of_process()
        self._client = self._loop.run(_called(make))


def awaited(
    method: Callable[Concatenate[C, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[BlockingClient[C], P], R]:
    """The coroutine function ``method`` as one that returns when it is done."""

    @wraps(method)
    def call(self: BlockingClient[C], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._loop.run(method(self._client, *args, **kwargs))

    return call


def called(method: Callable[Concatenate[C, P], R]) -> Callable[Concatenate[BlockingClient[C], P], R]:
    """The plain ``method``, called on the thread of the event loop, which alone may touch the client."""

    @wraps(method)
    def call(self: BlockingClient[C], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._loop.run(_called(lambda: method(self._client, *args, **kwargs)))

    return call


async def _called(function: Callable[[], R]) -> R:
    return function()
