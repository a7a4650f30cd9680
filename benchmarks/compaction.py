"""Compaction of a topic of which a tenth of the keys' records is live: time, and peak memory.

A child process (this module, with a directory) fills a compacted partition: ``RECORDS_BYTES`` of records with random
keys, so that on average ten records share one; 1 KB of value each. A second child opens and compacts it, in one go, and
tells how long that took and its peak resident memory (``VmHWM``), interpreter included.

The reference reads the same segment files in pieces of 1 MiB, writes the same bytes to one new file and syncs it: it
decodes nothing, and writes ten times what compaction writes.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.figures import Figure
from benchmarks.memory import peak_mb
from benchmarks.setting import Setting
from streamz_core.log.directory import LogDirectory
from streamz_core.log.files import DiskFiles
from streamz_core.model import Durability
from streamz_core.protocol.record_batch import encode

RECORDS_BYTES = 1_000_000_000
SEGMENT_BYTES = 100_000_000
VALUE_BYTES = 1_000
BATCH_RECORDS = 16
RATIO, PEAK_MB = 0.30, 100.0


async def compaction(setting: Setting) -> list[Figure]:
    """Bytes per second, and memory."""
    with setting.scratch() as directory:
        _child("fill", directory)
        logs = sorted(Path(directory, "log", "t-0").glob("*.log"))[:-1]
        size = sum(path.stat().st_size for path in logs)
        reference_s = median(_rewrite(logs, Path(directory, "copy")) for _ in range(setting.rounds))
        took, peak = map(float, _child("compact", directory).split())
    mb = size / 1e6
    return [
        Figure("compaction, 1 GB, 10 % live keys", mb / took, mb / reference_s, "MB/s", at_least=RATIO),
        Figure("peak memory while compacting", peak, None, "MB", at_most=PEAK_MB),
    ]


def _child(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.compaction", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _rewrite(paths: list[Path], target: Path) -> float:
    began = perf_counter()
    with target.open("wb", buffering=0) as copy:
        for path in paths:
            with path.open("rb", buffering=0) as file:
                while piece := file.read(1 << 20):
                    copy.write(piece)
        os.fdatasync(copy.fileno())
    took = perf_counter() - began
    target.unlink()
    return took


def fill(path: str) -> None:
    """Make the topic."""
    draw = random.Random(1)
    keys = RECORDS_BYTES // VALUE_BYTES // 10
    directory = LogDirectory.open(DiskFiles(), path, 0)
    directory.create_topic("t", 1, {"cleanup.policy": "compact", "segment.bytes": str(SEGMENT_BYTES)})
    log = directory.partition("t", 0)
    values: list[bytes | None] = [os.urandom(VALUE_BYTES) for _ in range(BATCH_RECORDS)]
    times = [1_000] * BATCH_RECORDS
    while log.size_bytes < RECORDS_BYTES + SEGMENT_BYTES:  # the last segment is not compacted
        names: list[bytes | None] = [b"user-%08d" % draw.randrange(keys) for _ in range(BATCH_RECORDS)]
        log.append(encode(names, values, times), level=Durability.OS, now_ms=1_000)
    directory.close()


def compact(path: str) -> None:
    """Compact it, and print the seconds and the peak memory in MB."""
    directory = LogDirectory.open(DiskFiles(), path, 0)
    log = directory.partition("t", 0)
    began = perf_counter()
    result = log.compact(2_000)
    took = perf_counter() - began
    assert result.bytes_after < result.bytes_before / 3
    print(took, peak_mb())
    directory.close()


ROWS = {"compaction": compaction}

if __name__ == "__main__":
    {"fill": fill, "compact": compact}[sys.argv[1]](sys.argv[2])
