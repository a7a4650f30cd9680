"""The memory of an app whose state is much larger than its budget.

A topic of four partitions with a record for each of ten keys for every view of the run (10,000,000 by default), none
twice, is counted by key into RocksDB with its changelog, exactly-once, by an app in a process of its own with the
budget that apps have by default. What counts is that process's peak resident memory once everything is committed.
"""

from __future__ import annotations

import asyncio
import sys

from benchmarks.agents import committed
from benchmarks.figures import Figure
from benchmarks.memory import peak_mb
from benchmarks.setting import PARTITIONS, Setting, make_topic
from streamz_core import App
from streamz_core.app import own_process
from streamz_core.app.settings import Settings
from streamz_core.client.producer.producer import AIOKafkaProducer

KEYS_PER_VIEW = 10
BATCH_RECORDS = 1_000
TOPIC = "keyed"
ABOVE_BUDGET_MB = 150.0
BUDGET_MB = Settings().memory_budget / 2**20


async def state(setting: Setting) -> list[Figure]:
    """Peak memory."""
    count = setting.count * KEYS_PER_VIEW
    with setting.scratch() as directory:
        await _fill(f"file://{directory}", count)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.state", directory, str(count), stdout=asyncio.subprocess.PIPE
        )
        told, _ = await child.communicate()
    return [
        Figure(
            f"peak memory, state of {count:,} keys (reference: its budget)",
            float(told),
            BUDGET_MB,
            "MB",
            at_most=BUDGET_MB + ABOVE_BUDGET_MB,
        )
    ]


async def _fill(address: str, count: int) -> None:
    await make_topic(address, TOPIC)
    async with AIOKafkaProducer(bootstrap_servers=address, acks=1) as producer:
        for first in range(0, count, BATCH_RECORDS):
            partition = first // BATCH_RECORDS % PARTITIONS
            keys = [b"user-%010d" % number for number in range(first, min(first + BATCH_RECORDS, count))]
            times = [1_700_000_000_000 + first] * len(keys)
            await producer.send_columns(TOPIC, partition, keys, [b"1"] * len(keys), times)


async def count_keys(directory: str, count: int) -> None:
    """Count them all, and tell the peak."""
    own_process.tune()
    app = App("bench", broker=f"file://{directory}")
    app.stream(TOPIC, key_type=str).group_by_key().count("keys")
    async with app:
        await committed(app, count)
    print(peak_mb())


ROWS = {"state": state}

if __name__ == "__main__":
    asyncio.run(count_keys(sys.argv[1], int(sys.argv[2])))
