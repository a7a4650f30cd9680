"""Actors that read: group members that commit, copiers that commit in transactions, and free readers.

Owns: how members poll, commit, leave and come back, and what of it is written down.
Must not know: what was produced.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.errors import CommitFailedError, IllegalStateError
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from streamz_core.protocol.record_batch import Columns
from tests.chaos.life import Life
from tests.chaos.operations import (
    Assigned,
    Begun,
    CommitFailed,
    Committed,
    CommittedSeen,
    Committing,
    Ended,
    Ending,
    OffsetsAdded,
    Polled,
    Positioned,
)
from tests.chaos.producing import LOGS, pause

MEMBER = {
    "auto_offset_reset": "earliest",
    "isolation_level": "read_committed",
    "enable_auto_commit": False,
    "fetch_max_wait_ms": 50,
    "heartbeat_interval_ms": 20,  # members learn of a rebalance by it, and lives are short
}


class Member:
    """A consumer, and the writing down of what it is given."""

    def __init__(self, life: Life, role: str, group: str = "", **settings: object) -> None:
        self.life, self.group = life, group
        self.name = f"{role}/{life.journal.call()}"
        more = {**MEMBER, **settings, **({"group_id": group} if group else {})}
        self.is_committed = more["isolation_level"] == "read_committed"
        self.consumer = AIOKafkaConsumer(bootstrap_servers=life.link, **more)  # type: ignore[arg-type]

    async def poll(self, timeout_ms: int = 20, max_records: int = 50) -> dict[TopicPartition, Columns]:
        """Ask for records and write down which ones were given."""
        given = await self.consumer.getcolumns(timeout_ms=timeout_ms, max_records=max_records)
        self.life.journal.write(
            *(
                Polled(
                    self.name,
                    self.life.partition(partition),
                    (*columns.offsets,),
                    _texts(columns.values),
                    _texts(columns.keys),
                    self.is_committed,
                    self.group,
                )
                for partition, columns in given.items()
            )
        )
        return given

    def leaves(self) -> bool:
        """Whether a member that comes and goes goes now: mostly once it was given something."""
        return self.life.random.random() < (0.12 if self.consumer.assignment() else 0.01)

    @property
    def generation(self) -> int:
        """The generation the member is in now; ``group_metadata`` tells that of the last poll."""
        return self.consumer._group_member().identity.generation_id

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Nothing: commits follow each poll."""

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Write down what is owned from here on, and where reading begins."""
        partitions = tuple(self.life.partition(partition) for partition in sorted(assigned))
        self.life.journal.write(Assigned(self.name, self.group, self.generation, partitions))
        await self.note_positions(assigned)

    async def note_positions(self, partitions: set[TopicPartition]) -> None:
        """Write down that reading begins where the group is."""
        for partition in sorted(partitions):
            offset = await self.consumer.committed(partition)
            at = self.life.partition(partition)
            self.life.journal.write(
                CommittedSeen(self.group, at, offset), Positioned(self.name, at, offset or 0)
            )


def _texts(column: Sequence[bytes | None]) -> tuple[str, ...]:
    """As histories have them; what an app keeps in a changelog may be anything."""
    return tuple((one or b"").decode(errors="replace") for one in column)


@contextlib.asynccontextmanager
async def membership(life: Life, role: str, group: str, *topics: str):
    """A member of ``group`` that has joined."""
    member = Member(life, role, group)
    async with member.consumer as consumer:
        consumer.subscribe(topics, listener=member)
        yield member


async def consume_in_group(life: Life, role: str, *, stays: bool) -> None:
    """A member that commits what it was given; one that does not stay leaves now and then and comes back."""
    while True:
        async with membership(life, role, "readers", "log-a", "log-b") as member:
            while stays or not member.leaves():
                given = await member.poll()
                for partition, columns in given.items():
                    await commit(member, partition, columns.offsets[-1] + 1)
                await pause(life, 0.01)


async def commit(member: Member, partition: TopicPartition, offset: int) -> None:
    """Commit one offset and write down what came of it."""
    journal, at = member.life.journal, member.life.partition(partition)
    call = journal.call()
    journal.write(Committing(call, member.name, member.group, at, offset, member.generation))
    try:
        await member.consumer.commit({partition: offset})
    except (CommitFailedError, IllegalStateError):
        journal.write(CommitFailed(call))
    else:
        journal.write(Committed(call))


async def copy(life: Life, role: str, *, stays: bool, max_records: int = 8) -> None:
    """Consume, transform, produce: exactly once, though members come and go and transactions are aborted."""
    name = life.name(role)
    async with AIOKafkaProducer(
        bootstrap_servers=life.link, transactional_id=role, transaction_timeout_ms=20_000
    ) as producer:
        while True:
            async with membership(life, role, "copies", "log-a") as member:
                while stays or not member.leaves():
                    given = await member.poll(max_records=max_records)
                    if given:
                        await copy_batch(life, member, producer, name, role, given)
                    await pause(life, 0.005)


async def copy_batch(
    life: Life,
    member: Member,
    producer: AIOKafkaProducer,
    name: str,
    role: str,
    given: dict[TopicPartition, Columns],
) -> None:
    """One transaction: an output for each record given, and the offsets behind them."""
    transaction = life.journal.call()
    life.journal.write(Begun(transaction, role))
    await producer.begin_transaction()
    is_committed = life.random.random() < 0.9
    try:
        for partition, columns in given.items():
            for value in columns.values:
                to = TopicPartition("copies", life.random.randrange(2))
                origin = (value or b"").decode()
                await life.send(producer, name, to, 1, origin=origin, transaction=transaction)
            offset = columns.offsets[-1] + 1
            at = life.partition(partition)
            life.journal.write(OffsetsAdded(transaction, member.group, at, offset))
        if life.random.random() < 0.2:
            await pause(life, 0.08)  # so that the group moves on meanwhile
        offsets = {partition: columns.offsets[-1] + 1 for partition, columns in given.items()}
        await producer.send_offsets_to_transaction(offsets, member.consumer.group_metadata())
        if is_committed:
            life.journal.write(Ending(transaction, True))
            await producer.commit_transaction()
            life.journal.write(Ended(transaction))
            return
    except CommitFailedError:
        pass  # the group has moved on: the new owner copies these
    await producer.flush()
    life.journal.write(Ending(transaction, False))
    await producer.abort_transaction()
    life.journal.write(Ended(transaction))
    await go_back(member, set(given))


async def go_back(member: Member, partitions: set[TopicPartition]) -> None:
    """Read again from where the group is, as far as the partitions are still ours."""
    mine = partitions & member.consumer.assignment()
    if mine:
        with contextlib.suppress(IllegalStateError):
            for partition, offset in (await member.consumer.seek_to_committed(*sorted(mine))).items():
                if offset is None:  # seek_to_committed leaves the position then, as aiokafka's does
                    await member.consumer.seek_to_beginning(partition)
            await member.note_positions(mine)


async def read_freely(life: Life) -> None:
    """A reader without a group that sees uncommitted records too, and goes back now and then."""
    member = Member(life, "free", isolation_level="read_uncommitted")
    async with member.consumer as consumer:
        consumer.assign(LOGS)
        while True:
            for partition in LOGS:
                if life.random.random() < 0.5:
                    continue
                (end,) = (await consumer.end_offsets([partition])).values()
                offset = life.random.randint(max(0, end - 200), end)
                consumer.seek(partition, offset)
                life.journal.write(Positioned(member.name, life.partition(partition), offset))
            for _ in range(life.random.randint(1, 20)):
                await member.poll()
                await asyncio.sleep(0.005)
