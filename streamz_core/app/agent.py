"""``Agent``: an agent's declaration, and sending to it.

Owns: the checks of an agent's function and options, and where its results go.
Must not know: how actors are run (``agent_processor``), tasks, transactions.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from inspect import isasyncgenfunction, isawaitable, iscoroutinefunction, signature
from typing import TYPE_CHECKING, Any, Final

from streamz_core.app.errors import ImproperlyConfigured

if TYPE_CHECKING:
    from streamz_core.app.sending import FutureMessage, Headers
    from streamz_core.app.topic import GroupedTopic, Topic
    from streamz_core.streams.error_policy import ErrorPolicy

logger: Final = logging.getLogger(__name__)

Deliver = Callable[[Any], Awaitable[Any]]
OnError = Callable[["Agent", BaseException], Any]


class Agent:
    """A function over a stream of a topic's records; made by ``@app.agent(topic)``."""

    def __init__(
        self,
        fun: Callable[[Any], Any],
        *,
        name: str,
        channel: Topic | GroupedTopic,
        concurrency: int = 1,
        sink: Iterable[Any] = (),
        on_error: OnError | None = None,
        policy: ErrorPolicy,
        help: str = "",  # noqa: A002 - Faust's name
    ) -> None:
        """Raises ``ImproperlyConfigured`` for what is no agent."""
        _check(fun, name, concurrency)
        self.fun: Final = fun
        self.name: Final = name
        self.channel: Final = channel
        self.concurrency: Final = concurrency
        self.policy: Final = policy
        self.help: Final = help or (fun.__doc__ or "").strip()
        self.deliveries: list[Deliver] = []
        self._on_error = on_error
        for one in sink:
            self.add_sink(one)

    def add_sink(self, sink: Any) -> None:
        """Give every value the agent yields to ``sink``: a topic, an agent, or a (coroutine) function."""
        if not isasyncgenfunction(self.fun):
            raise ImproperlyConfigured(
                f"agent {self.name!r} has a sink, but yields nothing to give to it: "
                f"use `yield value` in the loop"
            )
        self.deliveries.append(_delivery(self.name, sink))

    async def report(self, error: BaseException) -> None:
        """Call ``on_error(agent, error)``, which decides nothing: the error policy does."""
        if self._on_error is None:
            return
        try:
            verdict = self._on_error(self, error)
            if isawaitable(verdict):
                await verdict
        except Exception:  # user code that only looks on must not replace the failure it is told of
            logger.exception("agent %s: on_error failed while it was told of %r", self.name, error)

    def send(
        self,
        *,
        key: Any = None,
        value: Any = None,
        partition: int | None = None,
        timestamp: float | None = None,
        headers: Headers = None,
    ) -> Awaitable[FutureMessage]:
        """Send to the agent's topic."""
        return self.channel.send(
            key=key, value=value, partition=partition, timestamp=timestamp, headers=headers
        )

    def cast(
        self,
        value: Any = None,
        *,
        key: Any = None,
        partition: int | None = None,
        timestamp: float | None = None,
        headers: Headers = None,
    ) -> Awaitable[FutureMessage]:
        """Send ``value`` to the agent's topic and expect no reply."""
        return self.send(key=key, value=value, partition=partition, timestamp=timestamp, headers=headers)

    def get_topic_names(self) -> tuple[str, ...]:
        """The topics the agent reads, or their pattern."""
        return self.channel.names

    def __repr__(self) -> str:
        return f"<Agent {self.name} of {', '.join(self.channel.names)}>"


def _check(fun: Callable[..., Any], name: str, concurrency: int) -> None:
    if not (iscoroutinefunction(fun) or isasyncgenfunction(fun)):
        raise ImproperlyConfigured(
            f"agent {name!r} is not an async function: write `async def {name}(stream)` "
            f"with `async for value in stream` in it"
        )
    if len(signature(fun).parameters) != 1:
        raise ImproperlyConfigured(
            f"agent {name!r} takes {signature(fun)}; it must take exactly one parameter, the stream"
        )
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise ImproperlyConfigured(f"agent {name!r}: concurrency must be 1 or more, got {concurrency!r}")


def _delivery(agent: str, sink: Any) -> Deliver:
    if hasattr(sink, "send"):
        return lambda value: sink.send(value=value)
    if not callable(sink):
        raise ImproperlyConfigured(
            f"agent {agent!r}: a sink is a topic, an agent, or a function of one value; got {sink!r}"
        )

    async def call(value: Any) -> None:
        verdict = sink(value)
        if isawaitable(verdict):
            await verdict

    return call
