"""A short workload that does everything once, in a fixed order, for being killed at every step of it.

Owns: the steps: topics made, grown and deleted, batches of every level, rolls, transactions committed
and aborted, group commits, a copy in a transaction, records deleted, compaction, closing, opening again.
Must not know: who kills it, and where.
"""

from __future__ import annotations

from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from tests.chaos.churning import create, delete, trim
from tests.chaos.consuming import commit, copy_batch, membership
from tests.chaos.journal import Journal
from tests.chaos.life import CHURNED, Life, begin
from tests.chaos.operations import Begun, Declared, Ended, Ending, Kind

GROUPS = {"readers": "log-a", "copies": "log-a"}
DECLARED = (Declared("copies", source="log-a", group="copies"), Declared("latest", Kind.COMPACTED))
TINY = {"segment.bytes": "1024", "index.interval.bytes": "256"}
TOPICS = {
    "log-a": TINY,
    "copies": TINY,
    "trimmed": {**TINY, "preallocate": "true"},
    "latest": {
        **TINY,
        "preallocate": "true",
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0.01",
    },
}


async def run(directory: str, number: int, *, acks: int | str) -> None:
    """The whole script: two lives in one process; ``acks`` of what is not idempotent."""
    for part, steps in enumerate((first_part, second_part)):
        life = await begin(directory, Journal(f"{directory}/history", number + part), number, GROUPS)
        await steps(life, acks)
        await life.link.close()


async def first_part(life: Life, acks: int | str) -> None:
    """Make topics and write to all of them."""
    life.journal.write(*DECLARED)
    async with (
        AIOKafkaAdminClient(bootstrap_servers=life.link) as admin,
        AIOKafkaProducer(bootstrap_servers=life.link, enable_idempotence=True) as idempotent,
        AIOKafkaProducer(bootstrap_servers=life.link, acks=acks) as plain,
    ):
        for topic, settings in TOPICS.items():
            await create(life, admin, topic, 2 if topic == "copies" else 1, settings)
        await fill(life, idempotent, "log-a", batches=3, records=10)
        await fill(life, plain, "log-a", batches=2, records=3)
        await fill(life, idempotent, "trimmed", batches=2, records=20)
        await fill(life, idempotent, "latest", batches=4, records=15)
        await transactions(life)
        await trim(life, admin)
        await create(life, admin, f"{CHURNED}0", 2, TINY)
        await fill(life, plain, f"{CHURNED}0", batches=1, records=2)
        await delete(life, admin, f"{CHURNED}0")


async def second_part(life: Life, acks: int | str) -> None:
    """Read it in groups, copy it, make what was deleted anew."""
    await copied(life)
    await committed(life)
    async with (
        AIOKafkaAdminClient(bootstrap_servers=life.link) as admin,
        AIOKafkaProducer(bootstrap_servers=life.link, acks=acks) as plain,
    ):
        await create(life, admin, f"{CHURNED}0", 1, TINY)
        await fill(life, plain, f"{CHURNED}0", batches=1, records=2)
        await fill(life, plain, "log-a", batches=1, records=2)


async def fill(life: Life, producer: AIOKafkaProducer, topic: str, *, batches: int, records: int) -> None:
    """Send batches one after the other; keys repeat, for topics that are compacted."""
    for number in range(batches):
        key = {"key": f"k{number % 2}"} if topic == "latest" else {}
        name = life.name(f"producer {id(producer)}")
        await (await life.send(producer, name, TopicPartition(topic, 0), records, **key))


async def transactions(life: Life) -> None:
    """Two transactions over two topics: one is committed, one aborted."""
    async with AIOKafkaProducer(bootstrap_servers=life.link, transactional_id="transactor") as producer:
        for is_committed in (True, False):
            transaction = life.journal.call()
            life.journal.write(Begun(transaction, "transactor"))
            await producer.begin_transaction()
            for topic in ("log-a", "trimmed"):
                to = TopicPartition(topic, 0)
                name = life.name("transactor")
                await (await life.send(producer, name, to, 3, transaction=transaction))
            life.journal.write(Ending(transaction, is_committed))
            await (producer.commit_transaction() if is_committed else producer.abort_transaction())
            life.journal.write(Ended(transaction))


async def copied(life: Life) -> None:
    """Two batches are consumed, transformed and produced, each in a transaction."""
    async with (
        AIOKafkaProducer(bootstrap_servers=life.link, transactional_id="copier") as producer,
        membership(life, "copier", "copies", "log-a") as member,
    ):
        for _ in range(2):
            given = await member.poll(timeout_ms=5_000, max_records=4)
            await copy_batch(life, member, producer, life.name("copier"), "copier", given)


async def committed(life: Life) -> None:
    """A member of a group reads and commits twice."""
    async with membership(life, "reader", "readers", "log-a") as member:
        for _ in range(2):
            for partition, columns in (await member.poll(timeout_ms=5_000, max_records=5)).items():
                await commit(member, partition, columns.offsets[-1] + 1)
