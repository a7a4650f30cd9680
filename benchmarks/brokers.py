"""The brokers that clients are measured at: ours, librdkafka's mock broker and Apache Kafka, each a process of its own.

Owns: starting and ending them, what they have worked and the memory they hold.
Must not know: what is measured.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.clients.apache_kafka import ApacheKafka

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Running(NamedTuple):
    """A broker's process."""

    address: str
    pid: int

    def cpu_s(self) -> float:
        """What it has worked."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND

    def resident_bytes(self) -> int:
        """The memory it holds."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@contextmanager
def _process(*arguments: str) -> Iterator[tuple[str, int]]:
    """A Python program that says where it listens in its first line; that line, and its process id."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.terminate()


@contextmanager
def server(directory: str) -> Iterator[Running]:
    """``streamz server`` on a data directory."""
    arguments = ("-m", "streamz_core", "server", "--data", directory, "--listen", "127.0.0.1:0")
    with _process(*arguments, "--log-level", "error") as (said, pid):
        yield Running(said.rpartition(" ")[2], pid)


@contextmanager
def mock_broker(topic: str, partitions: int) -> Iterator[Running]:
    """The one of librdkafka, with one topic."""
    with _process("-m", "benchmarks.mock_broker", topic, str(partitions)) as (said, pid):
        yield Running(said, pid)


@contextmanager
def apache_kafka(directory: str) -> Iterator[Running]:
    """One node of Apache Kafka, with defaults. Needs what ``java_programs.missing`` looks for."""
    with ApacheKafka(Path(directory)) as broker:
        yield Running(broker.address, broker.pid)
