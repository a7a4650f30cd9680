"""``OutputBuffer``: what a task's processors sent and the next commit will make visible.

Owns: output records as columns, the choice of their partitions, and their bounds.
Must not know: producers, transactions, stores, who sends.

A record costs a few list appends here; partitions are chosen for whole columns at the commit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from streamz_core.errors import Misuse
from streamz_core.model import TopicPartition
from streamz_core.protocol.murmur2 import partition_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from streamz_core.model import Header

RECORD_BYTES_MAX: Final = 1_048_576 - 1024
"""Key and value of one record: what fits in a batch of Kafka's default ``max.message.bytes``."""
KEYS_REMEMBERED_MAX: Final = 50_000

NO_HEADERS: Final[Sequence[Header]] = ()


class OutputTooLarge(Misuse):
    """A record is larger than any topic takes by default; the record that caused it fails."""


@dataclass(slots=True)
class OutputColumns:
    """Records for one partition. ``headers`` is ``None`` where no record has any."""

    partition: TopicPartition
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    timestamps: Sequence[int]
    headers: Sequence[Sequence[Header]] | None


@dataclass(slots=True)
class _TopicOutput:
    """Records for one topic. The two last columns are filled up to the others' length when used."""

    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    headers: list[Sequence[Header]] = field(default_factory=list)
    partitions: list[int | None] = field(default_factory=list)


class OutputBuffer:
    """Everything sent since the last commit, by topic."""

    def __init__(self, record_bytes_max: int = RECORD_BYTES_MAX) -> None:
        """Start empty; a record whose key and value take more than ``record_bytes_max`` is refused."""
        self._record_bytes_max = record_bytes_max
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
        size = (len(value) if value is not None else 0) + (len(key) if key is not None else 0)
        if size > self._record_bytes_max:
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
        if largest > self._record_bytes_max:
            self._refuse(topic, largest)
        self.size_bytes += sum(sizes)
        output = self._topics.setdefault(topic, _TopicOutput())
        if headers is not None:
            _fill(output)
            output.headers += headers
        output.keys += keys
        output.values += values
        output.timestamps += timestamps

    def drain(self, partition_counts: Mapping[str, int]) -> Iterator[OutputColumns]:
        """Take everything out, by partition; topics that ``partition_counts`` does not have wait."""
        topics, self._topics, self.size_bytes = self._topics, {}, 0
        for topic, output in topics.items():
            count = partition_counts.get(topic)
            if count is None:
                self._topics[topic] = output
                continue
            partitioner = self._partitioners.get(topic)
            if partitioner is None or partitioner.count != count:
                partitioner = self._partitioners[topic] = Partitioner(topic, count)
            yield from _split(topic, output, partitioner)

    def clear(self) -> None:
        """Forget everything."""
        self._topics = {}
        self.size_bytes = 0

    def _refuse(self, topic: str, size: int) -> None:
        raise OutputTooLarge(
            f"a record for topic {topic!r} has {size} bytes of key and value, allowed are "
            f"{self._record_bytes_max}; send less, or raise record_bytes_max and the topic's "
            "max.message.bytes"
        )


class _Known(dict[bytes | None, int]):
    """Partitions by key, found out when first asked for."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def __missing__(self, key: bytes) -> int:
        partition = self[key] = partition_for(key, self._count)
        return partition


class Partitioner:
    """Kafka's default partitioning of one topic, with the keys met lately remembered."""

    def __init__(self, topic: str, count: int) -> None:
        """``topic`` has ``count`` partitions."""
        self.topic: Final = topic
        self.count: Final = count
        self._known = _Known(count)
        self._sticky = 0

    def choose(self, keys: Sequence[bytes | None]) -> list[int]:
        """A partition for each key; all records without key get the same one, another one each time."""
        known = self._known
        if len(known) > KEYS_REMEMBERED_MAX:
            known.clear()
        self._sticky = (self._sticky + 1) % self.count
        known[None] = self._sticky
        return list(map(known.__getitem__, keys))

    def check(self, partition: int) -> int:
        """``partition``, if the topic has it."""
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


def _split(topic: str, output: _TopicOutput, partitioner: Partitioner) -> Iterator[OutputColumns]:
    headers: list[Sequence[Header]] | None = None
    if output.headers or output.partitions:
        _fill(output)
        headers = output.headers if any(output.headers) else None
    if partitioner.count == 1 and not any(output.partitions):
        yield OutputColumns(TopicPartition(topic, 0), output.keys, output.values, output.timestamps, headers)
        return
    for partition, indexes in sorted(_indexes_by_partition(output, partitioner).items()):
        pick = _picker(indexes)
        yield OutputColumns(
            TopicPartition(topic, partition),
            pick(output.keys),
            pick(output.values),
            pick(output.timestamps),
            None if headers is None else pick(headers),
        )


def _indexes_by_partition(output: _TopicOutput, partitioner: Partitioner) -> dict[int, list[int]]:
    chosen = partitioner.choose(output.keys)
    if output.partitions:
        pairs = zip(chosen, output.partitions, strict=True)
        chosen = [free if given is None else partitioner.check(given) for free, given in pairs]
    by_partition: dict[int, list[int]] = {partition: [] for partition in set(chosen)}
    append = {partition: indexes.append for partition, indexes in by_partition.items()}
    for index, partition in enumerate(chosen):
        append[partition](index)
    return by_partition


def _picker(indexes: list[int]) -> Any:
    if len(indexes) == 1:
        only = indexes[0]
        return lambda column: (column[only],)
    return itemgetter(*indexes)
