"""Columns to ``ConsumerRecord`` objects.

Owns: deserializing and building records, a batch per call.
Must not know: buffers, positions.
"""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING, Any

from streamz_core.model import ConsumerRecord
from streamz_core.protocol.record_batch import Columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from streamz_core.model import TopicPartition


class RecordBuilder:
    """Builds the records of one consumer, with its deserializers."""

    def __init__(
        self,
        key_deserializer: Callable[[bytes], Any] | None,
        value_deserializer: Callable[[bytes], Any] | None,
    ) -> None:
        self._key_deserializer = key_deserializer
        self._value_deserializer = value_deserializer

    def build(
        self,
        source: TopicPartition,
        columns: Columns,
        start: int,
        stop: int,
        timestamp_type: int,
        *,
        may_raise: bool = True,
    ) -> list[ConsumerRecord[Any, Any]]:
        """Records ``start`` to ``stop`` of the columns.

        Where a deserializer raises, the records before that one. Where it does so at the first, what it
        raised, or no record unless ``may_raise``.
        """
        if start > 0 or stop < len(columns):
            columns = part(columns, start, stop)
        raw_keys, raw_values = columns.keys, columns.values
        keys, values = self._deserialized(source, columns, may_raise=may_raise)
        headers: Any = repeat(()) if columns.headers is None else map(tuple, columns.headers)

        def made(key_sizes: Iterable[int], value_sizes: Iterable[int]) -> list[ConsumerRecord[Any, Any]]:
            return list(
                map(
                    ConsumerRecord,
                    repeat(source.topic),
                    repeat(source.partition),
                    columns.offsets,
                    columns.timestamps,
                    repeat(timestamp_type),
                    keys,
                    values,
                    repeat(None),
                    key_sizes,
                    value_sizes,
                    headers,
                )
            )

        if None in raw_values[:1] or None in raw_keys[:1]:
            return made(_sizes(raw_keys), _sizes(raw_values))
        try:
            return made(map(len, raw_keys), map(len, raw_values))  # type: ignore[arg-type]
        except TypeError:  # a None among them
            headers = repeat(()) if columns.headers is None else map(tuple, columns.headers)
            return made(_sizes(raw_keys), _sizes(raw_values))

    def _deserialized(
        self, source: TopicPartition, columns: Columns, *, may_raise: bool
    ) -> tuple[Sequence[Any], Sequence[Any]]:
        if self._key_deserializer is None and self._value_deserializer is None:
            return columns.keys, columns.values
        keys: list[Any] = []
        values: list[Any] = []
        decode_key: Callable[[Any], Any] = self._key_deserializer or _as_it_is
        decode_value: Callable[[Any], Any] = self._value_deserializer or _as_it_is
        for raw_key, raw_value in zip(columns.keys, columns.values, strict=True):
            try:
                key, value = decode_key(raw_key), decode_value(raw_value)
            except Exception as error:
                # The program's own code: what it raises is for the program, once it has the records before.
                if may_raise and not keys:
                    offset = columns.offsets[0]
                    error.add_note(f"while deserializing {source.topic}-{source.partition} offset {offset}")
                    raise
                break
            keys.append(key)
            values.append(value)
        return keys, values


def part(columns: Columns, start: int, stop: int) -> Columns:
    """Records ``start`` to ``stop``."""
    return Columns(
        columns.offsets[start:stop],
        columns.timestamps[start:stop],
        columns.keys[start:stop],
        columns.values[start:stop],
        None if columns.headers is None else columns.headers[start:stop],
    )


def _as_it_is(content: Any) -> Any:
    return content


def _sizes(column: Sequence[bytes | None]) -> list[int]:
    return [-1 if content is None else len(content) for content in column]
