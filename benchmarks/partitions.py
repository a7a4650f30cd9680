"""Many partitions: making them, opening them clean and after ``kill -9``, and what ten thousand of them take.

Every partition has records in it. Those of the first rows are made by a child process (this module) that is gone
without closing anything, so the first opening, here, recovers 1,000 partitions; the second finds them closed. The child
of the last rows may open no more than 1,024 files, opens 10,000 partitions, appends to each, and tells its peak
resident memory and how many files it has open. Targets are limits; there is nothing to hold them against.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from time import perf_counter

from benchmarks.figures import Figure
from benchmarks.memory import peak_mb
from benchmarks.setting import Setting
from streamz_core.broker.broker import Broker
from streamz_core.clock import SystemClock
from streamz_core.log.directory import LogDirectory, NewTopic
from streamz_core.log.files import DiskFiles
from streamz_core.model import Durability
from streamz_core.protocol.messages.create_topics import CreatableTopic, CreateTopicsRequest
from streamz_core.protocol.record_batch import encode

FILES_MAX = 1_024
PARTITIONS_OF_A_TOPIC = 100
CREATE_S, CLEAN_S, KILLED_S, PEAK_MB = 1.0, 1.0, 3.0, 500.0
BATCH = encode([b"key"] * 100, [b"v" * 100] * 100, [1_000] * 100)


async def partitions(setting: Setting) -> list[Figure]:
    """Times for 1,000 partitions, memory and files of 10,000."""
    with setting.scratch() as directory:
        created_s = await _create(directory)
    with setting.scratch() as directory:
        _child(directory, 1_000)
        killed_s = _open(directory)
        clean_s = _open(directory)
    with setting.scratch() as directory:
        _child(directory, 10_000)
        peak, files = _child(directory, 0).split()
    return [
        Figure("create 1,000 topics in one request", created_s, None, "s", at_most=CREATE_S),
        Figure("open 1,000 partitions, closed", clean_s, None, "s", at_most=CLEAN_S),
        Figure("open 1,000 partitions after kill -9", killed_s, None, "s", at_most=KILLED_S),
        Figure("peak memory, 10,000 partitions open", float(peak), None, "MB", at_most=PEAK_MB),
        Figure("open files, 10,000 partitions", float(files), None, "files", at_most=float(FILES_MAX)),
    ]


async def _create(directory: str) -> float:
    broker = await Broker.open(DiskFiles(), directory, SystemClock())
    topics = [CreatableTopic(name=f"topic-{number}", num_partitions=1) for number in range(1_000)]
    began = perf_counter()
    answer = await broker.handle(CreateTopicsRequest(topics=topics))
    took = perf_counter() - began
    assert not any(topic.error_code for topic in answer.topics)
    await broker.close()
    return took


def _open(directory: str) -> float:
    began = perf_counter()
    opened = LogDirectory.open(DiskFiles(), directory, 2_000)
    took = perf_counter() - began
    assert all(log.log_end_offset == 300 for log in opened.partitions())
    opened.close()
    return took


def _child(directory: str, count: int) -> str:
    command = [sys.executable, "-m", "benchmarks.partitions", directory, str(count)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def make(path: str, count: int) -> None:
    """Make partitions, append three batches to each, and leave them as a kill would."""
    directory = LogDirectory.open(DiskFiles(), path, 1_000)
    topics = [NewTopic(f"topic-{n}", PARTITIONS_OF_A_TOPIC) for n in range(count // PARTITIONS_OF_A_TOPIC)]
    directory.create_topics(topics)
    for _ in range(3):
        for log in directory.partitions():
            log.append(BATCH, level=Durability.OS, now_ms=1_000)
    os._exit(0)


def use(path: str) -> None:
    """Open what was made, append to each, and print peak memory in MB and the number of open files."""
    directory = LogDirectory.open(DiskFiles(), path, 2_000)
    for log in directory.partitions():
        log.append(BATCH, level=Durability.OS, now_ms=3_000)
    print(peak_mb(), len(os.listdir("/proc/self/fd")), flush=True)
    os._exit(0)


ROWS = {"partitions": partitions}

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_MAX, FILES_MAX))
    count = int(sys.argv[2])
    make(sys.argv[1], count) if count else use(sys.argv[1])
