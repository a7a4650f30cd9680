"""Our port beside Apache Kafka: one KRaft node and ``streamz server`` on the same machine, under the same clients.

Kafka's own Java tools, in one Java process for both sides, send and read 1,000,000 records of 100 bytes on four
partitions; both brokers run all the time, with all cores, and a first round of each warms up brokers and tools. Then
the rounds are in turns and the best of each side counts. With ``acks=all``, a fifth of the records, both sync before
they acknowledge: Kafka by ``flush.messages=1``, ours as always. The round trip is ``benchmarks/round_trip.py``'s.

Needs Java and Maven, as the tests of the Java clients do (``tests/clients/java_programs.py``).
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count

from benchmarks.brokers import Running, apache_kafka, server
from benchmarks.figures import Figure
from benchmarks.measuring import every_core, pin_to_one_core
from benchmarks.round_trip import SHARES
from benchmarks.setting import Setting
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import NewTopic
from tests.clients import java_programs

NAME = "beside Apache Kafka"
PARTITIONS = 4
RECORD_BYTES = 100
SYNCED_SHARE = 5
TRIPS = 5_000
READS = 4
"""All records are read in some 0.15 s: the best of so many."""
JAVA_OPTIONS = ("-Xmx1g", "-Xms1g")
PRODUCED = re.compile(r"([\d.]+) records/sec")
ACKS = {"1": "acks=1", "all": "acks=all, synced"}


@dataclass(frozen=True, slots=True)
class Round:
    """What one round found at one broker."""

    produced: dict[str, float]
    """By ``acks``: records a second."""
    consumed: float
    """Records a second."""
    fetch_cpu_ms: float
    """What the broker worked for a megabyte that was read."""
    trip_ms: dict[str, dict[str, float]]
    """By ``acks``: the percentiles."""


class Side:
    """A broker, and the tools at it."""

    def __init__(self, broker: Running, tools: java_programs.Tools, synced: dict[str, str]) -> None:
        """``synced`` are the settings of a topic that make the broker sync before it acknowledges ``acks=all``."""
        self._broker = broker
        self._tools = tools
        self._synced = synced
        self._names = (f"bench-{number}" for number in count())

    async def round(self, records: int) -> Round:
        """Each of the measurements once, on topics of their own."""
        async with self._topic("all") as topic:
            synced = self._produce(topic, records // SYNCED_SHARE, "all")
        async with self._topic("1") as topic:
            produced = {"1": self._produce(topic, records, "1"), "all": synced}
            before = self._broker.cpu_s()
            consumed = self._consume(topic, records)
            spent_ms = 1_000 * (self._broker.cpu_s() - before)
        trips = {}
        for acks in ACKS:
            async with self._topic(acks) as topic:
                trips[acks] = self._trip(topic, acks)
        return Round(produced, consumed, spent_ms / (records * RECORD_BYTES / 1e6), trips)

    @asynccontextmanager
    async def _topic(self, acks: str) -> AsyncIterator[str]:
        name, settings = next(self._names), self._synced if acks == "all" else {}
        async with AIOKafkaAdminClient(bootstrap_servers=self._broker.address) as admin:
            made = await admin.create_topics([NewTopic(name, PARTITIONS, 1, topic_configs=settings)])
            made.raise_for_errors()
            yield name
            await admin.delete_topics([name])

    def _produce(self, topic: str, records: int, acks: str) -> float:
        said = self._run(
            "kafka-producer-perf-test",
            *("--topic", topic, "--num-records", str(records), "--record-size", str(RECORD_BYTES)),
            *("--throughput", "-1", "--producer-props", f"acks={acks}"),
            f"bootstrap.servers={self._broker.address}",
        )
        return float(PRODUCED.findall(said)[-1])

    def _consume(self, topic: str, records: int) -> float:
        at = ("--bootstrap-server", self._broker.address, "--topic", topic)
        said = self._run("kafka-consumer-perf-test", *at, "--messages", str(records))
        head, figures = (line.split(", ") for line in said.splitlines() if ", " in line)
        return float(dict(zip(head, figures, strict=True))["nMsg.sec"])

    def _run(self, tool: str, *arguments: str) -> str:
        ran = self._tools.run(tool, *arguments)
        if ran.exit:
            raise RuntimeError(f"{tool} failed at {self._broker.address}: {ran.out}{ran.err}")
        return ran.out

    def _trip(self, topic: str, acks: str) -> dict[str, float]:
        given = [self._broker.address, topic, str(TRIPS), acks]
        command = [sys.executable, "-m", "benchmarks.round_trip", *given]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found: dict[str, float] = json.loads(done.stdout)
        return found


async def beside(setting: Setting) -> list[Figure]:
    """Producing, reading, and the way of a single record, beside Apache Kafka."""
    missing = _missing()
    if missing:
        return [Figure(NAME, 0.0, None, "", note=f"{missing} is not there")]
    every_core()
    try:
        ours, theirs = await _in_turns(setting)
    finally:
        pin_to_one_core()
    return _figures(ours, theirs)


def _missing() -> str | None:
    """What is not there, if it is not."""
    if importlib.util.find_spec("confluent_kafka") is None:
        return "confluent-kafka"
    if (program := java_programs.missing()) is not None:
        return program
    try:
        java_programs.build()
    except subprocess.CalledProcessError:
        return "what Maven fetches"
    return None


async def _in_turns(setting: Setting) -> tuple[list[Round], list[Round]]:
    rounds: tuple[list[Round], list[Round]] = ([], [])
    tools = java_programs.Tools(JAVA_OPTIONS)
    try:
        with (
            setting.scratch() as one,
            setting.scratch() as other,
            server(one) as ours,
            apache_kafka(other) as theirs,
        ):
            sides = (Side(ours, tools, {}), Side(theirs, tools, {"flush.messages": "1"}))
            for number in range(1 + setting.rounds):
                for side, kept in zip(sides, rounds, strict=True):
                    found = await side.round(setting.count)
                    if number:
                        kept.append(found)
    finally:
        tools.close()
    return rounds


def _figures(ours: list[Round], theirs: list[Round]) -> list[Figure]:
    figures = []
    for acks, how in ACKS.items():
        produced = [max(found.produced[acks] for found in rounds) for rounds in (ours, theirs)]
        figures.append(Figure(f"{NAME}: producer-perf-test, {how}", *produced, "rec/s", at_least=1.0))
    consumed = [max(found.consumed for found in rounds) for rounds in (ours, theirs)]
    figures.append(Figure(f"{NAME}: consumer-perf-test", *consumed, "rec/s", at_least=1.0))
    for acks, how in ACKS.items():
        for share in SHARES:
            mine, other = (min(found.trip_ms[acks][share] for found in rounds) for rounds in (ours, theirs))
            what = f"{NAME}: round trip, {how}, {share}"
            figures.append(Figure(what, mine, other, "ms", at_most=other if share == "p99" else None))
    fetched = [min(found.fetch_cpu_ms for found in rounds) for rounds in (ours, theirs)]
    figures.append(Figure(f"{NAME}: broker's CPU per MB fetched", *fetched, "ms"))
    return figures


ROWS = {"apache_kafka": beside}
