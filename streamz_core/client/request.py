"""Sending requests with a deadline, and again while that can help.

Owns: ``Requests``: one client's link with its timeout and back-off, the rule when a request is
repeated, and how an error code is put into words.
Must not know: what the requests are about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from streamz_core.aio.deadline import sleep, wait_for
from streamz_core.client.errors import KafkaTimeoutError, error_for
from streamz_core.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from streamz_core.client.link import Link
    from streamz_core.clock import Clock
    from streamz_core.protocol.messages.request import Request

R = TypeVar("R")

_REMEDIES: Final[dict[int, str]] = {
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: "there is no such topic or partition here; create it first",
    ErrorCode.INVALID_TOPIC_EXCEPTION: "a name is 1 to 249 of the letters A-Z a-z, digits, '.', '_' and '-', "
    "not '.' or '..' alone, and not another topic's with '.' and '_' exchanged",
    ErrorCode.OFFSET_OUT_OF_RANGE: "the log has no such offset; list_offsets() tells where it begins and ends",
    ErrorCode.MESSAGE_TOO_LARGE: "raise the topic's max.message.bytes, or lower the producer's max_batch_size",
    ErrorCode.OFFSET_METADATA_TOO_LARGE: "the text beside the offset is too long; shorten it",
    ErrorCode.INVALID_GROUP_ID: "a group id is a text that is not empty",
    ErrorCode.GROUP_ID_NOT_FOUND: "there is no such group; list_consumer_groups() tells those there are",
    ErrorCode.NON_EMPTY_GROUP: "it has members; stop them first",
    ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC: "its members are subscribed to the topic; stop them first",
    ErrorCode.CORRUPT_MESSAGE: "records are damaged; 'streamz check' names the files, as the program's log does",
    ErrorCode.KAFKA_STORAGE_ERROR: "the disk failed or is full; see the program's log",
}


class Requests:
    """A link, with this client's patience. Times are milliseconds on the link's clock."""

    __slots__ = ("_link", "retry_backoff_ms", "timeout_ms")

    def __init__(self, link: Link, timeout_ms: float, retry_backoff_ms: float) -> None:
        self._link = link
        self.timeout_ms = timeout_ms
        self.retry_backoff_ms = retry_backoff_ms

    @property
    def clock(self) -> Clock:
        """The link's clock."""
        return self._link.clock

    @property
    def link(self) -> Link:
        """The link itself, for requests that are bounded otherwise."""
        return self._link

    async def send(self, request: Request[R], what: object, *, timeout_ms: float | None = None) -> R:
        """The answer to ``request``; ``KafkaTimeoutError`` naming ``str(what)`` when it does not come in time."""
        limit_ms = self.timeout_ms if timeout_ms is None else timeout_ms
        try:
            return await wait_for(self._link.clock, self._link.send(request), limit_ms, what=what)
        except TimeoutError as late:
            raise KafkaTimeoutError(
                f"{late}: the broker is busy or stuck; raise request_timeout_ms"
            ) from late

    async def settled(
        self,
        request: Request[R],
        what: object,
        code_of: Callable[[R], int],
        *,
        timeout_ms: float | None = None,
        final: Container[int] = (),
    ) -> R:
        """The answer once ``code_of`` it is NONE, asking again while its code is worth it.

        Raises the exception of the code, naming ``what``, when it is not or is one of ``final``, or when time
        is up; ``KafkaTimeoutError`` only where there never was an answer.
        """
        clock = self._link.clock
        limit_ms = self.timeout_ms if timeout_ms is None else timeout_ms
        ends_at_ms = clock.monotonic_ms() + limit_ms
        code: int = ErrorCode.NONE
        while True:
            left_ms = ends_at_ms - clock.monotonic_ms()
            try:
                answer = await self.send(request, what, timeout_ms=max(left_ms, 0.0))
            except KafkaTimeoutError as late:
                if code == ErrorCode.NONE:
                    raise
                raise error_for(code, f"{what}: {explained(code)}") from late
            code = code_of(answer)
            if code == ErrorCode.NONE:
                return answer
            left_ms = ends_at_ms - clock.monotonic_ms()
            if code in final or not is_repeatable(code) or left_ms <= self.retry_backoff_ms:
                raise error_for(code, f"{what}: {explained(code)}")
            await sleep(clock, self.retry_backoff_ms)


def is_repeatable(code: int) -> bool:
    """Whether the same request may succeed later, unchanged."""
    try:
        return ErrorCode(code).is_retriable
    except ValueError:
        return False


def explained(code: int) -> str:
    """The code's name and, where there is one, the remedy."""
    remedy = _REMEDIES.get(code)
    return name_of(code) if remedy is None else f"{name_of(code)}: {remedy}"


def name_of(code: int) -> str:
    """The code's name in the protocol."""
    try:
        return ErrorCode(code).name
    except ValueError:
        return f"error code {int(code)}"
