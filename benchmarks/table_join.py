"""A stream joined with a table, exactly-once, on a log on disk, against a bare loop with a dict in memory.

Timed and set up as agents are (``benchmarks.agents``): from ``app.start()`` to the commit of the last record.

Views with a table of 100,000 users, which is read from its topic into RocksDB first, as the views are
younger; page and region of each as JSON to a topic of four partitions. Reference: the same users decoded into a
dict, and a loop over the views with the same decoder and encoder calls, the output dropped every 1,000 records.
"""

from __future__ import annotations

from typing import Any

import msgspec

from benchmarks.agents import HANDED_OFF, run
from benchmarks.figures import Figure
from benchmarks.measuring import Sample, Stopwatch, compare
from benchmarks.setting import PARTITIONS, TOPIC, PartitionBatch, Setting
from benchmarks.workload import START_MS, USERS, Views
from streamz_core import App
from streamz_core.app import own_process
from streamz_core.protocol.murmur2 import partition_for

USERS_TOPIC = "users"
REGIONS = 50


async def streams_table_join(setting: Setting) -> list[Figure]:
    """Parse, look up, join, to a topic."""
    own_process.tune()
    users = _users()
    found = await compare(
        lambda: run(setting, _table_join, {USERS_TOPIC: users}),
        lambda: _bare_join(setting, users),
        setting.rounds,
    )
    return [found.rate("DSL: join with a table of 100,000", setting.count, at_least=0.5)]


def _table_join(app: App) -> None:
    app.topic("joined", partitions=PARTITIONS)
    users = app.table(USERS_TOPIC)
    app.stream(TOPIC).join(users, _joined).to("joined")


def _joined(view: Any, user: Any) -> Any:
    return {"page": view["page"], "region": user["region"]}


def _users() -> list[PartitionBatch]:
    """One record a user, older than any view."""
    filling = [Views([], [], []) for _ in range(PARTITIONS)]
    for user in range(USERS):
        key = b"u%05d" % user
        batch = filling[partition_for(key, PARTITIONS)]
        batch.keys.append(key)
        batch.values.append(b'{"name":"%s","region":"r%d"}' % (key, user % REGIONS))
        batch.timestamps.append(START_MS - USERS + user)
    return [
        PartitionBatch(partition, part)
        for partition, all_ in enumerate(filling)
        for part in all_.batches(HANDED_OFF)
    ]


def _bare_join(setting: Setting, users: list[PartitionBatch]) -> Sample:
    loads, dumps = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
    table: dict[bytes, Any] = {}
    out: list[tuple[bytes, bytes]] = []
    with Stopwatch() as watch:
        for _, batch in users:
            for key, value in zip(batch.keys, batch.values, strict=True):
                table[key] = loads(value)
        for block in setting.views.batches(HANDED_OFF):
            for key, value in zip(block.keys, block.values, strict=True):
                user = table.get(key)
                if user is not None:
                    out.append((key, dumps(_joined(loads(value), user))))
            out.clear()
    return watch.sample


ROWS = {"streams_table_join": streams_table_join}
