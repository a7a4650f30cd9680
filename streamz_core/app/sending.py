"""What ``send`` returns.

Owns: ``FutureMessage`` and its two kinds: on its way to the broker by the app's own producer, or
buffered in the transaction of the task that sent it.
Must not know: topics, serialisation.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from streamz_core.model import Header, RecordMetadata

if TYPE_CHECKING:
    import asyncio

Headers = Mapping[str, bytes | None] | Sequence[Header] | None
"""Headers as users give them: a mapping, or pairs where a name occurs twice."""


class FutureMessage:
    """A record given to the producer; awaiting it waits for the broker's acknowledgement.

    >>> async def delivered(topic):
    ...     future = await topic.send(value="taken by the producer, which may have to make room first")
    ...     metadata = await future   # durable: RecordMetadata with its offset
    """

    __slots__ = ("_delivery",)

    def __init__(self, delivery: asyncio.Future[RecordMetadata] | None) -> None:
        """``delivery`` resolves with the acknowledgement."""
        self._delivery = delivery

    def __await__(self) -> Generator[Any, None, Any]:
        """The record's ``RecordMetadata``; raises what kept it from being written."""
        assert self._delivery is not None
        return (yield from self._delivery)

    def done(self) -> bool:
        """Whether the broker has answered."""
        return self._delivery is None or self._delivery.done()


class _Buffered(FutureMessage):
    """A record in its task's transaction. Awaiting it gives itself at once, any number of times: its
    offset is known to nobody before the commit, and the commit waits for the agent.
    """

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, FutureMessage]:
        yield from ()
        return self


BUFFERED: Final = _Buffered(None)


def header_pairs(headers: Headers) -> Sequence[Header]:
    """Headers as the log has them."""
    if headers is None:
        return ()
    return tuple(headers.items()) if isinstance(headers, Mapping) else headers
