"""Agents, exactly-once, on a log on disk, against a bare loop over the values in memory.

Ours is timed from ``app.start()`` to the commit of the last record: opening the log, joining the group,
reading, decoding, the agent, state and changelog, and the transactions with their fdatasyncs. Defaults
everywhere (a commit each 100 ms).

``forward``: JSON in, the half with ``ms > 500`` mapped to another object, JSON out to a topic of four
partitions. Reference: the same decoder and encoder calls over the list of values, the output dropped every
1,000 records.

``window``: views per page and 10 s tumbling window of the record's timestamp, 2 s of grace, in a RocksDB
table with its changelog. Reference: ``orjson.loads`` and a dict by (window, page) with the same test for
lateness, nothing stored.

The process is set up as a worker sets up its own (``own_process.tune``), for both sides: else glibc trims its
heap after many a small JSON buffer, a bare loop takes twice its time, and that would flatter us.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
import orjson

from benchmarks.figures import Figure
from benchmarks.measuring import Sample, Stopwatch, compare
from benchmarks.setting import PARTITIONS, TOPIC, PartitionBatch, Setting, fill
from streamz_core import App
from streamz_core.app import own_process

WINDOW_MS = 10_000
GRACE_MS = 2_000
HANDED_OFF = 1_000
POLL_S = 0.002


async def agent_forward(setting: Setting) -> list[Figure]:
    """Parse, filter, map, forward."""
    own_process.tune()
    found = await compare(lambda: run(setting, forward_slow), lambda: bare_forward(setting), setting.rounds)
    return [found.rate("agent: filter, map, forward", setting.count, at_least=0.4)]


async def agent_window(setting: Setting) -> list[Figure]:
    """Count per page and window."""
    own_process.tune()
    found = await compare(
        lambda: run(setting, count_per_window), lambda: bare_window(setting), setting.rounds
    )
    return [found.rate("agent: windowed count, RocksDB", setting.count, at_least=0.3)]


async def run(
    setting: Setting,
    declare: Callable[[App], None],
    extra: Mapping[str, list[PartitionBatch]] = MappingProxyType({}),
) -> Sample:
    """From the start of an app to its last commit; ``extra`` are the topics beside that of the views."""
    with setting.scratch() as directory:
        address = f"file://{directory}"
        await fill(address, setting.batches)
        for topic, batches in extra.items():
            await fill(address, batches, topic)
        count = setting.count + sum(len(part.views.keys) for batches in extra.values() for part in batches)
        app = App("bench", broker=address)
        declare(app)
        with Stopwatch() as watch:
            async with app:
                await committed(app, count)
                watch.__exit__()
                sample = watch.sample
        return sample


async def committed(app: App, count: int) -> None:
    """Return once the group has committed so many records of its topics."""
    runtime = app.running.runtime
    assert runtime is not None
    while sum(offset for task in runtime.tasks.values() for offset in task.committed.values()) < count:
        await asyncio.sleep(POLL_S)


def forward_slow(app: App) -> None:
    """The agent of ``forward``."""
    slow = app.topic("slow", partitions=PARTITIONS)

    @app.agent(app.topic(TOPIC))
    async def forward(stream: Any) -> None:
        async for view in stream:
            if view["ms"] > 500:
                await slow.send(key=view["user"], value={"page": view["page"], "seconds": view["ms"] / 1000})


def bare_forward(setting: Setting) -> Sample:
    """The same without log, commits and partitions."""
    loads, dumps = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
    out: list[tuple[bytes, bytes]] = []
    with Stopwatch() as watch:
        for block in setting.views.batches(HANDED_OFF):
            for value in block.values:
                view = loads(value)
                if view["ms"] > 500:
                    out.append(
                        (view["user"].encode(), dumps({"page": view["page"], "seconds": view["ms"] / 1000}))
                    )
            out.clear()
    return watch.sample


def count_per_window(app: App) -> None:
    """The agent of ``window``."""
    table = app.Table("counts", default=int)
    counts = table.tumbling(WINDOW_MS / 1000, grace=GRACE_MS / 1000)

    @app.agent(app.topic(TOPIC))
    async def count(stream: Any) -> None:
        async for view in stream:
            counts[view["page"]] += 1


def bare_window(setting: Setting) -> Sample:
    """The same with a dict."""
    counts: dict[tuple[int, str], int] = {}
    stream_time = late = 0
    with Stopwatch() as watch:
        for value in setting.views.values:
            view = orjson.loads(value)
            time = view["ts"]
            if time > stream_time:
                stream_time = time
            start = time - time % WINDOW_MS
            if start + WINDOW_MS + GRACE_MS <= stream_time:
                late += 1
                continue
            key = (start, view["page"])
            counts[key] = counts.get(key, 0) + 1
    return watch.sample


ROWS = {"agent_forward": agent_forward, "agent_window": agent_window}
