"""Actors that write: producers of every kind, and the clock of the app's input.

Owns: what is produced to which topic, how much at once, and how transactions end.
Must not know: who reads it.
"""

from __future__ import annotations

import asyncio

from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from tests.chaos.life import Life
from tests.chaos.operations import Begun, Ended, Ending

IN_FLIGHT_MAX = 4
LOGS = tuple(TopicPartition(topic, partition) for topic in ("log-a", "log-b") for partition in range(2))


async def pause(life: Life, at_most_s: float) -> None:
    """Let the others work, for a random time."""
    await asyncio.sleep(life.random.random() * at_most_s)


async def produce(life: Life, role: str, partitions: tuple[TopicPartition, ...], **settings: object) -> None:
    """A producer that has a few batches under way at any time."""
    name, pending = life.name(role), set[asyncio.Future[None]]()
    async with AIOKafkaProducer(bootstrap_servers=life.link, **settings) as producer:  # type: ignore[arg-type]
        while True:
            partition = life.random.choice(partitions)
            key = {"key": f"k{life.random.randrange(8)}"} if partition.topic == "latest" else {}
            pending.add(await life.send(producer, name, partition, life.random.randint(1, 12), **key))
            if len(pending) >= IN_FLIGHT_MAX:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    one.result()
            await pause(life, 0.004)


async def transact(life: Life) -> None:
    """A transactional producer over several partitions; some transactions are aborted."""
    name, random = life.name("transactor"), life.random
    async with AIOKafkaProducer(
        bootstrap_servers=life.link, transactional_id="transactor", transaction_timeout_ms=20_000
    ) as producer:
        while True:
            transaction, is_committed = life.journal.call(), random.random() < 0.8
            life.journal.write(Begun(transaction, "transactor"))
            await producer.begin_transaction()
            sent = [
                await life.send(producer, name, partition, random.randint(1, 6), transaction=transaction)
                for partition in random.sample(LOGS, random.randint(1, len(LOGS)))
            ]
            if random.random() < 0.3:
                await pause(life, 0.05)
            await asyncio.gather(*sent)
            life.journal.write(Ending(transaction, is_committed))
            await (producer.commit_transaction() if is_committed else producer.abort_transaction())
            life.journal.write(Ended(transaction))
            await pause(life, 0.004)
