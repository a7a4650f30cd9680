"""``kill -9`` in the middle: the app goes on, the figures are right, and each final result is out once."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition

ROOT = Path(__file__).parents[3]
RECORDS = 20_000
PAGES = 7
STEP_MS = 5
WINDOW_S = 10
SEED = 20260101

APP = """
import asyncio, os
from streamz_core import App, Record, after_idle

class View(Record):
    page: str
    n: int

app = App("views", broker=f"file://{os.getcwd()}/data", broker_commit_interval=0.02)
views = app.topic("views", value_type=View)
copies = app.topic("copies", value_type=int)
finals = app.topic("finals", key_type=str, value_type=int)

async def on_close(key, value):
    page, (start, _) = key
    await finals.send(key=f"{page}@{start:g}", value=value)
    print("closed", start, flush=True)

counts = app.Table("counts", default=int, on_window_close=on_close).tumbling(10, grace=0, close=after_idle(0.5))

@app.agent(views)
async def count(stream):
    async for view in stream:
        counts[view.page] += 1
        await copies.send(value=view.n)
        if view.n % 500 == 0:
            print("at", view.n, flush=True)
            await asyncio.sleep(0.002)

if __name__ == "__main__":
    app.main()
"""


def expected() -> tuple[list[tuple[int, bytes]], Counter[str]]:
    """The input, as timestamps and values, and the count of every page and window."""
    records, figures = [], Counter[str]()
    for n in range(RECORDS):
        page, timestamp_ms = f"/{n % PAGES}", n * STEP_MS
        records.append((timestamp_ms, b'{"page":"%s","n":%d}' % (page.encode(), n)))
        figures[f"{page}@{timestamp_ms // 1000 // WINDOW_S * WINDOW_S}"] += 1
    return records, figures


async def fill(address: str, records: list[tuple[int, bytes]]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        timestamps, values = [list(column) for column in zip(*records, strict=True)]
        sent = []
        for at in range(0, RECORDS, 500):
            part = values[at : at + 500]
            sent.append(
                await producer.send_columns("views", 0, [None] * len(part), part, timestamps[at : at + 500])
            )
        for one in sent:
            await one


async def read(address: str, topic: str) -> list[tuple[bytes | None, bytes]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    async with consumer:
        tp = TopicPartition(topic, 0)
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        found = []
        while await consumer.position(tp) < end:
            found += (await consumer.getmany(tp, timeout_ms=100)).get(tp, [])
        return [(record.key, record.value) for record in found]


@contextmanager
def worker(script: Path) -> Iterator[tuple[subprocess.Popen[str], Iterator[list[str]]]]:
    """The app as a process, and what it says, word by word."""
    process = subprocess.Popen(
        [sys.executable, script.name, "worker"],
        cwd=script.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, (line.split() for line in process.stdout)
    finally:
        process.kill()
        process.communicate()


def kill_at(script: Path, n: int) -> None:
    """Kill the worker once it has come to record ``n``."""
    with worker(script) as (process, said):
        assert any(word == "at" and int(number) >= n for word, number in said)
        process.kill()


def run_to_the_end(script: Path) -> None:
    """Stop the worker gracefully once it has closed the last window of every page, for want of input."""
    last = str(float((RECORDS - 1) * STEP_MS // 1000 // WINDOW_S * WINDOW_S))
    with worker(script) as (process, said):
        closings = (line for line in said if line == ["closed", last])
        assert len(list(islice(closings, PAGES))) == PAGES
        process.terminate()
        assert process.wait(30) == 0


def test_killed_in_the_middle_it_ends_with_the_same_figures_and_each_final_once(tmp_path):
    records, figures = expected()
    address = f"file://{tmp_path}/data"
    asyncio.run(fill(address, records))
    script = tmp_path / "views.py"
    script.write_text(APP)
    choose = random.Random(SEED)

    for share in (0.3, 0.7):
        kill_at(script, int(RECORDS * share) + choose.randrange(1_000))
    run_to_the_end(script)

    finals = asyncio.run(read(address, "finals"))
    assert len(finals) == len({key for key, _ in finals}), "a final result is out more than once"
    assert {key.decode(): int(value) for key, value in finals if key} == dict(figures)
    copies = [int(value) for _, value in asyncio.run(read(address, "copies"))]
    assert copies == list(range(RECORDS))
