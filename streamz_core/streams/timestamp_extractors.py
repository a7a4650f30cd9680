"""Timestamp extractors: where the time of a record comes from, if not from the record.

Owns: the ready-made ones, under Kafka Streams' names.
Must not know: sources, tasks.

An extractor is ``(record, partition_time_ms)`` to milliseconds since the Unix epoch: ``record`` is a
``ConsumerRecord`` with decoded key and value, ``partition_time_ms`` the highest time so far in its partition, -1
before the first. Below zero the record is dropped; an error is one of the source, as bytes are that do not decode.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from streamz_core.errors import Fatal

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.model import ConsumerRecord

_log = logging.getLogger(__name__)


class InvalidTimestamp(Fatal):
    """A record has no time that can be used."""


class TimestampDropped(InvalidTimestamp):
    """An extractor wants the record dropped, whatever the source's policy is for errors."""


def fail_on_invalid_timestamp(record: ConsumerRecord[Any, Any], _partition_time_ms: int) -> int:
    """The record's own time; one below zero is an error."""
    if record.timestamp < 0:
        raise InvalidTimestamp(
            f"topic {record.topic!r} partition {record.partition} offset {record.offset} has the timestamp "
            f"{record.timestamp}: mend its producer, or read with another timestamp extractor"
        )
    return record.timestamp


def log_and_skip_on_invalid_timestamp(record: ConsumerRecord[Any, Any], _partition_time_ms: int) -> int:
    """The record's own time; one below zero is logged, and the record dropped."""
    return record.timestamp


def use_partition_time_on_invalid_timestamp(record: ConsumerRecord[Any, Any], partition_time_ms: int) -> int:
    """The record's own time, or that of its partition so far. An error where there is none yet."""
    if record.timestamp >= 0:
        return record.timestamp
    if partition_time_ms < 0:
        return fail_on_invalid_timestamp(record, partition_time_ms)
    return partition_time_ms


def wallclock_timestamp(record: ConsumerRecord[Any, Any], _partition_time_ms: int) -> int:
    """The time at which the record is read: the task's clock is asked in its place."""
    raise InvalidTimestamp(f"only a task can tell when it read topic {record.topic!r}")


def field_timestamp(name: str) -> Callable[[ConsumerRecord[Any, Any], int], int]:
    """The time that a field of the value holds, in milliseconds: a key of a dict, or an attribute.

    >>> builder.stream("orders", timestamp_extractor=field_timestamp("placed_at_ms"))  # doctest: +SKIP
    """

    def extract(record: ConsumerRecord[Any, Any], _partition_time_ms: int) -> int:
        value = record.value
        found = value[name] if isinstance(value, dict) else getattr(value, name)
        if not isinstance(found, int) or isinstance(found, bool):
            raise InvalidTimestamp(
                f"field {name!r} at topic {record.topic!r} partition {record.partition} offset {record.offset} "
                f"is {found!r}; expected whole milliseconds"
            )
        return found

    return extract
