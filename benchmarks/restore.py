"""Restoring a store from its changelog, against RocksDB taking the same pairs in batches.

The changelog has five entries for every view of the run (5,000,000 by default), keys in random order, none twice. The
reference writes the pairs, which lie ready in memory, in write batches of 10,000, and flushes. What is measured opens
an empty store, and reads, checks, decodes, sorts and writes everything. Both databases have the app's settings.
"""

from __future__ import annotations

import random
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.figures import Figure
from benchmarks.setting import Setting
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import NewTopic
from streamz_core.client.link import Link
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.client.request import Requests
from streamz_core.model import TopicPartition
from streamz_core.state.restore import RestoreSource, restore
from streamz_core.state.rocksdb import MemoryBudget, RocksDatabase
from streamz_core.streams.runtime.changelog_reader import LinkChangelogReader
from streamz_core.streams.runtime.config import RuntimeConfig
from streamz_core.streams.runtime.offsets import GroupOffsets

ENTRIES_PER_VIEW = 5
BATCH_RECORDS = 10_000
CHANGELOG = TopicPartition("bench-users-changelog", 0)
RATIO = 0.5

Pairs = tuple[list[bytes], list[bytes]]


async def restoring(setting: Setting) -> list[Figure]:
    """Entries per second, interleaved."""
    count = setting.count * ENTRIES_PER_VIEW
    numbers = list(range(count))
    random.Random(1).shuffle(numbers)
    pairs = [b"user-%010d" % n for n in numbers], [b'{"name": "user %d", "visits": 17}' % n for n in numbers]
    reference: list[float] = []
    ours: list[float] = []
    with setting.scratch() as directory:
        link = await open_link(f"file://{directory}/log")
        try:
            await _fill(link, pairs)
            for number in range(setting.rounds):
                reference.append(_ingest(f"{directory}/reference-{number}", pairs))
                ours.append(await _restore(link, f"{directory}/restored-{number}", count))
        finally:
            await link.close()
    what = f"restore of a changelog of {count:,} entries"
    return [
        Figure(what, count / median(ours), count / median(reference), "entries/s", at_least=RATIO),
    ]


async def _fill(link: Link, pairs: Pairs) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=link)
    producer = AIOKafkaProducer(bootstrap_servers=link, enable_idempotence=True)
    await admin.start()
    await producer.start()
    try:
        await admin.create_topics(
            [NewTopic(CHANGELOG.topic, 1, 1, topic_configs={"cleanup.policy": "compact"})]
        )
        keys, values = pairs
        for first in range(0, len(keys), BATCH_RECORDS):
            part = slice(first, first + BATCH_RECORDS)
            times = [1_700_000_000_000] * len(keys[part])
            await (await producer.send_columns(*CHANGELOG, keys[part], values[part], times))
    finally:
        await producer.stop()
        await admin.close()


def _ingest(path: str, pairs: Pairs) -> float:
    database = RocksDatabase(path, {"users": "reference"}, _budget())
    store, (keys, values) = database.store("users"), pairs
    began = perf_counter()
    for first in range(0, len(keys), BATCH_RECORDS):
        part = slice(first, first + BATCH_RECORDS)
        store.write(list(zip(keys[part], values[part], strict=True)), first)
    database.flush()
    took = perf_counter() - began
    database.close()
    return took


async def _restore(link: Link, path: str, count: int) -> float:
    config = RuntimeConfig(app_id="bench")
    requests = Requests(link, config.request_timeout_ms, config.retry_backoff_ms)
    reader = LinkChangelogReader(requests, GroupOffsets(requests, config))
    database = RocksDatabase(path, {"users": "restored"}, _budget())
    began = perf_counter()
    done = await restore(database.store("users"), RestoreSource(CHANGELOG), reader)
    database.flush()
    took = perf_counter() - began
    database.close()
    if done.records != count:
        raise AssertionError(f"{Path(path).name}: {done.records} of {count} entries came back")
    return took


def _budget() -> MemoryBudget:
    return MemoryBudget(RuntimeConfig(app_id="bench").memory_budget_bytes)


ROWS = {"restore": restoring}
