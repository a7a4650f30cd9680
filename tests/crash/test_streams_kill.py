"""``kill -9`` of a whole app, again and again: outputs, finals and state are those of an undisturbed run."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import orjson

from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.local_link import open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest

ROOT = Path(__file__).resolve().parents[2]
RECORDS = 4_000
KILLS = 5


async def prepare(address: str) -> None:
    link = await open_link(address)
    topics = [CreatableTopic(name="views", num_partitions=2, replication_factor=1)]
    await link.send(CreateTopicsRequest(topics=topics))
    async with AIOKafkaProducer(bootstrap_servers=link, acks=1) as producer:
        for partition in range(2):
            numbers = range(partition, RECORDS, 2)
            await producer.send_columns(
                "views",
                partition,
                [orjson.dumps(f"k{n % 20}") for n in numbers],
                [b"%d" % n for n in numbers],
                [1_000_000 + n * 100 for n in numbers],
            )
        await producer.flush()
    await link.close()


def live(directory: Path, killed_after: int | None) -> int:
    """One life of the app, killed once it has committed so many records; returns how many it had."""
    command = [sys.executable, "-m", "tests.crash.streams_app", str(directory), str(RECORDS)]
    committed = 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            committed = int(line)
            if killed_after is not None and committed >= killed_after:
                process.kill()
                break
    assert killed_after is not None or process.returncode == 0
    return committed


async def read(address: str, *topics: str) -> dict[str, list[tuple[bytes, bytes]]]:
    found: dict[str, list] = {topic: [] for topic in topics}
    async with AIOKafkaConsumer(
        *topics, bootstrap_servers=address, isolation_level="read_committed", auto_offset_reset="earliest"
    ) as consumer:
        while fetched := await consumer.getcolumns(timeout_ms=200):
            for partition, columns in fetched.items():
                found[partition.topic] += zip(columns.keys, columns.values, strict=True)
    return found


async def test_an_app_killed_again_and_again_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    address = f"file://{tmp_path}/data"
    await prepare(address)

    for kill in range(1, KILLS + 1):
        assert live(tmp_path, killed_after=kill * RECORDS // (KILLS + 2)) < RECORDS
    assert live(tmp_path, killed_after=None) == RECORDS

    found = await read(address, "counts", "finals", "app-totals-changelog")
    seen: Counter[str] = Counter()
    expected = []
    windows: Counter[tuple[bytes, int]] = Counter()
    for n in range(RECORDS):
        seen[key := f"k{n % 20}"] += 1
        expected.append((orjson.dumps(key), [n, seen[key]]))
        windows[orjson.dumps(key), (1_000_000 + n * 100) // 10_000 * 10_000] += 1
    assert sorted((key, orjson.loads(value)) for key, value in found["counts"]) == sorted(expected)
    last = 1_000_000 + (RECORDS - 2) * 100
    closed = sorted((*window, count) for window, count in windows.items() if window[1] + 10_000 <= last)
    assert sorted((key, *orjson.loads(value)) for key, value in found["finals"]) == closed
    assert {orjson.loads(k): orjson.loads(v) for k, v in found["app-totals-changelog"]} == seen
