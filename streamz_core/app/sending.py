"""What ``send`` returns.

Owns: ``FutureMessage`` and its two kinds: buffered in a task's transaction, or on its way to the
broker by the app's own producer.
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
    """A sent record. ``await`` it once to know it was taken, twice for its ``RecordMetadata``.

    Inside an agent a record is buffered in the task's transaction: both awaits return at once,
    and the metadata is None, since its offset is not known before the commit.
    """

    __slots__ = ("_delivery",)

    def __init__(self, delivery: asyncio.Future[RecordMetadata] | None = None) -> None:
        """None: buffered in a transaction."""
        self._delivery = delivery

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait for the acknowledgement, where there is one to wait for."""
        if self._delivery is None:
            return BUFFERED_RESULT
        return (yield from self._delivery)

    def done(self) -> bool:
        """Whether the record was acknowledged, or buffered in a transaction."""
        return self._delivery is None or self._delivery.done()


class _Buffered(FutureMessage):
    __slots__ = ()

    def __await__(self) -> Generator[Any, None, FutureMessage]:
        return self
        yield  # makes this a generator that ends at once: the cheapest awaitable there is


class _Delivered:
    """What awaiting a buffered message's own awaitable gives: nothing is known yet."""


BUFFERED_RESULT: Final = None
BUFFERED: Final = _Buffered()


def header_pairs(headers: Headers) -> Sequence[Header]:
    """Headers as the log has them."""
    if headers is None:
        return ()
    return tuple(headers.items()) if isinstance(headers, Mapping) else headers
