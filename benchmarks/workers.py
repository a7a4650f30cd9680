"""An app as one and as two worker processes, on a log that a third process owns and serves.

Timed from the first record sent to the commit of the last one, with all workers ready before: the views are sent by
the owner, in columns, while the workers read them over its socket. ``two workers`` has one worker as its reference:
the ratio is what the second core brings, at most 2 on a machine with a core for each worker and one for the owner.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

from benchmarks.agents import POLL_S, count_per_window
from benchmarks.figures import Figure
from benchmarks.measuring import Comparison, Sample, Stopwatch, every_core, pin_to_one_core
from benchmarks.setting import TOPIC, Setting, make_topic
from streamz_core import App
from streamz_core.app import own_process
from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.link import Link
from streamz_core.client.local_link import broker_of, open_link
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.server.shared_server import share

GROUP = "bench"


async def workers(setting: Setting) -> list[Figure]:
    """One and two."""
    every_core()
    assert setting.batches, "made before anything is timed"
    ours, reference = [], []
    for _ in range(setting.rounds):
        ours.append(await run(setting, 2))
        reference.append(await run(setting, 1))
    pin_to_one_core()
    figure = Comparison.of(ours, reference).rate("two workers, windowed count", setting.count, at_least=1.0)
    return [replace(figure, cpu_ratio=None)]  # what the workers use is not this process's


async def run(setting: Setting, count: int) -> Sample:
    """All views through ``count`` workers."""
    with setting.scratch() as directory:
        address = f"file://{directory}"
        await make_topic(address)
        link = await open_link(address)
        server = await share(broker_of(link), None)
        assert server is not None
        started = [await start(address) for _ in range(count)]
        try:
            with Stopwatch() as watch:
                await send(setting, link)
                await committed(link, setting.count)
                watch.__exit__()
                return watch.sample
        finally:
            for process in started:
                process.terminate()
            await asyncio.gather(*[process.wait() for process in started])
            await server.close()
            await link.close()


async def start(address: str) -> asyncio.subprocess.Process:
    """A worker that is ready."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.workers", address, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def send(setting: Setting, link: Link) -> None:
    async with AIOKafkaProducer(bootstrap_servers=link, acks=1) as producer:
        for partition, part in setting.batches:
            await producer.send_columns(TOPIC, partition, *part)


async def committed(link: Link, count: int) -> None:
    """Return once the group has committed so many."""
    async with AIOKafkaAdminClient(bootstrap_servers=link) as admin:
        while await _done(admin) < count:
            await asyncio.sleep(POLL_S * 5)


async def _done(admin: AIOKafkaAdminClient) -> int:
    found = await admin.list_consumer_group_offsets(GROUP)
    return sum(committed.offset for partition, committed in found.items() if partition.topic == TOPIC)


async def work(address: str) -> None:
    """What a worker process does."""
    app = App(GROUP, broker=address)
    count_per_window(app)
    async with app:
        print("ready", flush=True)
        await app.wait_failed()


ROWS = {"workers": workers}

if __name__ == "__main__":
    own_process.tune()
    asyncio.run(work(sys.argv[1]))
