"""A log that grows past 5 GB with retention off: peak memory, and opening it after ``kill -9``.

A child process (this module, with a directory) opens the log and produces the workload again and again, in
batches at the ``os`` level, and tells the size and its peak resident memory (``VmHWM``) as it goes. Past
5 GB it is killed with SIGKILL, and the log is opened and read at both ends, timed, in this process.

There is nothing to hold these against but the targets. The child's memory includes a tenth of the workload,
which it keeps to send it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.figures import Figure
from benchmarks.setting import TOPIC, Setting, all_partitions, make_topic
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.producer.producer import AIOKafkaProducer

LOG_BYTES = 5_000_000_000
VIEWS = 100_000
PEAK_MB, REOPEN_S = 200.0, 2.0


async def memory(setting: Setting) -> list[Figure]:
    """Peak memory and recovery."""
    with setting.scratch() as directory:
        peaks = await _grow_and_kill(directory)
        opened_s = await _reopen(directory)
    half, peak = peaks[len(peaks) // 2], peaks[-1]
    return [
        Figure("peak memory, log grown to 5 GB (reference: at half)", peak, half, "MB", at_most=PEAK_MB),
        Figure("open a 5 GB log after kill -9", opened_s, None, "s", at_most=REOPEN_S),
    ]


async def _grow_and_kill(directory: str) -> list[float]:
    """Peak memory in MB, each time the child told it."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.memory", directory, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    peaks = []
    try:
        async for line in child.stdout:
            written, peak_mb = line.split()
            peaks.append(float(peak_mb))
            if int(written) > LOG_BYTES:
                break
    finally:
        child.send_signal(signal.SIGKILL)
        await child.wait()
    return peaks


async def _reopen(directory: str) -> float:
    address = f"file://{directory}"
    began = perf_counter()
    async with AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest") as consumer:
        ends = await consumer.end_offsets(all_partitions())
        took = perf_counter() - began
        consumer.assign(all_partitions())
        for partition, end in ends.items():
            consumer.seek(partition, end - 1)
            assert (await consumer.getone(partition)).offset == end - 1
    return took


async def grow(directory: str) -> None:
    """Produce until killed."""
    batches = Setting(VIEWS, 1, None).batches
    address = f"file://{directory}"
    async with AIOKafkaProducer(bootstrap_servers=address, acks=1) as producer:
        await make_topic(address, configs={"retention.ms": "-1", "retention.bytes": "-1"})
        while True:
            for partition, columns in batches:
                last = await producer.send_columns(TOPIC, partition, *columns)
            await last
            print(_log_bytes(directory), peak_mb(), flush=True)


def _log_bytes(directory: str) -> int:
    return sum(path.stat().st_size for path in Path(directory, "log").glob("*/*.log"))


def peak_mb() -> float:
    status = Path(f"/proc/{os.getpid()}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


ROWS = {"memory": memory}

if __name__ == "__main__":
    asyncio.run(grow(sys.argv[1]))
