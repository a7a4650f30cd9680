"""``Chunk``: records of one partition as they were fetched, decoded when somebody wants them.

Owns: decoding a part of them, where the first one stands that does not decode, and their times where a function
of the user's takes these from the decoded records.
Must not know: which records are handled when, what becomes of those that do not decode.

Decoded values are made right before they are used and not kept: they are still in the processor's cache then,
and gone from it with their last use. Kept are only those that were looked at for their times, and those around a
record that does not decode, which are wanted again soon.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mypy_extensions import i64

from streamz_core.model import ConsumerRecord, TopicPartition
from streamz_core.protocol.batch_decoder import Columns
from streamz_core.serde.failure import DecodeFailure
from streamz_core.streams.timestamp_extractors import InvalidTimestamp, TimestampDropped, wallclock_timestamp

Extractor = Callable[[ConsumerRecord[Any, Any], int], int]
"""``(record, partition_time_ms)`` to the record's time; below zero: the record is dropped."""
CREATE_TIME: Final = 0


class Chunk:
    """Consecutive records of one partition; the n-th entry of each column is the n-th record's."""

    def __init__(
        self,
        source: TopicPartition,
        columns: Columns,
        key_codec: Any,
        value_codec: Any,
        extractor: Extractor | None = None,
    ) -> None:
        """With an ``extractor`` no record has a time before ``stamp``."""
        self.source: Final = source
        self.columns: Final = columns
        self.times: list[Any] = columns.timestamps if extractor is None else []
        """Event times in milliseconds: as long as the columns, or as far as they were asked for."""
        self._key_codec = key_codec
        self._value_codec = value_codec
        self._extractor = extractor
        self._kept_from = 0
        self._kept_keys: list[Any] = []
        self._kept_values: list[Any] = []

    def __len__(self) -> int:
        """The number of records."""
        return len(self.columns.offsets)

    def decoded(self, start: int, stop: int, *, keep: bool = False) -> tuple[list[Any], list[Any]]:
        """Keys and values from ``start`` on, up to ``stop`` or the first record that does not decode.

        ``keep``: they will be asked for again.
        """
        keys, values = self._decoded(start, stop)
        good = first_failure(values, first_failure(keys, len(keys)))
        if good == len(keys) and not keep:
            return keys, values
        if not self._keeps(start, stop):
            self._kept_from, self._kept_keys, self._kept_values = start, keys, values
        return keys[:good], values[:good]

    def failures(self, start: int, stop: int) -> list[Exception]:
        """Why record ``start`` does not decode, and those after it up to ``stop`` or the first that does."""
        keys, values = self._decoded(start, stop)
        found: list[Exception] = []
        for index in range(len(keys)):
            failure = values[index] if type(values[index]) is DecodeFailure else keys[index]
            if type(failure) is not DecodeFailure:
                break
            found.append(failure.error)
        return found

    def stamp(self, stop: int, partition_time_ms: int, latest_ms: int, now_ms: int) -> int:
        """Have times for the records before ``stop``; returns the partition's time with them.

        Times after ``latest_ms`` are not believed: they do not move the partition's time.
        """
        start = len(self.times)
        if self._extractor is None or start >= stop:
            return partition_time_ms
        keys, values = self._decode(start, stop)
        for index in range(len(keys)):
            if type(keys[index]) is DecodeFailure or type(values[index]) is DecodeFailure:
                time = partition_time_ms
            elif self._extractor is wallclock_timestamp:
                time = now_ms
            else:
                time = self._extracted(start + index, keys, values, index, partition_time_ms)
            self.times.append(time)
            if partition_time_ms < time <= latest_ms:
                partition_time_ms = time
        self._kept_keys += keys
        self._kept_values += values
        return partition_time_ms

    def _extracted(
        self, index: int, keys: list[Any], values: list[Any], at: int, partition_time_ms: int
    ) -> int:
        """The record's time; where it has none, the record becomes one that does not decode."""
        assert self._extractor is not None
        try:
            time = self._extractor(self._record(index, keys[at], values[at]), partition_time_ms)
            if time < 0:
                raise TimestampDropped(f"the timestamp extractor gave {time}: the record is dropped")
        except InvalidTimestamp as error:
            values[at] = DecodeFailure(error)
            return partition_time_ms
        except Exception as error:  # noqa: BLE001 - user code: the source's policy decides
            failure = InvalidTimestamp(f"its timestamp extractor failed: {error!r}")
            failure.__cause__ = error
            values[at] = DecodeFailure(failure)
            return partition_time_ms
        return time

    def _record(self, index: int, key: Any, value: Any) -> ConsumerRecord[Any, Any]:
        columns, (topic, partition) = self.columns, self.source
        raw_key, raw_value = columns.keys[index], columns.values[index]
        return ConsumerRecord(
            topic,
            partition,
            columns.offsets[index],
            columns.timestamps[index],
            CREATE_TIME,
            key,
            value,
            None,
            -1 if raw_key is None else len(raw_key),
            -1 if raw_value is None else len(raw_value),
            () if columns.headers is None else tuple(columns.headers[index]),
        )

    def _keeps(self, start: int, stop: int) -> bool:
        return self._kept_from <= start and stop <= self._kept_from + len(self._kept_keys)

    def _decoded(self, start: int, stop: int) -> tuple[list[Any], list[Any]]:
        """Decoded columns, with what of them is kept."""
        first, behind = self._kept_from, self._kept_from + len(self._kept_keys)
        if not first <= start < behind:
            return self._decode(start, stop)
        keys, values = (
            self._kept_keys[start - first : stop - first],
            self._kept_values[start - first : stop - first],
        )
        if stop > behind:
            more_keys, more_values = self._decode(behind, stop)
            keys += more_keys
            values += more_values
        return keys, values

    def _decode(self, start: int, stop: int) -> tuple[list[Any], list[Any]]:
        columns = self.columns
        keys: list[Any] = self._key_codec.decode(columns.keys[start:stop])
        values: list[Any] = self._value_codec.decode(columns.values[start:stop])
        return keys, values


def first_failure(column: list[Any], count: i64) -> i64:
    """Where in the first ``count`` of a decoded column something did not decode; ``count`` where all did.

    >>> first_failure([1, DecodeFailure(ValueError()), 3], 3)
    1
    """
    failure: object = DecodeFailure
    index: i64 = 0
    while index < count:
        if type(column[index]) is failure:
            return index
        index += 1
    return count
