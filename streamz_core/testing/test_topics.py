"""The topics of a ``TopologyTestDriver``: what a test pipes in and reads out.

Owns: encoding and decoding for tests, the times of records that have none, and how much was read.
Must not know: how the driver runs a topology.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.durations import Duration, milliseconds

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence

    from streamz_core.model import Header
    from streamz_core.serde.codecs import ColumnCodec
    from streamz_core.testing.manual_clock import ManualClock

T = TypeVar("T")
_NOTHING: Final[Any] = object()


@dataclass(frozen=True, slots=True)
class TestRecord:
    """A record as a test gives and gets it. ``timestamp`` is in milliseconds."""

    __test__ = False

    key: Any = None
    value: Any = None
    timestamp: int | None = None
    headers: Sequence[Header] = field(default=())
    partition: int | None = field(default=None, compare=False)


class Driver(Protocol):
    """What topics need of their driver."""

    @property
    def clock(self) -> ManualClock:
        """Its clock."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` to its end."""

    def pipe(self, topic: str, records: list[TestRecord]) -> Coroutine[Any, Any, None]:
        """Write encoded records."""

    def records(self, topic: str) -> list[Any]:
        """Everything written to a topic so far."""


class TestInputTopic:
    """Pipes records into a topic. Every record has had all its effects when the call returns."""

    __test__ = False

    def __init__(
        self,
        driver: Driver,
        topic: str,
        key_codec: ColumnCodec[Any],
        value_codec: ColumnCodec[Any],
        start_timestamp: int | None,
        auto_advance_ms: int,
    ) -> None:
        """Made by ``TopologyTestDriver.create_input_topic``."""
        self.topic: Final = topic
        self._driver = driver
        self._key_codec = key_codec
        self._value_codec = value_codec
        self._time_ms = start_timestamp
        self._auto_advance_ms = auto_advance_ms

    def pipe_input(
        self,
        key_or_value: Any,
        value: Any = _NOTHING,
        timestamp: int | None = None,
        *,
        headers: Sequence[Header] = (),
        partition: int | None = None,
    ) -> None:
        """Pipe a value, or a key and a value, or a ``TestRecord``. ``timestamp`` is in milliseconds."""
        if isinstance(key_or_value, TestRecord):
            self.pipe_record_list([key_or_value])
            return
        key, value = (None, key_or_value) if value is _NOTHING else (key_or_value, value)
        self.pipe_record_list([TestRecord(key, value, timestamp, headers, partition)])

    def pipe_key_value_list(
        self, pairs: Iterable[tuple[Any, Any]], start_timestamp: int | None = None, advance: Duration = 0
    ) -> None:
        """Pipe records, one after the other; with times from ``start_timestamp`` on, each later by ``advance``."""
        step_ms = milliseconds(advance, "pipe_key_value_list(): advance")
        self.pipe_record_list(
            TestRecord(key, value, None if start_timestamp is None else start_timestamp + number * step_ms)
            for number, (key, value) in enumerate(pairs)
        )

    def pipe_value_list(
        self, values: Iterable[Any], start_timestamp: int | None = None, advance: Duration = 0
    ) -> None:
        """Pipe records without keys; times as in ``pipe_key_value_list``."""
        self.pipe_key_value_list([(None, value) for value in values], start_timestamp, advance)

    def pipe_record_list(self, records: Iterable[TestRecord]) -> None:
        """Pipe records, one after the other."""
        self._driver.run(self._driver.pipe(self.topic, [self._encoded(record) for record in records]))

    def advance_time(self, by: Duration) -> None:
        """Let the time of records without one go on by a ``timedelta``, or milliseconds."""
        self._time_ms = self._now() + milliseconds(by, "advance_time")

    def _encoded(self, record: TestRecord) -> TestRecord:
        timestamp = record.timestamp
        if timestamp is None:
            timestamp = self._now()
            if self._auto_advance_ms:
                self._time_ms = timestamp + self._auto_advance_ms
        key, value = self._key_codec.encode(record.key), self._value_codec.encode(record.value)
        return TestRecord(key, value, timestamp, record.headers, record.partition)

    def _now(self) -> int:
        return self._driver.clock.now_ms() if self._time_ms is None else self._time_ms


class TestOutputTopic:
    """Reads what was written to a topic, once each."""

    __test__ = False

    def __init__(
        self, driver: Driver, topic: str, key_codec: ColumnCodec[Any], value_codec: ColumnCodec[Any]
    ) -> None:
        """Made by ``TopologyTestDriver.create_output_topic``."""
        self.topic: Final = topic
        self._driver = driver
        self._key_codec = key_codec
        self._value_codec = value_codec
        self._next = 0

    @property
    def queue_size(self) -> int:
        """How many records wait to be read."""
        return len(self._driver.records(self.topic)) - self._next

    @property
    def is_empty(self) -> bool:
        """Whether everything was read."""
        return self.queue_size == 0

    def read_record(self) -> TestRecord:
        """The next record. Raises ``Misuse`` where there is none."""
        records = self._driver.records(self.topic)
        if self._next == len(records):
            raise Misuse(f"topic {self.topic!r} has no more records: all {self._next} were read")
        record = records[self._next]
        self._next += 1
        return TestRecord(
            self._key_codec.decode_one(record.key),
            self._value_codec.decode_one(record.value),
            record.timestamp,
            tuple(record.headers),
            record.partition,
        )

    def read_value(self) -> Any:
        """The value of the next record."""
        return self.read_record().value

    def read_key_value(self) -> tuple[Any, Any]:
        """Key and value of the next record."""
        record = self.read_record()
        return record.key, record.value

    def read_records_to_list(self) -> list[TestRecord]:
        """All records that wait."""
        return [self.read_record() for _ in range(self.queue_size)]

    def read_key_values_to_list(self) -> list[tuple[Any, Any]]:
        """Keys and values of all records that wait."""
        return [self.read_key_value() for _ in range(self.queue_size)]

    def read_key_values_to_map(self) -> dict[Any, Any]:
        """The last value of every key among the records that wait."""
        return dict(self.read_key_values_to_list())

    def read_values_to_list(self) -> list[Any]:
        """The values of all records that wait."""
        return [self.read_value() for _ in range(self.queue_size)]
