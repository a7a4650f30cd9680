"""An app's signals: functions to call when something happens to it.

Owns: ``AppSignal``.
Must not know: what happens.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import isawaitable
from typing import Any, Final, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class AppSignal:
    """Functions or coroutine functions, called in the order they were connected.

    >>> started = AppSignal("started")
    >>> @started.connect
    ... async def hello(app, **kwargs): ...
    """

    def __init__(self, name: str) -> None:
        """``name`` is for ``repr``."""
        self.name: Final = name
        self._receivers: list[Callable[..., Any]] = []

    def connect(self, fun: F) -> F:
        """Call ``fun(app, **kwargs)`` from now on; a decorator."""
        self._receivers.append(fun)
        return fun

    def disconnect(self, fun: Callable[..., Any]) -> None:
        """Call ``fun`` no more."""
        self._receivers.remove(fun)

    async def send(self, app: Any, **kwargs: Any) -> None:
        """Call all; the first exception ends it and is raised."""
        for receiver in tuple(self._receivers):
            verdict = receiver(app, **kwargs)
            if isawaitable(verdict):
                await verdict

    def __repr__(self) -> str:
        return f"<AppSignal {self.name}>"
