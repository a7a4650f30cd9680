"""Owns: our own clients, apps and commands on a real Apache Kafka: the same programs, another address."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streamz_core.aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from streamz_core.aiokafka.admin import AIOKafkaAdminClient, NewTopic
from tests.clients import java_programs
from tests.clients.apache_kafka import ApacheKafka
from tests.clients.conftest import without

ROOT = Path(__file__).parents[2]
USERS, ROUNDS = 40, 5
APP = """
import os
from streamz_core import App

app = App("views", broker=os.environ["BROKER"], datadir=os.getcwd() + "/state", broker_session_timeout=6)
topic = app.topic("views", value_type=str, partitions=2)
seen = app.Table("seen", default=int)
out = app.topic("out", value_type=dict, partitions=1)

@app.agent(topic)
async def count(stream):
    async for user in stream:
        seen[user] += 1
        await out.send(key=user, value={"user": user, "n": seen[user]})

@app.on_started.connect
async def started(app):
    print("ready", flush=True)

if __name__ == "__main__":
    app.main()
"""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    if (what := java_programs.missing()) is not None:
        without(what)
    with ApacheKafka(tmp_path_factory.mktemp("kafka")) as made:
        yield made.address


async def test_records_go_round_in_groups_and_by_offset(kafka):
    async with AIOKafkaAdminClient(bootstrap_servers=kafka) as admin:
        await admin.create_topics([NewTopic("round", 3, 1)])
    async with AIOKafkaProducer(bootstrap_servers=kafka, compression_type="zstd", acks="all") as producer:
        for number in range(300):
            await producer.send("round", b"%d" % number, key=b"k%d" % (number % 7))
    consumer = AIOKafkaConsumer("round", bootstrap_servers=kafka, group_id="g", auto_offset_reset="earliest")
    async with consumer:
        read = [(await consumer.getone()).value for _ in range(300)]
        await consumer.commit()
    assert sorted(read, key=int) == [b"%d" % number for number in range(300)]

    again = AIOKafkaConsumer("round", bootstrap_servers=kafka, group_id="g")
    async with again:
        partitions = [TopicPartition("round", number) for number in range(3)]
        committed = [await again.committed(one) for one in partitions]
        ends = await again.end_offsets(partitions)
    assert committed == [ends[one] for one in partitions]


async def test_a_transaction_is_all_or_nothing(kafka):
    async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id="t") as producer:
        for number in range(4):
            await producer.begin_transaction()
            await producer.send_and_wait("whole", b"%d" % number)
            await (producer.commit_transaction() if number % 2 else producer.abort_transaction())
    consumer = AIOKafkaConsumer(
        "whole", bootstrap_servers=kafka, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    async with consumer:
        read = [(await consumer.getone()).value for _ in range(2)]
    assert read == [b"1", b"3"]


def streamz(address: str, *arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "streamz_core", *arguments, "--bootstrap-server", address],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_command_line_works_there(kafka):
    streamz(kafka, "topics", "--create", "--topic", "cli", "--partitions", "2")
    streamz(kafka, "console-producer", "--topic", "cli", stdin="one\n")
    read = ["console-consumer", "--topic", "cli", "--from-beginning", "--max-messages", "1", "--group", "cli"]
    assert streamz(kafka, *read) == "one\n"
    assert "cli" in streamz(kafka, "topics", "--list").split()
    assert "PartitionCount: 2" in streamz(kafka, "topics", "--describe", "--topic", "cli")
    assert "cli   cli" in streamz(kafka, "groups", "--describe", "--group", "cli")
    streamz(kafka, "configs", "--alter", "--topic", "cli", "--add-config", "retention.ms=60000")
    assert "retention.ms=60000" in streamz(kafka, "configs", "--describe", "--topic", "cli")


@pytest.fixture
def worker(kafka, tmp_path):
    """Start the app; all that were started end with the test."""
    (tmp_path / "views.py").write_text(APP)
    running: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "views.py", "worker"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "BROKER": f"kafka://{kafka}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


async def outputs(address: str, count: int) -> list[dict]:
    consumer = AIOKafkaConsumer(
        "out", bootstrap_servers=address, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    async with consumer:
        return [json.loads((await consumer.getone()).value) for _ in range(count)]


async def test_an_app_counts_exactly_once_there_too(kafka, worker):
    first = worker()
    assert first.stdout.readline() == "ready\n"
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for turn in range(ROUNDS):
            for user in range(USERS):
                await producer.send("views", f"u{user}".encode(), key=f"u{user}".encode())
            await producer.flush()
            if turn == 1:
                first.send_signal(signal.SIGKILL)
                first.wait()
    second = worker()
    counted: dict[str, list[int]] = {}
    for one in await asyncio.wait_for(outputs(kafka, USERS * ROUNDS), 200):
        counted.setdefault(one["user"], []).append(one["n"])
    assert counted == {f"u{user}": list(range(1, ROUNDS + 1)) for user in range(USERS)}
    second.send_signal(signal.SIGTERM)
    assert second.wait(60) == 0
