"""The bytes that members of a consumer group exchange through their coordinator.

Owns: Kafka's encoding of a member's subscription and of its assignment (the "consumer" protocol
type), under aiokafka's names.
Must not know: how partitions are shared out, requests.

Layout: version int16; then for a subscription topics [string] and user data bytes, from version 1 on the
partitions owned [(topic string, [partition int32])] (KIP-429), from version 2 on their generation int32
(KIP-792); for an assignment [(topic string, [partition int32])] and user data bytes. Later versions only
append fields, which a reader of an older one leaves alone.
Source: https://kafka.apache.org/protocol and ConsumerProtocolSubscription / ConsumerProtocolAssignment
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from streamz_core.errors import Fatal
from streamz_core.model import TopicPartition

PROTOCOL_TYPE: Final = "consumer"

_INT16: Final = struct.Struct(">h")
_INT32: Final = struct.Struct(">i")


class MalformedMembership(Fatal):
    """A member's subscription or assignment is not in Kafka's encoding."""


ByTopic = Sequence[tuple[str, Sequence[int]]]
"""Partitions by topic."""


@dataclass(slots=True)
class ConsumerProtocolMemberMetadata:
    """What a member subscribes to; ``user_data`` is its assignor's own.

    ``owned_partitions``, and ``generation_id`` in which it was given them, are what the member goes on reading
    while the group rebalances (KIP-429); they are sent from version 1 and 2 on.
    """

    version: int = 0
    subscription: Sequence[str] = ()
    user_data: bytes = b""
    owned_partitions: ByTopic = ()
    generation_id: int = -1

    def owned(self) -> list[TopicPartition]:
        """The partitions the member has not given up, one by one."""
        return _flat(self.owned_partitions)

    def encode(self) -> bytes:
        """In Kafka's encoding."""
        parts = [_INT16.pack(self.version), _INT32.pack(len(self.subscription))]
        parts += [_text(topic) for topic in self.subscription]
        parts.append(_blob(self.user_data))
        if self.version >= 1:
            parts += _by_topic(self.owned_partitions)
        if self.version >= 2:
            parts.append(_INT32.pack(self.generation_id))
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> ConsumerProtocolMemberMetadata:
        """From Kafka's encoding; raises ``MalformedMembership``."""
        reader = _Reader(data)
        version = reader.int16()
        topics = [reader.text() for _ in range(reader.count(2))]
        user_data = reader.blob()
        # There are clients that write a version above 0 in front of what is version 0.
        owned = reader.by_topic() if version >= 1 and not reader.at_end else []
        generation_id = reader.int32() if version >= 2 and not reader.at_end else -1
        return cls(version, topics, user_data, owned, generation_id)


@dataclass(slots=True)
class ConsumerProtocolMemberAssignment:
    """What a member is given: (topic, partitions)."""

    version: int = 0
    assignment: ByTopic = field(default_factory=list)
    user_data: bytes = b""

    def partitions(self) -> list[TopicPartition]:
        """The assignment, partition by partition."""
        return _flat(self.assignment)

    def encode(self) -> bytes:
        """In Kafka's encoding."""
        parts = [_INT16.pack(self.version), *_by_topic(self.assignment), _blob(self.user_data)]
        return b"".join(parts)

    @classmethod
    def decode(cls, data: bytes) -> ConsumerProtocolMemberAssignment:
        """From Kafka's encoding; raises ``MalformedMembership``. Nothing at all means no partitions."""
        if not data:
            return cls()
        reader = _Reader(data)
        version = reader.int16()
        return cls(version, reader.by_topic(), reader.blob())


def grouped(partitions: Iterable[tuple[str, int]]) -> list[tuple[str, list[int]]]:
    """Partitions by topic, topics in the order they first occur."""
    by_topic: dict[str, list[int]] = {}
    for topic, partition in partitions:
        by_topic.setdefault(topic, []).append(partition)
    return list(by_topic.items())


def _flat(by_topic: ByTopic) -> list[TopicPartition]:
    return [TopicPartition(topic, index) for topic, indexes in by_topic for index in indexes]


def _by_topic(by_topic: ByTopic) -> list[bytes]:
    parts = [_INT32.pack(len(by_topic))]
    for topic, indexes in by_topic:
        count = len(indexes)
        parts += [_text(topic), struct.pack(f">{count + 1}i", count, *indexes)]
    return parts


def _text(text: str) -> bytes:
    encoded = text.encode()
    return _INT16.pack(len(encoded)) + encoded


def _blob(data: bytes | None) -> bytes:
    return _INT32.pack(-1) if data is None else _INT32.pack(len(data)) + data


class _Reader:
    """Reads fields one after the other; no length is trusted."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def int16(self) -> int:
        return int(self._unpack(_INT16))

    def int32(self) -> int:
        return int(self._unpack(_INT32))

    def count(self, bytes_each: int) -> int:
        """The length of an array whose elements take at least ``bytes_each``."""
        count = self.int32()
        if count < 0 or count * bytes_each > len(self._data) - self._position:
            raise MalformedMembership(
                f"{count} elements cannot be in {len(self._data)} bytes of group membership"
            )
        return count

    @property
    def at_end(self) -> bool:
        return self._position == len(self._data)

    def by_topic(self) -> list[tuple[str, list[int]]]:
        found = []
        for _ in range(self.count(6)):
            topic = self.text()
            count = self.count(4)
            found.append((topic, list(struct.unpack(f">{count}i", self._take(4 * count)))))
        return found

    def text(self) -> str:
        try:
            return self._take(self.int16()).decode()
        except UnicodeDecodeError as error:
            raise MalformedMembership(f"a topic name in a group membership is not UTF-8: {error}") from error

    def blob(self) -> bytes:
        if self.at_end:
            return b""
        size = self.int32()
        return b"" if size < 0 else self._take(size)

    def _take(self, size: int) -> bytes:
        taken = self._data[self._position : self._position + size] if size >= 0 else b""
        if len(taken) != size:
            raise MalformedMembership(
                f"{size} bytes are announced, {len(taken)} are there in a group membership"
            )
        self._position += size
        return taken

    def _unpack(self, form: struct.Struct) -> int:
        (number,) = form.unpack(self._take(form.size))
        return int(number)
