"""Owns: Apache Kafka's own tools and clients, and our Java programs on them: building and running them.

Needs Java 17 and Maven. ``java/pom.xml`` says which version; Maven fetches it once: at the first test that needs it, or
by ``python -m tests.clients.java_programs`` before.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

PROJECT = Path(__file__).parent / "java"
TARGET = PROJECT / "target"
QUICK_TO_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Options of Java for programs that end before a better compiler pays."""

_PROGRAMS = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-cp",
    f"{TARGET / 'classes'}:{TARGET / 'lib'}/*",
)
TOOLS = {
    "kafka-acls": "org.apache.kafka.tools.AclCommand",
    "kafka-broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "kafka-client-metrics": "org.apache.kafka.tools.ClientMetricsCommand",
    "kafka-cluster": "org.apache.kafka.tools.ClusterTool",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "kafka-dump-log": "kafka.tools.DumpLogSegments",
    "kafka-e2e-latency": "org.apache.kafka.tools.EndToEndLatency",
    "kafka-features": "org.apache.kafka.tools.FeatureCommand",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-groups": "org.apache.kafka.tools.GroupsCommand",
    "kafka-leader-election": "org.apache.kafka.tools.LeaderElectionCommand",
    "kafka-log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "kafka-producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "kafka-reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    "kafka-streams-application-reset": "org.apache.kafka.tools.StreamsResetter",
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
    "kafka-verifiable-consumer": "org.apache.kafka.tools.VerifiableConsumer",
    "kafka-verifiable-producer": "org.apache.kafka.tools.VerifiableProducer",
}
"""What a tool's script is called, and the class that it runs."""


class Ran(NamedTuple):
    """What a tool did."""

    exit: int
    out: str
    err: str


def missing() -> str | None:
    """What this machine lacks to build and run Java programs."""
    return next((name for name in ("javac", "mvn") if shutil.which(name) is None), None)


def build() -> None:
    """Compile the programs and fetch what they need, if that was not done since they changed."""
    written = [*PROJECT.glob("src/main/java/*.java"), PROJECT / "pom.xml"]
    built = TARGET / "built"
    if built.exists() and built.stat().st_mtime > max(source.stat().st_mtime for source in written):
        return
    command = ["mvn", "-q", "-B", "compile", "dependency:copy-dependencies"]
    subprocess.run([*command, f"-DoutputDirectory={TARGET / 'lib'}"], cwd=PROJECT, check=True)
    built.touch()


def start(program: str, *arguments: str, options: Sequence[str] = QUICK_TO_START) -> subprocess.Popen[str]:
    """Start a program, ours or Kafka's; what it says on standard error goes with its output."""
    return subprocess.Popen(
        ["java", *options, *_PROGRAMS, program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


# Some tools end without closing their admin client; it goes on to look for its server, and says so whatever runs then.
_STRAGGLER: Final = re.compile(
    r"^\[kafka-admin-client-thread .* could not be established\..*\n", re.MULTILINE
)


class Tools:
    """Kafka's command line tools, run one after the other in one Java process."""

    def __init__(self, options: Sequence[str] = QUICK_TO_START) -> None:
        """``options`` are Java's."""
        self._process = subprocess.Popen(
            ["java", *options, *_PROGRAMS, "Tools"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, tool: str, *arguments: str, stdin: str = "") -> Ran:
        """Run a tool by the name of its script."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"main": TOOLS[tool], "args": arguments, "stdin": stdin}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the process that runs the tools ended while it ran {tool}"
        ran = Ran(**json.loads(line))
        return ran._replace(err=_STRAGGLER.sub("", ran.err))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


if __name__ == "__main__":
    build()
