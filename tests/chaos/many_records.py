"""Harness: exactly once over many records, by an app that is killed again and again until it has handled them all.

Owns: the app (streams and an agent over one topic), its input, when it dies, and what must have come out. Run it by
itself::

    python -m tests.chaos.many_records --directory DIR --records 1000000 --kills 20 --seed 1

Must not know: how processes are forked.

Every record has a number, and everything that comes out follows from the numbers: each record once in ``copies`` and
in its partition's order; each key's counts 1, 2, 3 … once each in ``counts``; each window's count once in ``finals``;
tables that hold what the key has had. Lives end when the app has committed so many records, and a little later, or
while they begin. In every other life stores are written to disk at each commit.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

from streamz_core import App
from streamz_core.app import own_process
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import NewTopic
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition
from streamz_core.protocol.murmur2 import partition_for
from streamz_core.serde.codecs import JsonCodec
from streamz_core.serde.stamped import StampedCodec
from streamz_core.streams import EmitStrategy, Materialized, TimeWindows
from streamz_core.streams.runtime.task import Task
from tests.chaos.processes import LifeFailed, Main, child, kill, unharmed, wait

PARTITIONS = 4
KEYS = 1_000
WINDOW_MS = 1_000
GROUP = "once"
OUTPUTS = ("copies", "counts", "finals")
CHANGELOGS = {"totals": f"{GROUP}-totals-changelog", "seen": f"{GROUP}-seen-changelog"}
STORED = {"totals": StampedCodec(JsonCodec("value")), "seen": JsonCodec("value")}
BATCH = 1_000
WITHIN_S = 3_600.0
KEEP = {"retention.ms": "-1"}


KEY_OF = [b"k%d" % number for number in range(KEYS)]
PARTITION_OF = [partition_for(key, PARTITIONS) for key in KEY_OF]


def partition_of(number: int) -> int:
    return PARTITION_OF[number % KEYS]


def key_of(number: int) -> bytes:
    return KEY_OF[number % KEYS]


def once_app(directory: str, *, flushes: bool) -> App:
    """The app, to be run in a process of its own."""
    if flushes:
        Task._flush_if_due = lambda task: task._stores.flush_soon()  # type: ignore[method-assign]
    app = App(
        GROUP,
        broker=f"file://{directory}/data",
        broker_commit_interval=0.02,
        topic_allow_declare=False,
        memory_budget=64 << 20,
    )
    views = app.topic("views", key_type=str, value_type=int)
    stream = app.stream(views)
    stream.map_values(lambda number: number, value_type=int).to("copies")
    groups = stream.group_by_key()
    each = Materialized("totals", caching=False)
    groups.count(each).to_stream().to("counts", value_type=int)
    windows = groups.windowed_by(TimeWindows.of_size_with_no_grace(WINDOW_MS))
    final = windows.emit_strategy(EmitStrategy.on_window_close()).count("windows")
    final.to_stream(lambda key, _: f"{key.key}@{key.window.start}").to("finals", value_type=int)
    seen = app.Table("seen", default=int, key_type=str, value_type=int)

    @app.agent(views)
    async def see(stream: Any) -> None:
        async for key, _number in stream.items():  # noqa: PERF102 - a stream of pairs, no dict
            seen[key] += 1

    return app


async def fill(directory: str, records: int) -> None:
    """Write the input: record ``n`` has time ``n``."""
    address = f"file://{directory}/data"
    async with AIOKafkaAdminClient(bootstrap_servers=address) as admin:
        topics = [NewTopic(name, PARTITIONS, 1, topic_configs=KEEP) for name in ("views", *OUTPUTS)]
        (await admin.create_topics(topics)).raise_for_errors()
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        for start in range(0, records, BATCH * PARTITIONS):
            numbers = range(start, min(records, start + BATCH * PARTITIONS))
            for partition in range(PARTITIONS):
                mine = [number for number in numbers if partition_of(number) == partition]
                if mine:
                    await producer.send_columns(
                        "views", partition, [key_of(n) for n in mine], [b"%d" % n for n in mine], mine
                    )
        await producer.flush()


async def live(directory: str, records: int, *, flushes: bool) -> None:
    """Run the app until all is committed, and keep telling how far it is."""
    own_process.tune()
    async with once_app(directory, flushes=flushes) as app:
        while (done := _committed(app)) < records:
            _tell(directory, done)
            await asyncio.sleep(0.01)
        _tell(directory, done)


def _committed(app: App) -> int:
    runtime = app.running.runtime
    assert runtime is not None
    return sum(
        offset
        for task in runtime.tasks.values()
        for partition, offset in task.committed.items()
        if partition.topic == "views"
    )


def _tell(directory: str, done: int) -> None:
    with open(f"{directory}/progress", "w", encoding="ascii") as file:
        file.write(f"{done}\n")


def progress(directory: str) -> int:
    """How many records were committed when the app last told."""
    try:
        with open(f"{directory}/progress", encoding="ascii") as file:
            return int(file.read() or 0)
    except (FileNotFoundError, ValueError):
        return 0


# -- the deaths -------------------------------------------------------------------------------------


def die_often(directory: str, records: int, kills: int, random: Random) -> int:
    """Lives until all is done; how many were killed."""
    log = f"{directory}/life.txt"
    for number in range(kills):
        main = _life(directory, records, flushes=bool(number % 2))
        done = progress(directory)
        # That all kills come before the end, most likely, and are spread over all of it.
        target = done + int(random.uniform(0, 1.6) * (records - done) / (kills - number + 1))
        pid = child(log, main)
        if not _wait_until_it_dies(directory, pid, target, random):
            return number
        kill(pid)
    unharmed(log, _life(directory, records, flushes=False), WITHIN_S)
    return kills


def _life(directory: str, records: int, *, flushes: bool) -> Main:
    return lambda: live(directory, records, flushes=flushes)


def _wait_until_it_dies(directory: str, pid: int, target: int, random: Random) -> bool:
    """Whether it is to be killed now: the app is so far, or is still beginning; False: it ended by itself."""
    opening_s = random.uniform(0.0, 0.5) if random.random() < 0.25 else WITHIN_S
    ends = time.monotonic() + opening_s
    while time.monotonic() < ends and progress(directory) <= target:
        if (code := wait(pid, 0.002)) is not None:
            if code:
                with open(f"{directory}/life.txt", encoding="utf-8", errors="replace") as file:
                    raise LifeFailed(f"a life ended with {code}: {file.read()[-6000:]}")
            return False
    return wait(pid, random.uniform(0.0, 0.04)) is None


# -- the verdict ------------------------------------------------------------------------------------


async def judge(directory: str, records: int, told: list[str]) -> None:
    """Read everything that was committed, and add to ``told`` what is wrong."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=f"file://{directory}/data",
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        finals: Counter[tuple[bytes, int]] = Counter()
        for partition in range(PARTITIONS):
            numbers = [number for number in range(records) if partition_of(number) == partition]
            told += check_copies(partition, numbers, await _column(consumer, "copies", partition))
            told += check_counts(partition, numbers, await _column(consumer, "counts", partition))
            finals += Counter(
                (key, int(value)) for key, value in await _column(consumer, "finals", partition)
            )
        told += check_finals(records, finals)
        for store, topic in CHANGELOGS.items():
            rows = [row for p in range(PARTITIONS) for row in await _column(consumer, topic, p)]
            told += check_table(store, records, dict(rows))
    finally:
        await consumer.stop()


async def _column(consumer: AIOKafkaConsumer, topic: str, partition: int) -> list[tuple[bytes, bytes]]:
    """Keys and values of a partition."""
    source = TopicPartition(topic, partition)
    consumer.assign([source])
    await consumer.seek_to_beginning(source)
    end = (await consumer.end_offsets([source]))[source]
    rows: list[tuple[bytes, bytes]] = []
    while await consumer.position(source) < end:
        for columns in (await consumer.getcolumns(timeout_ms=1_000)).values():
            rows += zip(columns.keys, columns.values, strict=True)
    return rows


def check_copies(partition: int, numbers: list[int], rows: list[tuple[bytes, bytes]]) -> Iterator[str]:
    """Each record once, in order."""
    if rows != [(key_of(number), b"%d" % number) for number in numbers]:
        found = Counter(int(value) for _, value in rows)
        yield (
            _difference(f"copies-{partition}", Counter(numbers), found) or f"copies-{partition}: out of order"
        )


def check_counts(partition: int, numbers: list[int], rows: list[tuple[bytes, bytes]]) -> Iterator[str]:
    """Of each key 1, 2, 3 …, in order."""
    so_far: Counter[bytes] = Counter()
    for key, value in rows:
        so_far[key] += 1
        if int(value) != so_far[key]:
            yield f"counts-{partition}: {key!r} has {int(value)} where {so_far[key]} is expected"
            return
    if difference := _difference(f"counts-{partition}", Counter(key_of(n) for n in numbers), so_far):
        yield difference


def check_finals(records: int, finals: Counter[tuple[bytes, int]]) -> Iterator[str]:
    """Each window that is over, once. Time is that of a partition's records."""
    last = [max((n for n in range(records) if partition_of(n) == p), default=-1) for p in range(PARTITIONS)]
    windows: Counter[bytes] = Counter()
    for number in range(records):
        start = number - number % WINDOW_MS
        if start + WINDOW_MS <= last[partition_of(number)]:
            windows[b"%s@%d" % (key_of(number), start)] += 1
    if difference := _difference("finals", Counter(windows.items()), finals):
        yield difference


def check_table(store: str, records: int, rows: dict[bytes, bytes]) -> Iterator[str]:
    """What every key has had."""
    expected = Counter(key_of(number) for number in range(records))
    counts = STORED[store].decode([value for _, value in rows.items()])
    found = Counter(dict(zip(rows, (_plain(count) for count in counts), strict=True)))
    if difference := _difference(store, expected, found):
        yield difference


def _plain(stored: Any) -> int:
    """What is stamped with a time comes with it."""
    return int(stored[0] if isinstance(stored, tuple) else stored)


def _difference(what: str, expected: Counter[Any], found: Counter[Any]) -> str:
    missing, surplus = expected - found, found - expected
    if not missing and not surplus:
        return ""
    return (
        f"{what}: {missing.total()} missing, {surplus.total()} too much; "
        f"for instance {list(missing.items())[:5]} and {list(surplus.items())[:5]}"
    )


def main() -> int:
    """One run, as the command line asks."""
    parser = argparse.ArgumentParser(description="Exactly once over many records, with kills.")
    parser.add_argument("--directory", required=True, help="must not be there yet")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    directory = os.path.abspath(options.directory)
    wrong = run(directory, options.records, options.kills, options.seed)
    if not wrong:
        shutil.rmtree(directory)
    return 1 if wrong else 0


def run(directory: str, records: int, kills: int, seed: int) -> list[str]:
    """One run in a directory that is not there yet; prints and returns what is wrong."""
    os.makedirs(directory)
    wrong: list[str] = []
    began, killed = time.monotonic(), 0
    try:
        unharmed(f"{directory}/life.txt", lambda: fill(directory, records), WITHIN_S)
        killed = die_often(directory, records, kills, Random(seed))
        asyncio.run(judge(directory, records, wrong))
    except LifeFailed as failed:
        wrong.append(str(failed))
    seconds = time.monotonic() - began
    verdict = "\n".join(wrong) or "each output once"
    print(f"{records} records, {killed} kills, seed {seed}, {seconds:.0f} s: {verdict}")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
