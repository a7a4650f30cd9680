"""``OutputBuffer``: what a task's processors sent and the next commit will make visible.

Owns: output records as columns, the choice of their partitions, and their bounds.
Must not know: producers, transactions, stores, who sends.

A record costs a few list appends here; partitions are chosen for whole columns at the commit. Compiled where
a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, NoReturn

from streamz_core.errors import Misuse
from streamz_core.model import Header, TopicPartition
from streamz_core.protocol.murmur2 import partition_for
from streamz_core.streams.runtime.columns import deal

RECORD_BYTES_MAX: Final = 1_048_576 - 1024
"""Key, value and headers of one record: what fits in a batch of Kafka's default ``max.message.bytes``."""

NO_HEADERS: Final[Sequence[Header]] = ()


def headers_bytes(headers: Sequence[Header]) -> int:
    """What the headers of a record take, with up to 10 bytes each for the lengths of name and value."""
    size = 0
    for name, value in headers:
        size += len(name.encode()) + 10
        if value is not None:
            size += len(value)
    return size


class OutputTooLarge(Misuse):
    """A record is larger than any topic takes by default; the record that caused it fails."""


class OutputColumns(NamedTuple):
    """Records for one partition. ``headers`` is ``None`` where no record has any."""

    partition: TopicPartition
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    timestamps: Sequence[int]
    headers: Sequence[Sequence[Header]] | None


class _TopicOutput:
    """Records for one topic. The two last columns are filled up to the others' length when used."""

    def __init__(self) -> None:
        self.keys: list[bytes | None] = []
        self.values: list[bytes | None] = []
        self.timestamps: list[int] = []
        self.headers: list[Sequence[Header]] = []
        self.partitions: list[int | None] = []


class OutputBuffer:
    """Everything sent since the last commit, by topic."""

    def __init__(self, record_bytes_max: int = RECORD_BYTES_MAX) -> None:
        """Start empty; a record whose key and value take more than ``record_bytes_max`` is refused."""
        self.record_bytes_max = record_bytes_max
        self._topics: dict[str, _TopicOutput] = {}
        self._partitioners: dict[str, Partitioner] = {}
        self.size_bytes = 0

    @property
    def topics(self) -> list[str]:
        """The topics that records wait for."""
        return list(self._topics)

    @property
    def record_count(self) -> int:
        """How many records wait."""
        return sum(len(output.values) for output in self._topics.values())

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        timestamp: int,
        headers: Sequence[Header] = NO_HEADERS,
        partition: int | None = None,
    ) -> None:
        """Add one record. Raises ``OutputTooLarge``."""
        size = 0
        if value is not None:
            size += len(value)
        if key is not None:
            size += len(key)
        if headers:
            size += headers_bytes(headers)
        if size > self.record_bytes_max:
            self._refuse(topic, size)
        self.size_bytes += size
        output = self._topics.get(topic)
        if output is None:
            output = self._topics[topic] = _TopicOutput()
        if headers or partition is not None:
            _fill(output)
            output.headers.append(headers)
            output.partitions.append(partition)
        output.keys.append(key)
        output.values.append(value)
        output.timestamps.append(timestamp)

    def send_columns(
        self,
        topic: str,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        timestamps: Sequence[int],
        headers: Sequence[Sequence[Header]] | None = None,
    ) -> None:
        """Add many records of one topic. Raises ``OutputTooLarge``, having added none."""
        sizes = [len(value) for value in values if value is not None]
        largest = max(sizes, default=0) + max((len(key) for key in keys if key is not None), default=0)
        if largest > self.record_bytes_max:
            self._refuse(topic, largest)
        self.size_bytes += sum(sizes)
        output = self._topics.setdefault(topic, _TopicOutput())
        if headers is not None:
            _fill(output)
            output.headers += headers
        output.keys += keys
        output.values += values
        output.timestamps += timestamps

    def drain(self, partition_counts: Mapping[str, int]) -> list[OutputColumns]:
        """Take everything out, by partition; topics that ``partition_counts`` does not have wait."""
        drained: list[OutputColumns] = []
        topics, self._topics, self.size_bytes = self._topics, {}, 0
        for topic, output in topics.items():
            count = partition_counts.get(topic)
            if count is None:
                self._topics[topic] = output
                continue
            partitioner = self._partitioners.get(topic)
            if partitioner is None or partitioner.count != count:
                partitioner = self._partitioners[topic] = Partitioner(topic, count)
            drained += _split(topic, output, partitioner)
        return drained

    def clear(self) -> None:
        """Forget everything."""
        self._topics = {}
        self.size_bytes = 0

    def _refuse(self, topic: str, size: int) -> NoReturn:
        raise OutputTooLarge(
            f"a record for topic {topic!r} has {size} bytes of key, value and headers, allowed are "
            f"{self.record_bytes_max}; send less, or raise record_bytes_max and the topic's "
            "max.message.bytes"
        )


class Partitioner:
    """Kafka's default partitioning of one topic."""

    def __init__(self, topic: str, count: int) -> None:
        """``topic`` has ``count`` partitions."""
        self.topic: Final = topic
        self.count: Final = count
        self._sticky = 0

    def choose(self, keys: list[bytes | None], given: list[int | None]) -> list[int]:
        """A partition for each record: the one given, if any, else by its key.

        All without a key get the same one, another one each time.
        """
        self._sticky = (self._sticky + 1) % self.count
        sticky, count = self._sticky, self.count
        chosen = [sticky if key is None else partition_for(key, count) for key in keys]
        for index, partition in enumerate(given):
            if partition is not None:
                chosen[index] = self._checked(partition)
        return chosen

    def _checked(self, partition: int) -> int:
        if not 0 <= partition < self.count:
            raise Misuse(
                f"a record was sent to partition {partition} of topic {self.topic!r}, which has {self.count} "
                f"(0 to {self.count - 1})"
            )
        return partition


def _fill(output: _TopicOutput) -> None:
    # Headers and explicit partitions are rare: their columns exist only once they are needed.
    count = len(output.values)
    output.headers += [NO_HEADERS] * (count - len(output.headers))
    output.partitions += [None] * (count - len(output.partitions))


def _split(topic: str, output: _TopicOutput, partitioner: Partitioner) -> list[OutputColumns]:
    headers: list[Sequence[Header]] | None = None
    if output.headers or output.partitions:
        _fill(output)
        if any(output.headers):
            headers = output.headers
    count = partitioner.count
    chosen = partitioner.choose(output.keys, output.partitions)
    keys, values = deal(output.keys, chosen, count), deal(output.values, chosen, count)
    timestamps = deal(output.timestamps, chosen, count)
    dealt_headers = None if headers is None else deal(headers, chosen, count)
    return [
        OutputColumns(
            TopicPartition(topic, partition),
            keys[partition],
            values[partition],
            timestamps[partition],
            None if dealt_headers is None else dealt_headers[partition],
        )
        for partition in range(count)
        if values[partition]
    ]
