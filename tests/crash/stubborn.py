"""A user of the log who goes on after every failure.

Owns: ``Stubborn``: a session whose calls may fail with the log's own errors, which are noted; a directory
that could not be opened is tried again; calls on topics that are missing meanwhile are passed over.
Must not know: which faults there are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from streamz_core.errors import StreamzError
from tests.crash.session import Session

_NEED_NO_TOPIC = ("create", "close", "reopen", "restart_killed")


class Stubborn:
    """Stands in for a ``Session`` in a workload; what is not one of the log's own errors is raised on."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.failures: list[StreamzError] = []

    @property
    def now_ms(self) -> int:
        """The session's time."""
        return self._session.now_ms

    @now_ms.setter
    def now_ms(self, now_ms: int) -> None:
        self._session.now_ms = now_ms

    def __getattr__(self, name: str) -> Callable[..., None]:
        return functools.partial(self._call, name)

    def _call(self, name: str, *arguments: Any, **named: Any) -> None:
        session = self._session
        try:
            if not session.is_open and name != "reopen":
                session.reopen()
            if name not in _NEED_NO_TOPIC and not session.knows(arguments[0], named.get("partition", 0)):
                return
            getattr(session, name)(*arguments, **named)
        except StreamzError as error:
            self.failures.append(error)
