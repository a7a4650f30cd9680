"""What kcat's modes do: consume, produce, list, query.

Owns: where reading starts and ends, which messages go to standard error, kcat's texts.
Must not know: letters and options (``kcat``), format strings (``kcat_format``).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import click

from streamz_core.cli.connection import CommandError, connected
from streamz_core.cli.group_offsets import offsets_at
from streamz_core.cli.interruption import interruption, unless
from streamz_core.cli.kcat_json import listing
from streamz_core.cli.options import OptionError, read_bytes
from streamz_core.cli.record_offset import StartOffset
from streamz_core.cli.standard_input import Input
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.errors import ErrorCode
from streamz_core.model import ConsumerRecord, TopicPartition
from streamz_core.protocol.messages.list_offsets import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP
from streamz_core.protocol.messages.metadata import MetadataRequest, MetadataResponse, named

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from streamz_core.cli.group_offsets import Offsets
    from streamz_core.client.link import Link

Render = Callable[[ConsumerRecord[bytes, bytes]], bytes]
_POLL_MS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What ``-C`` and ``-G`` were asked."""

    topics: Sequence[str]
    partition: int | None
    start: StartOffset
    until: StartOffset | None
    count: int | None
    exits: bool
    is_quiet: bool
    is_unbuffered: bool
    render: Render


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What ``-P`` was asked."""

    topic: str
    partition: int | None
    key: bytes | None
    key_delimiter: bytes | None
    delimiter: bytes
    headers: list[tuple[str, bytes | None]]
    has_nulls: bool
    files: Sequence[str]
    is_lines: bool
    count: int | None
    tees: bool
    is_quiet: bool

    def record(self, text: bytes) -> tuple[bytes | None, bytes | None]:
        """Key and value of one record's text."""
        key, value = self.key, text
        if self.key_delimiter is not None and self.key_delimiter in text:
            key, _, value = text.partition(self.key_delimiter)
        if self.has_nulls:
            return key or None, value or None
        return key, value


class Moment(NamedTuple):
    """``-Q``'s question: the first offset at or after a time, or -1 (end), -2 (beginning)."""

    partition: TopicPartition
    timestamp: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Read ``topic:partition:timestamp``."""
        try:
            topic, partition, timestamp = text.rsplit(":", 2)
            return cls(TopicPartition(topic, int(partition)), int(timestamp))
        except ValueError:
            raise OptionError(f"-Q: -t takes topic:partition:timestamp, got {text!r}") from None


async def consume(address: str, settings: dict[str, Any], reading: Reading) -> None:
    """Print records until there are enough, the end is reached, or a signal comes."""
    with interruption() as interrupted:
        async with connected(address) as link:
            consumer = AIOKafkaConsumer(bootstrap_servers=link, **settings)
            if "group_id" in settings and reading.start.kind != "stored":
                consumer.subscribe(reading.topics)
                ends: Offsets | None = None
                positions: Offsets = {}
            else:
                partitions = await _partitions(link, reading)
                consumer.assign(partitions)
                ends = await _ends(link, partitions, reading)
                positions = await _starts(link, partitions, reading)
            async with consumer:
                for partition, offset in positions.items():
                    consumer.seek(partition, offset)
                await _Printing(consumer, reading, ends).run(interrupted)


async def _partitions(link: Link, reading: Reading) -> list[TopicPartition]:
    asked = MetadataRequest(topics=named(reading.topics), allow_auto_topic_creation=False)
    found = []
    for topic in (await link.send(asked)).topics:
        if topic.error_code is not ErrorCode.NONE:
            raise CommandError(f"topic {topic.name!r}: {topic.error_code.name} (see: streamz kcat -L)")
        indexes = [part.partition_index for part in topic.partitions]
        if reading.partition is not None and reading.partition not in indexes:
            raise CommandError(f"topic {topic.name!r} has no partition {reading.partition}")
        found += [TopicPartition(topic.name, one) for one in indexes if reading.partition in (None, one)]
    return found


async def _starts(link: Link, partitions: list[TopicPartition], reading: Reading) -> Offsets:
    """The first offset of each partition; none where the group's own are meant."""
    start = reading.start
    if start.kind == "stored":
        return {}
    earliest = await offsets_at(link, partitions, EARLIEST_TIMESTAMP)
    latest = await offsets_at(link, partitions, LATEST_TIMESTAMP)
    if start.kind == "since_ms":
        since = await offsets_at(link, partitions, start.number)
        return {one: latest[one] if since[one] < 0 else since[one] for one in partitions}
    return {one: _start(start, earliest[one], latest[one]) for one in partitions}


def _start(start: StartOffset, earliest: int, latest: int) -> int:
    wanted = {"beginning": earliest, "end": latest, "at": start.number, "before_end": latest - start.number}
    return min(max(wanted[start.kind], earliest), latest)


async def _ends(link: Link, partitions: list[TopicPartition], reading: Reading) -> Offsets | None:
    """Where reading ends in each partition, if it does."""
    if not reading.exits:
        return None
    latest = await offsets_at(link, partitions, LATEST_TIMESTAMP)
    if reading.until is None:
        return latest
    until = await offsets_at(link, partitions, reading.until.number)
    return {one: latest[one] if until[one] < 0 else until[one] for one in partitions}


class _Printing:
    """Prints what comes, says where an end was reached."""

    def __init__(self, consumer: AIOKafkaConsumer, reading: Reading, ends: Offsets | None) -> None:
        self._consumer = consumer
        self._reading = reading
        self._ends = ends
        self._left = reading.count
        self._told: Offsets = {}

    async def run(self, interrupted: asyncio.Future[None]) -> None:
        """Until it is over."""
        out = sys.stdout.buffer
        while not interrupted.done() and not await self._is_over():
            polled = await unless(
                interrupted, self._consumer.getmany(timeout_ms=_POLL_MS, max_records=self._left)
            )
            for partition, records in (polled or {}).items():
                self._print(out, partition, records)
            out.flush()

    def _print(
        self, out: Any, partition: TopicPartition, records: Sequence[ConsumerRecord[Any, Any]]
    ) -> None:
        end = None if self._ends is None else self._ends.get(partition)
        wanted = [one for one in records if end is None or one.offset < end]
        wanted = wanted if self._left is None else wanted[: self._left]
        for record in wanted:
            out.write(self._reading.render(record))
            if self._reading.is_unbuffered:
                out.flush()
        if self._left is not None:
            self._left -= len(wanted)

    async def _is_over(self) -> bool:
        if self._left == 0:
            return True
        reached = 0
        assigned = self._consumer.assignment()
        for partition in assigned:
            position = await self._consumer.position(partition)
            end = await self._end(partition)
            if position >= end:
                reached += 1
                self._tell(partition, end)
        return self._reading.exits and bool(assigned) and reached == len(assigned)

    async def _end(self, partition: TopicPartition) -> int:
        if self._ends is not None:
            return self._ends[partition]
        found = self._consumer.highwater(partition)
        return (await self._consumer.end_offsets([partition]))[partition] if found is None else found

    def _tell(self, partition: TopicPartition, end: int) -> None:
        if self._told.get(partition) == end or self._reading.is_quiet:
            return
        self._told[partition] = end
        last = ": exiting" if self._reading.exits else ""
        where = f"{partition.topic} [{partition.partition}] at offset {end}"
        click.echo(f"% Reached end of topic {where}{last}", err=True)


async def produce(address: str, settings: dict[str, Any], writing: Writing) -> None:
    """Send records until the input ends; every one of them is acknowledged when this returns.

    With a transactional id all are one transaction, which a signal has aborted.
    """
    with interruption() as interrupted:
        async with (
            connected(address, create=True) as link,
            AIOKafkaProducer(bootstrap_servers=link, **settings) as producer,
        ):
            if "transactional_id" not in settings:
                await _send(producer, writing, interrupted)
                return
            _say(writing, "Using transactional producer")
            await producer.begin_transaction()
            await _send(producer, writing, interrupted)
            if interrupted.done():
                await producer.abort_transaction()
                raise CommandError("interrupted: the transaction was aborted")
            _say(writing, "Committing transaction")
            await producer.commit_transaction()
            _say(writing, "Transaction successfully committed")


async def _send(producer: AIOKafkaProducer, writing: Writing, interrupted: asyncio.Future[None]) -> None:
    sent = []
    async for texts in _texts(writing, interrupted):
        for text in texts:
            key, value = writing.record(text)
            headers = writing.headers or None
            sent.append(
                await producer.send(writing.topic, value, key, partition=writing.partition, headers=headers)
            )
            if writing.tees:
                sys.stdout.buffer.write(value or b"")
            if len(sent) == writing.count:
                break
        if len(sent) == writing.count or interrupted.done():
            break
    await producer.flush()
    for future in sent:
        await future
    sys.stdout.flush()


def _say(writing: Writing, text: str) -> None:
    if not writing.is_quiet:
        click.echo(f"% {text}", err=True)


async def _texts(writing: Writing, interrupted: asyncio.Future[None]) -> AsyncIterator[list[bytes]]:
    """The records' texts, in lists as they come."""
    if writing.files:
        contents = [read_bytes(path, "-P") for path in writing.files]
        if writing.is_lines:
            contents = [one for one in contents[0].split(writing.delimiter) if one]
        yield contents
        return
    batches = Input(sys.stdin.buffer).pieces(writing.delimiter)
    while (pieces := await unless(interrupted, anext(batches, None))) is not None:
        yield [one for one in pieces if one]


async def list_topics(address: str, topics: list[str] | None, *, as_json: bool) -> None:
    """Print brokers, topics and partitions."""
    async with connected(address) as link:
        answer = await link.send(
            MetadataRequest(topics=named(topics) if topics else None, allow_auto_topic_creation=False)
        )
    (broker, *_) = answer.brokers
    origin = (-1, f"{address}/bootstrap")  # a directory is nowhere in the network
    if broker.host:
        origin = (broker.node_id, f"{broker.host}:{broker.port}/{broker.node_id}")
    if as_json:
        click.echo(listing(answer, origin, topics), nl=False)
    else:
        click.echo(_listed(answer, address, origin, topics))


def _listed(answer: MetadataResponse, address: str, origin: tuple[int, str], topics: list[str] | None) -> str:
    about = "all topics" if topics is None else ", ".join(topics)
    lines = [
        f"Metadata for {about} (from broker {origin[0]}: {origin[1]}):",
        f" {len(answer.brokers)} brokers:",
    ]
    for broker in answer.brokers:
        where = f"{broker.host}:{broker.port}" if broker.host else address
        role = " (controller)" if broker.node_id == answer.controller_id else ""
        lines.append(f"  broker {broker.node_id} at {where}{role}")
    lines.append(f" {len(answer.topics)} topics:")
    for topic in answer.topics:
        error = "" if topic.error_code is ErrorCode.NONE else f" {topic.error_code.name}"
        lines.append(f'  topic "{topic.name}" with {len(topic.partitions)} partitions:{error}')
        for part in topic.partitions:
            replicas, isrs = (",".join(map(str, nodes)) for nodes in (part.replica_nodes, part.isr_nodes))
            lines.append(
                f"    partition {part.partition_index}, leader {part.leader_id}, replicas: {replicas}, isrs: {isrs}"
            )
    return "\n".join(lines)


async def query(address: str, moments: Sequence[Moment]) -> None:
    """Print an offset for each question."""
    async with connected(address) as link:
        for partition, timestamp in sorted(moments):
            found = await offsets_at(link, [partition], timestamp)
            if partition not in found:
                raise CommandError(f"{partition.topic}-{partition.partition} does not exist")
            click.echo(f"{partition.topic} [{partition.partition}] offset {found[partition]}")
