"""Operators that end a way: rows become output records.

Owns: encoding rows by the column, and the choice of topic and partition where the user makes it.
Must not know: how outputs are buffered and committed.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from streamz_core.serde.codecs import ColumnCodec
from streamz_core.streams.internal_topic import InternalTopic
from streamz_core.streams.names import check_name
from streamz_core.streams.operator import Operator, OperatorContext
from streamz_core.streams.operators.record import RecordContext
from streamz_core.streams.operators.stateless import row_failed
from streamz_core.streams.processor import Codec
from streamz_core.streams.rows import NO_ORDER, Rows

Partitioner = Callable[[str, Any, Any, int], int | Iterable[int] | None]
"""``(topic, key, value, partitions)`` to a partition, to several, or None for that of the key."""
_BY_KEY: Final[tuple[None]] = (None,)


class Sink(Operator):
    """Writes all rows to one topic."""

    def __init__(self, name: str, topic: str | InternalTopic, key_codec: Codec, value_codec: Codec) -> None:
        """The partition is that of the key."""
        super().__init__(name)
        self._topic = topic
        self._key_codec = key_codec
        self._value_codec = value_codec

    def open(self, context: OperatorContext) -> None:
        """Learn the topic's full name."""
        self._context = context
        self._target = context.topic_name(self._topic)

    def process(self, rows: Rows) -> Rows | None:
        """Nothing comes behind a sink."""
        keys = encoded(self.name, rows, rows.keys, self._key_codec)
        values = encoded(self.name, rows, rows.values, self._value_codec)
        try:
            self._context.send_columns(self._target, keys, values, rows.timestamps, rows.headers)
        except Exception:
            # Whatever was buffered is taken back after a failure; one by one tells which row cannot be written.
            self._find_failing(rows, keys, values)
            raise
        return None

    def _find_failing(self, rows: Rows, keys: list[bytes | None], values: list[bytes | None]) -> None:
        send, headers = self._context.send, rows.headers
        for index in range(len(keys)):
            try:
                found = () if headers is None else headers[index]
                send(self._target, keys[index], values[index], rows.timestamps[index], found)
            except Exception as error:
                raise row_failed(self.name, rows, index, error) from error


class RoutingSink(Operator):
    """Writes each row to the topic, and the partition, that functions choose for it."""

    def __init__(
        self,
        name: str,
        topic: str | InternalTopic | Callable[..., str],
        key_codec: Codec,
        value_codec: Codec,
        partitioner: Partitioner | None = None,
        *,
        with_context: bool = False,
    ) -> None:
        """``topic(key, value)``, or ``topic(key, value, context)``; ``partitioner(topic, key, value, partitions)``."""
        super().__init__(name)
        self._with_context = with_context
        self._checked: set[str] = set()
        self._topic = topic
        self._target: str | None = None
        self._key_codec = key_codec
        self._value_codec = value_codec
        self._partitioner = partitioner

    def open(self, context: OperatorContext) -> None:
        """Learn the topic's full name, where there is but one."""
        self._context = context
        if isinstance(self._topic, (str, InternalTopic)):
            self._target = context.topic_name(self._topic)

    def process(self, rows: Rows) -> Rows | None:
        """Nothing comes behind a sink."""
        keys = encoded(self.name, rows, rows.keys, self._key_codec)
        values = encoded(self.name, rows, rows.values, self._value_codec)
        headers, choose, target = rows.headers, self._topic, self._target
        index = 0
        try:
            for index in range(len(keys)):
                key, value = rows.keys[index], rows.values[index]
                topic = target
                if topic is None:
                    topic = self._chosen(choose, rows, index)
                given = () if headers is None else headers[index]
                for partition in self._partitions(topic, key, value):
                    self._context.send(
                        topic, keys[index], values[index], rows.timestamps[index], given, partition
                    )
        except Exception as error:
            raise row_failed(self.name, rows, index, error) from error
        return None

    def _chosen(self, choose: Any, rows: Rows, index: int) -> str:
        """The topic that the user's function names for a row."""
        key, value = rows.keys[index], rows.values[index]
        topic = choose(key, value, self._origin(rows, index)) if self._with_context else choose(key, value)
        if not isinstance(topic, str):
            raise TypeError(
                f"to() takes a function that names a topic for each record; it returned {topic!r}"
            )
        if topic not in self._checked:
            check_name(topic, "to()")
            self._checked.add(topic)
        return topic

    def _origin(self, rows: Rows, index: int) -> RecordContext:
        order = rows.orders[index]
        topic: str | None = None
        partition = offset = -1
        if order > NO_ORDER:
            topic, partition, offset = self._context.origin(order)
        headers = () if rows.headers is None else rows.headers[index]
        return RecordContext(topic, partition, offset, rows.timestamps[index], headers)

    def _partitions(self, topic: str, key: Any, value: Any) -> Iterable[int | None]:
        """Where a row goes: to one partition, to that of its key, to several, or nowhere (KIP-837)."""
        if self._partitioner is None:
            return _BY_KEY
        chosen = self._partitioner(topic, key, value, self._context.partition_count(topic))
        return (chosen,) if chosen is None or isinstance(chosen, int) else chosen


def encoded(operator: str, rows: Rows, column: list[Any], codec: Codec) -> list[bytes | None]:
    """The column as bytes; an error names the row."""
    if isinstance(codec, ColumnCodec):
        try:
            return codec.encode_column(column)
        except Exception:  # noqa: BLE001, S110 - which one it was, the loop below finds out
            pass
    found: list[bytes | None] = []
    try:
        for entry in column:
            found.append(codec.encode(entry))
    except Exception as error:
        raise row_failed(operator, rows, len(found), error) from error
    return found
