"""``OutputBuffer``: what a task's processors sent and the next commit will make visible.

Owns: output records as they will be written, the choice of their partitions, and their bounds.
Must not know: producers, transactions, stores, who sends.

A record is encoded when it is sent, while its bytes are in the processor's cache, and nothing of it is kept
but its part of a batch: thousands of small objects that live until the commit would spread what is made
and let go of with every record over ever new memory. Compiled where a compiler is at hand; the same file runs
interpreted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, NoReturn

from mypy_extensions import i64

from streamz_core.errors import Misuse
from streamz_core.model import Header, TopicPartition
from streamz_core.protocol.batch_encoder import (
    BATCH_BYTES_MAX,
    NOTHING_WRITTEN,
    RECORD_OVERHEAD_BYTES_MAX,
    RawRecords,
    RecordWriter,
    WriterMark,
)
from streamz_core.protocol.murmur2 import partition_of

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


def content_bytes(key: bytes | None, value: bytes | None, headers: Sequence[Header]) -> i64:
    """What of a record is the program's own."""
    size: i64 = 0
    if value is not None:
        size += len(value)
    if key is not None:
        size += len(key)
    if headers:
        size += headers_bytes(headers)
    return size


class OutputTooLarge(Misuse):
    """A record is larger than any topic takes by default; the record that caused it fails."""


class OutputBatches(NamedTuple):
    """Records for one partition, in order: as batches that lack only their producer."""

    partition: TopicPartition
    batches: Sequence[RawRecords]


class _Partition:
    """What waits for one partition. The last batch is open, with room for so many more bytes."""

    def __init__(self) -> None:
        self.batches: list[RecordWriter] = []
        self.room_bytes: i64 = 0

    def mark(self) -> _PartitionMark:
        last = self.batches[-1].mark() if self.batches else None
        return _PartitionMark(len(self.batches), last, self.room_bytes)

    def go_back(self, mark: _PartitionMark) -> None:
        del self.batches[mark.batches :]
        if mark.last is not None:
            self.batches[-1].go_back(mark.last)
        self.room_bytes = mark.room_bytes

    def forget(self) -> None:
        del self.batches[1:]
        for batch in self.batches:
            batch.go_back(NOTHING_WRITTEN)
            self.room_bytes = BATCH_BYTES_MAX

    def take(self) -> list[RawRecords]:
        """What waits; the first writer stays for what comes next, with a buffer that has grown."""
        # A batch that was opened for a record that could not be written has none.
        taken = [batch.take() for batch in self.batches if batch.record_count]
        if taken:
            del self.batches[1:]
            self.room_bytes = BATCH_BYTES_MAX
        return taken


class _PartitionMark(NamedTuple):
    """How many batches there were, where the last one ended, and what room it had."""

    batches: int
    last: WriterMark | None
    room_bytes: int


class OutputMark(NamedTuple):
    """How much had been sent at some time since the last commit."""

    size_bytes: int
    routed: dict[str, tuple[int, list[_PartitionMark]]]
    unrouted: dict[str, int]


class _Routed:
    """Records for a topic whose number of partitions is known."""

    def __init__(self, topic: str, count: int) -> None:
        self.topic: Final = topic
        self.count: Final = count
        self.sticky = 0
        """The partition of all records without a key; another one after each commit."""
        self.record_count = 0
        self.partitions: list[_Partition] = [_Partition() for _ in range(count)]

    def add(
        self,
        key: bytes | None,
        value: bytes | None,
        timestamp: int,
        headers: Sequence[Header],
        partition: int | None,
        size: i64,
    ) -> None:
        chosen: i64
        if partition is not None:
            chosen = self._checked(partition)
        elif key is not None:
            chosen = partition_of(key, self.count)
        else:
            chosen = self.sticky
        target = self.partitions[chosen]
        needed: i64 = size + RECORD_OVERHEAD_BYTES_MAX
        if target.room_bytes < needed:
            target.batches.append(RecordWriter())
            target.room_bytes = BATCH_BYTES_MAX
        target.batches[-1].append(key, value, timestamp, headers)
        target.room_bytes -= needed
        self.record_count += 1

    def mark(self) -> tuple[int, list[_PartitionMark]]:
        return self.record_count, [partition.mark() for partition in self.partitions]

    def go_back(self, mark: tuple[int, list[_PartitionMark]]) -> None:
        self.record_count, marks = mark
        for index, partition in enumerate(self.partitions):
            partition.go_back(marks[index])

    def forget(self) -> None:
        self.record_count = 0
        for partition in self.partitions:
            partition.forget()

    def take(self) -> list[OutputBatches]:
        """What waits, by partition; nothing waits any more."""
        self.record_count = 0
        self.sticky = (self.sticky + 1) % self.count
        taken: list[OutputBatches] = []
        for index, partition in enumerate(self.partitions):
            batches = partition.take()
            if batches:
                taken.append(OutputBatches(TopicPartition(self.topic, index), batches))
        return taken

    def _checked(self, partition: int) -> int:
        if not 0 <= partition < self.count:
            raise Misuse(
                f"a record was sent to partition {partition} of topic {self.topic!r}, which has {self.count} "
                f"(0 to {self.count - 1})"
            )
        return partition


class _Unrouted:
    """Records for a topic whose partitions are not known yet: they are asked for after the slice in hand."""

    def __init__(self) -> None:
        self.keys: list[bytes | None] = []
        self.values: list[bytes | None] = []
        self.timestamps: list[int] = []
        self.headers: list[Sequence[Header]] = []
        self.partitions: list[int | None] = []

    def add(
        self,
        key: bytes | None,
        value: bytes | None,
        timestamp: int,
        headers: Sequence[Header],
        partition: int | None,
    ) -> None:
        # What cannot be written fails here, with the record it was sent for, and not the commit.
        RecordWriter().append(key, value, timestamp, headers)
        self.keys.append(key)
        self.values.append(value)
        self.timestamps.append(timestamp)
        self.headers.append(headers)
        self.partitions.append(partition)

    def cut(self, count: int) -> None:
        """Keep the first ``count`` records."""
        for column in (self.keys, self.values, self.timestamps, self.headers, self.partitions):
            del column[count:]

    def routed(self, topic: str, count: int) -> _Routed:
        """The same records, now that ``topic`` is known to have ``count`` partitions."""
        routed = _Routed(topic, count)
        for index, value in enumerate(self.values):
            key, headers = self.keys[index], self.headers[index]
            size = content_bytes(key, value, headers)
            routed.add(key, value, self.timestamps[index], headers, self.partitions[index], size)
        return routed


class OutputBuffer:
    """Everything sent since the last commit, by topic."""

    def __init__(self, record_bytes_max: int = RECORD_BYTES_MAX) -> None:
        """Start empty; a record whose key and value take more than ``record_bytes_max`` is refused."""
        self.record_bytes_max = record_bytes_max
        self.size_bytes = 0
        self._routed: dict[str, _Routed] = {}
        self._unrouted: dict[str, _Unrouted] = {}
        self._last_topic = ""
        self._last: _Routed | None = None

    @property
    def topics(self) -> list[str]:
        """The topics that records wait for."""
        return [topic for topic, routed in self._routed.items() if routed.record_count] + list(self._unrouted)

    @property
    def record_count(self) -> int:
        """How many records wait."""
        routed = sum([routed.record_count for routed in self._routed.values()])
        return routed + sum([len(unrouted.values) for unrouted in self._unrouted.values()])

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        timestamp: int,
        headers: Sequence[Header] = NO_HEADERS,
        partition: int | None = None,
    ) -> None:
        """Add one record.

        Raises ``OutputTooLarge``, and ``Misuse`` for a timestamp, headers or a partition that no record can have.
        """
        size = content_bytes(key, value, headers)
        if size > self.record_bytes_max:
            self._refuse(topic, size)
        routed = self._last if topic is self._last_topic else self._routed_to(topic)
        if routed is not None:
            routed.add(key, value, timestamp, headers, partition, size)
        else:
            unrouted = self._unrouted.get(topic)
            if unrouted is None:
                unrouted = self._unrouted[topic] = _Unrouted()
            unrouted.add(key, value, timestamp, headers, partition)
        self.size_bytes += size

    def send_columns(
        self,
        topic: str,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        timestamps: Sequence[int],
        headers: Sequence[Sequence[Header]] | None = None,
    ) -> None:
        """Add many records of one topic. Raises ``OutputTooLarge``, having added none."""
        key_list: list[bytes | None] = keys if isinstance(keys, list) else list(keys)
        value_list: list[bytes | None] = values if isinstance(values, list) else list(values)
        largest: i64 = self.record_bytes_max
        added: i64 = 0
        for index in range(len(value_list)):
            of_record = NO_HEADERS if headers is None else headers[index]
            size = content_bytes(key_list[index], value_list[index], of_record)
            if size > largest:
                self._refuse(topic, size)
            added += size
        routed = self._routed_to(topic)
        if routed is None:
            for index in range(len(value_list)):
                of_record = NO_HEADERS if headers is None else headers[index]
                self.send(topic, key_list[index], value_list[index], timestamps[index], of_record)
            return
        for index in range(len(value_list)):
            of_record = NO_HEADERS if headers is None else headers[index]
            key, value = key_list[index], value_list[index]
            size = content_bytes(key, value, of_record)
            routed.add(key, value, timestamps[index], of_record, None, size)
        self.size_bytes += added

    @property
    def unrouted(self) -> list[str]:
        """The topics with records that wait for ``route``."""
        return list(self._unrouted)

    def route(self, partition_counts: Mapping[str, int]) -> None:
        """Choose partitions for what waits without one; from now on it is done record by record."""
        for topic in list(self._unrouted):
            count = partition_counts.get(topic)
            if count is not None:
                self._routed[topic] = self._unrouted.pop(topic).routed(topic, count)

    def drain(self, partition_counts: Mapping[str, int]) -> list[OutputBatches]:
        """Take everything out, by partition; topics that ``partition_counts`` does not have wait."""
        self.route(partition_counts)
        drained: list[OutputBatches] = []
        for routed in self._routed.values():
            if routed.record_count:
                drained += routed.take()
        self.size_bytes = 0
        return drained

    def mark(self) -> OutputMark:
        """What ``go_back`` needs to forget all that is sent from here on."""
        return OutputMark(
            self.size_bytes,
            {topic: routed.mark() for topic, routed in self._routed.items() if routed.record_count},
            {topic: len(unrouted.values) for topic, unrouted in self._unrouted.items()},
        )

    def go_back(self, mark: OutputMark) -> None:
        """Forget what was sent since ``mark`` was made, which was after the last ``drain`` or ``route``."""
        for topic, routed in self._routed.items():
            before = mark.routed.get(topic)
            if before is not None:
                routed.go_back(before)
            elif routed.record_count:
                routed.forget()
        kept = {topic: self._unrouted[topic] for topic in mark.unrouted}
        for topic, unrouted in kept.items():
            unrouted.cut(mark.unrouted[topic])
        self._unrouted = kept
        self.size_bytes = mark.size_bytes

    def clear(self) -> None:
        """Forget everything."""
        self._unrouted = {}
        for routed in self._routed.values():
            routed.forget()
        self.size_bytes = 0

    def _routed_to(self, topic: str) -> _Routed | None:
        """What waits for ``topic`` if its partitions are known; the next record is likely to be for the same."""
        routed = self._routed.get(topic)
        if routed is not None:
            self._last_topic, self._last = topic, routed
        return routed

    def _refuse(self, topic: str, size: int) -> NoReturn:
        raise OutputTooLarge(
            f"a record for topic {topic!r} has {size} bytes of key, value and headers, allowed are "
            f"{self.record_bytes_max}; send less, or raise record_bytes_max and the topic's "
            "max.message.bytes"
        )
