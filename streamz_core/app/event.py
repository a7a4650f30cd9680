"""``Event`` and ``Message``: a record as an object, made only where the user asks for one.

Owns: the two classes and ``current_event``.
Must not know: how records are handed out or sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from streamz_core.app.current import in_hand

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from streamz_core.app.sending import Headers
    from streamz_core.model import Header, TopicPartition
    from streamz_core.streams.batch import Batch

USE_EXISTING: Final[Any] = object()
"""Stands for "as the event has it" in ``Event.forward``."""


class Channel(Protocol):
    """What can be sent to."""

    def send(
        self,
        *,
        key: Any = None,
        value: Any = None,
        partition: int | None = None,
        timestamp: float | None = None,
        headers: Headers = None,
    ) -> Awaitable[Any]:
        """Send one record."""


class Message:
    """A record as it came: bytes and place. ``timestamp`` is in seconds since the epoch."""

    __slots__ = ("headers", "key", "offset", "partition", "timestamp", "timestamp_type", "topic", "value")

    def __init__(self, batch: Batch, index: int) -> None:
        """Take record ``index`` of ``batch``."""
        self.topic, self.partition = batch.source
        self.offset = batch.offsets[index]
        self.timestamp = batch.timestamps[index] / 1000.0
        self.timestamp_type = 0
        self.headers: list[Header] = list(batch.headers_at(index))
        self.key = batch.raw_keys[index]
        self.value = batch.raw_values[index]

    @property
    def tp(self) -> TopicPartition:
        """Topic and partition."""
        from streamz_core.model import TopicPartition

        return TopicPartition(self.topic, self.partition)

    def __repr__(self) -> str:
        return f"<Message {self.topic}-{self.partition} offset={self.offset}>"


class Event:
    """One record with its key, headers and origin."""

    __slots__ = ("_batch", "_index", "key", "value")

    def __init__(self, batch: Batch, index: int) -> None:
        """Take record ``index`` of ``batch``."""
        self._batch = batch
        self._index = index
        self.key: Any = batch.keys[index]
        self.value: Any = batch.values[index]

    @property
    def headers(self) -> dict[str, bytes | None]:
        """Headers by name; of a name that occurs twice, the last (``message.headers`` has all)."""
        return dict(self._batch.headers_at(self._index))

    @property
    def message(self) -> Message:
        """The record as it came."""
        return Message(self._batch, self._index)

    def forward(
        self,
        channel: Channel,
        key: Any = USE_EXISTING,
        value: Any = USE_EXISTING,
        partition: int | None = None,
        timestamp: float | None = None,
        headers: Any = USE_EXISTING,
    ) -> Awaitable[Any]:
        """Send this event on; what is not given stays as the event has it, the timestamp too."""
        return channel.send(
            key=self.key if key is USE_EXISTING else key,
            value=self.value if value is USE_EXISTING else value,
            partition=partition,
            timestamp=self._batch.timestamps[self._index] / 1000.0 if timestamp is None else timestamp,
            headers=list(self._batch.headers_at(self._index)) if headers is USE_EXISTING else headers,
        )

    def send(
        self,
        channel: Channel,
        key: Any = USE_EXISTING,
        value: Any = USE_EXISTING,
        partition: int | None = None,
        timestamp: float | None = None,
        headers: Any = USE_EXISTING,
    ) -> Awaitable[Any]:
        """The same as ``forward``."""
        return self.forward(channel, key, value, partition, timestamp, headers)

    def __repr__(self) -> str:
        return f"<Event {self.message!r} key={self.key!r}>"


def current_event() -> Event | None:
    """The event of the record in hand; None outside agents."""
    cursor = in_hand()
    return None if cursor is None else Event(cursor.batch, cursor.index)
