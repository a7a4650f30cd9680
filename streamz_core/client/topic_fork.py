"""Forking a topic: a new one with what was in it up to a point.

Owns: the fork point, the new topic with the settings of the old one, copying, and taking back what was not finished.
Must not know: command lines; how records are fetched and sent.

It goes through the clients, and so from any address: a directory, one that is in use, a cluster.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import ConfigResource, NewTopic
from streamz_core.client.admin_session import raise_for
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.consumer.records import part
from streamz_core.client.errors import KafkaError
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.errors import ErrorCode, Fatal, Misuse
from streamz_core.model import TopicPartition
from streamz_core.progress import UNHEARD, Progress
from streamz_core.protocol.messages.configs import ConfigSource
from streamz_core.protocol.messages.list_offsets import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from streamz_core.client.link import Link
    from streamz_core.model import RecordMetadata

Offsets = dict[TopicPartition, int]

_POLL_MS: Final = 100
_ANY_AGE_MS: Final = str(2**63 - 1)
_WHILE_COPYING: Final = {
    "message.timestamp.type": "CreateTime",
    "message.timestamp.before.max.ms": _ANY_AGE_MS,
    "message.timestamp.after.max.ms": _ANY_AGE_MS,
    "message.timestamp.difference.max.ms": _ANY_AGE_MS,
}
"""Records keep their timestamps; what the topic says of them counts from the end of copying on."""


class ForkRefused(Misuse):
    """There is nothing to fork, no such point in it, or something of the new name already."""


class ForkLeftBehind(Fatal):
    """A fork was broken off, and its half-made topic could not be deleted."""


@dataclass(frozen=True, slots=True)
class ForkedPartition:
    """What was copied of a partition: ``records`` with ``start_offset`` <= offset < ``end_offset``."""

    partition: int
    start_offset: int
    end_offset: int
    records: int
    keeps_offsets: bool = True
    """Whether each record has the offset that it had."""


@dataclass(frozen=True, slots=True)
class TopicFork:
    """What became of a fork."""

    topic: str
    to: str
    partitions: tuple[ForkedPartition, ...]


@dataclass(frozen=True, slots=True)
class _Source:
    """The topic that is forked."""

    name: str
    partitions: tuple[TopicPartition, ...]
    replication_factor: int
    configs: dict[str, str]
    """Its own settings, those that are not defaults."""
    in_force: dict[str, str]


async def fork_topic(
    bootstrap_servers: str | list[str] | Link,
    topic: str,
    to: str,
    *,
    at: int | Mapping[int, int] | None = None,
    compression_type: str | None = None,
    progress: Progress = UNHEARD,
) -> TopicFork:
    """Make topic ``to``, with partitions and settings of ``topic`` and its committed records up to a point.

    - ``at``: ms since 1970, up to the first record of each partition at or after that time; or partition to
      offset (a partition that is not named: all of it); or None, all that is decided now: up to the last
      stable offset, which no fork point is beyond.
    - ``compression_type``: of the new batches, where the topic's ``compression.type`` does not say.

    Records keep partition, order, key, value, headers and timestamp; they are durable when this returns. Offsets
    are the same where the partition begins at 0 and none is missing, else they are dealt anew from 0: markers of
    transactions, compaction and what retention deleted leave gaps. Groups and their offsets are not copied.

    Raises ``ForkRefused``, before anything is made. What fails later, or is cancelled, deletes the new topic
    again; ``ForkLeftBehind`` where that fails too. Memory: a few fetches.

        fork = await fork_topic("file://./data", "views", "views-copy", at=1_767_225_600_000)
    """
    async with AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers) as admin:
        source = await _source(admin, topic)
        starts = await _offsets(admin, source.partitions, EARLIEST_TIMESTAMP)
        ends = await _fork_point(admin, source, at)
        await _create(admin, source, to)
        try:
            copied = await _copy(bootstrap_servers, source, to, (starts, ends), compression_type, progress)
            await _settle(admin, source, to)
        except BaseException as error:
            await _take_back(admin, to, error)
            raise
    partitions = (
        ForkedPartition(
            one.partition,
            starts[one],
            max(starts[one], ends[one]),
            copied.counts[one],
            one not in copied.dealt_anew,
        )
        for one in source.partitions
    )
    return TopicFork(topic, to, tuple(partitions))


async def _source(admin: AIOKafkaAdminClient, topic: str) -> _Source:
    (found,) = await admin.describe_topics([topic])
    if found["error_code"] == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
        raise ForkRefused(f"topic {topic!r} does not exist; list_topics() tells those there are")
    raise_for(found["error_code"], f"topic {topic!r}")
    if found["is_internal"]:
        raise ForkRefused(f"topic {topic!r} is kept by the broker itself and cannot be forked; name another")
    (answer,) = await admin.describe_configs([ConfigResource("topic", topic)])
    settings = answer.resources[0]
    raise_for(settings.error_code, f"settings of topic {topic!r}")
    entries = [entry for entry in settings.config_entries if entry.config_value is not None]
    return _Source(
        topic,
        tuple(sorted(TopicPartition(topic, each["partition"]) for each in found["partitions"])),
        len(found["partitions"][0]["replicas"]),
        {
            entry.config_names: entry.config_value or ""
            for entry in entries
            if entry.config_source == ConfigSource.DYNAMIC_TOPIC_CONFIG
        },
        {entry.config_names: entry.config_value or "" for entry in entries},
    )


async def _offsets(admin: AIOKafkaAdminClient, partitions: Iterable[TopicPartition], at_ms: int) -> Offsets:
    found = await admin.list_offsets(dict.fromkeys(partitions, at_ms), "read_committed")
    return {partition: one.offset for partition, one in found.items()}


async def _fork_point(
    admin: AIOKafkaAdminClient, source: _Source, at: int | Mapping[int, int] | None
) -> Offsets:
    """The offset of each partition before which records are copied."""
    stable = await _offsets(admin, source.partitions, LATEST_TIMESTAMP)
    if at is None:
        return stable
    if isinstance(at, Mapping):
        return stable | _named(source, at, stable)
    if at < 0:
        raise ForkRefused(f"at={at}: must be ms since 1970, 0 or more, or offsets by partition")
    found = await _offsets(admin, source.partitions, at)
    return {one: min(found[one], end) if found[one] >= 0 else end for one, end in stable.items()}


def _named(source: _Source, at: Mapping[int, int], stable: Offsets) -> Offsets:
    wanted = {TopicPartition(source.name, partition): offset for partition, offset in at.items()}
    for one, offset in wanted.items():
        if one not in stable:
            raise ForkRefused(
                f"topic {source.name!r} has no partition {one.partition}; it has 0 to {len(stable) - 1}"
            )
        if not 0 <= offset <= stable[one]:
            raise ForkRefused(
                f"{source.name}-{one.partition} cannot be forked at offset {offset}: give 0 to {stable[one]}, "
                "up to where its transactions are decided"
            )
    return wanted


async def _create(admin: AIOKafkaAdminClient, source: _Source, to: str) -> None:
    taken = {name: value for name, value in _WHILE_COPYING.items() if name in source.in_force}
    new = NewTopic(
        to, len(source.partitions), source.replication_factor, topic_configs=source.configs | taken
    )
    answer = await admin.create_topics([new])
    if answer.topic_errors[0].error_code == ErrorCode.TOPIC_ALREADY_EXISTS:
        raise ForkRefused(f"topic {to!r} exists already: delete it first, or fork to another name")
    answer.raise_for_errors()


async def _settle(admin: AIOKafkaAdminClient, source: _Source, to: str) -> None:
    """Give the new topic those settings that it was without while records were copied."""
    own = {name: source.configs.get(name) for name in _WHILE_COPYING if name in source.in_force}
    for answer in await admin.incremental_alter_configs([ConfigResource("topic", to, own)]):
        answer.raise_for_errors()


async def _take_back(admin: AIOKafkaAdminClient, to: str, why: BaseException) -> None:
    try:
        (await admin.delete_topics([to])).raise_for_errors()
    except (KafkaError, OSError) as error:
        raise ForkLeftBehind(
            f"the fork was broken off ({str(why) or type(why).__name__}), and topic {to!r}, which has a part of the "
            f"records, could not be deleted: {error}; delete it before you fork again"
        ) from why


async def _copy(
    bootstrap_servers: str | list[str] | Link,
    source: _Source,
    to: str,
    ranges: tuple[Offsets, Offsets],
    compression_type: str | None,
    progress: Progress,
) -> _Copying:
    """Copy what is between starts and ends."""
    starts, ends = ranges
    left = [one for one in source.partitions if starts[one] < ends[one]]
    progress.begin("copying", "offsets", sum(ends[one] - starts[one] for one in left))
    settings: dict[str, Any] = {"isolation_level": "read_committed", "auto_offset_reset": "earliest"}
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, **settings)
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        acks="all",
        enable_idempotence=True,
        compression_type=compression_type,
        max_request_size=int(source.in_force["max.message.bytes"]),
    )
    async with consumer, producer:
        if left:
            consumer.assign(left)
        for one in left:
            consumer.seek(one, starts[one])
        copying = _Copying(consumer, producer, to, ends, progress)
        await copying.run({one: starts[one] for one in left})
    return copying


class _Copying:
    """Sends what is fetched while the next is fetched, until every partition is at its end."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        producer: AIOKafkaProducer,
        to: str,
        ends: Offsets,
        progress: Progress,
    ) -> None:
        self._consumer = consumer
        self._producer = producer
        self._to = to
        self._ends = ends
        self._progress = progress
        self.counts: Offsets = dict.fromkeys(ends, 0)
        """Records of each partition."""
        self.dealt_anew: set[TopicPartition] = set()

    async def run(self, positions: Offsets) -> None:
        """Begin at ``positions``."""
        sent: list[asyncio.Future[RecordMetadata]] = []
        while positions:
            before, sent = sent, await self._round()
            for future in before:
                await future
            positions = await self._moved_on(positions)
        for future in sent:
            await future

    async def _round(self) -> list[asyncio.Future[RecordMetadata]]:
        """Fetch and send; the futures of what was sent."""
        sent = []
        for source, fetched in (await self._consumer.getcolumns(timeout_ms=_POLL_MS)).items():
            count = bisect_left(fetched.offsets, self._ends[source])
            if not count:
                continue
            columns = part(fetched, 0, count)
            self.counts[source] += count
            if columns.offsets[-1] != self.counts[source] - 1:  # they ascend from 0 on at least
                self.dealt_anew.add(source)
            sent.append(
                await self._producer.send_columns(
                    self._to,
                    source.partition,
                    columns.keys,
                    columns.values,
                    columns.timestamps,
                    columns.headers,
                )
            )
        return sent

    async def _moved_on(self, positions: Offsets) -> Offsets:
        """Where the partitions are that are not at their ends; the others are fetched no more."""
        left = {}
        for source, before in positions.items():
            # What no reader is shown, such as markers, is passed without a record.
            now, end = await self._consumer.position(source), self._ends[source]
            self._progress.add(min(now, end) - before)
            if now < end:
                left[source] = now
            else:
                self._consumer.pause(source)
        return left
