"""A worker that is told to stop at a bad moment: nothing is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import TopicPartition

ROOT = Path(__file__).parents[3]
RECORDS = 200

APP = '''
import asyncio, os, sys
from streamz_core import App
from streamz_core.log import files

app = App("copier", broker=f"file://{os.getcwd()}/data", broker_commit_interval=0.02)
numbers = app.topic("numbers", value_type=int)
copies = app.topic("copies", value_type=int)
counts = app.Table("counts", default=int)
SLOW_FROM, STUCK_AT = (int(os.environ.get(name, -1)) for name in ("SLOW_FROM", "STUCK_AT"))
synced, seen = files._datasync, 0

def say(*words):
    """One write for a line: print() takes two, and threads would write into each other's lines."""
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def slow(fd):
    """A disk that takes until the test says so: until standard input ends."""
    if 0 <= SLOW_FROM < seen:
        say("syncing")
        os.read(0, 1)
    synced(fd)

files._datasync = slow

@app.agent(numbers)
async def copy(stream):
    global seen
    async for number in stream:
        seen += 1
        counts["all"] += 1
        await copies.send(value=number)
        if number == STUCK_AT:
            say("stuck")
            await asyncio.sleep(3600)
        say("at", number, counts["all"])
        await asyncio.sleep(0.001)

@app.on_before_shutdown.connect
async def stopping(app):
    say("stopping")

if __name__ == "__main__":
    app.main()
'''


async def fill(address: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        for number in range(RECORDS):
            await producer.send("numbers", str(number).encode())


async def copied(address: str) -> list[int]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    async with consumer:
        tp = TopicPartition("copies", 0)
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        found: list[int] = []
        while await consumer.position(tp) < end:
            polled = await consumer.getmany(tp, timeout_ms=100)
            found += [int(record.value) for record in polled.get(tp, [])]
        return found


class Worker:
    """The app as a process."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "copier.py", "worker"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until(self, *words: str) -> None:
        """Read what it says up to a line that begins with ``words``."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.split()[: len(words)] == list(words):
                return
        raise AssertionError(f"it ended without saying {words}: {self.process.stderr.read()}")

    def ends(self) -> tuple[int, str]:
        """Let the disk go on, and wait for the exit code."""
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err


@pytest.fixture
def start(tmp_path) -> Iterator:
    (tmp_path / "copier.py").write_text(APP)
    asyncio.run(fill(f"file://{tmp_path}/data"))
    running: list[Worker] = []

    def started(**environ: str) -> Worker:
        running.append(Worker(tmp_path, **environ))
        return running[-1]

    yield started
    for worker in running:
        if worker.process.returncode is None:
            worker.process.kill()
            worker.process.communicate()


def assert_it_goes_on_to_the_end(start, folder: Path) -> None:
    worker = start()
    worker.until("at", str(RECORDS - 1), str(RECORDS))  # the table, too, has counted each record once
    worker.process.send_signal(signal.SIGTERM)
    assert worker.ends() == (0, "")
    assert asyncio.run(copied(f"file://{folder}/data")) == list(range(RECORDS))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_a_commit_waits_for_it_and_nothing_is_lost_or_doubled(start, tmp_path, number):
    worker = start(SLOW_FROM="50")
    worker.until("syncing")
    worker.process.send_signal(number)
    worker.until("stopping")

    assert worker.ends() == (0, "")
    assert_it_goes_on_to_the_end(start, tmp_path)


def test_a_second_signal_during_a_commit_ends_at_once_and_nothing_is_lost_or_doubled(start, tmp_path):
    worker = start(SLOW_FROM="50")
    worker.until("syncing")
    worker.process.send_signal(signal.SIGTERM)
    worker.until("stopping")
    worker.process.send_signal(signal.SIGTERM)

    assert worker.process.wait(timeout=60) == -signal.SIGTERM
    worker.ends()
    assert_it_goes_on_to_the_end(start, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_agent_that_waits_for_something_long_is_waited_for_up_to_the_timeout(start, tmp_path, number):
    worker = start(STUCK_AT="60", STREAMZ_SHUTDOWN_TIMEOUT="1")
    worker.until("stuck")
    worker.process.send_signal(number)
    worker.until("stopping")

    reason = "error: stopping app 'copier' (setting 'shutdown_timeout') took longer than 1000 ms\n"
    assert worker.ends() == (1, reason)
    assert_it_goes_on_to_the_end(start, tmp_path)
