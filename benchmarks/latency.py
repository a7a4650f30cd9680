"""Latency from ``send`` to the agent: 1,000 records a second, one process, ``os`` level, 5 seconds.

A record carries the time just before it was sent, the agent takes the time when it has it in hand. The app
runs exactly-once with defaults on a log on disk; the sender is a plain producer (``acks=1``) in the same event
loop. Sends that fall behind their schedule are sent at once and measured from their sending.

Reference: the same sender and the same clock reads, over an ``asyncio.Queue``. The first second is left out
on both sides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter_ns
from typing import Any

from benchmarks.figures import Figure
from benchmarks.setting import PARTITIONS, TOPIC, Setting, make_topic
from streamz_core import App
from streamz_core.client.producer.producer import AIOKafkaProducer

RECORDS = 5_000
LEFT_OUT = 1_000
INTERVAL_NS = 1_000_000
P50_MS, P99_MS = 1.0, 5.0

Put = Callable[[int], Awaitable[Any]]


async def latency(setting: Setting) -> list[Figure]:
    """From send to agent."""
    ours = await _through_agent(setting)
    reference = await _through_queue()
    return [
        Figure(
            f"latency send to agent, {name}",
            _percentile(ours, share),
            _percentile(reference, share),
            "ms",
            at_most=target,
        )
        for name, share, target in (("p50", 0.50, P50_MS), ("p99", 0.99, P99_MS))
    ]


async def _through_agent(setting: Setting) -> list[int]:
    taken: list[int] = []
    with setting.scratch() as directory:
        address = f"file://{directory}"
        app = App("bench", broker=address)

        @app.agent(app.topic(TOPIC, value_type=int))
        async def note(stream: Any) -> None:
            async for sent in stream:
                taken.append(perf_counter_ns() - sent)

        async with AIOKafkaProducer(bootstrap_servers=address, acks=1) as producer:
            await make_topic(address)
            async with app:

                async def put(now: int) -> None:
                    await producer.send(TOPIC, b"%d" % now, partition=now % PARTITIONS)

                await _send_regularly(put)
                while len(taken) < RECORDS:
                    await asyncio.sleep(0.01)
    return taken[LEFT_OUT:]


async def _through_queue() -> list[int]:
    taken: list[int] = []
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def note() -> None:
        while True:
            sent = await queue.get()
            taken.append(perf_counter_ns() - sent)

    reader = asyncio.create_task(note())
    await _send_regularly(queue.put)
    while len(taken) < RECORDS:
        await asyncio.sleep(0.01)
    reader.cancel()
    return taken[LEFT_OUT:]


async def _send_regularly(put: Put) -> None:
    due = perf_counter_ns()
    for _ in range(RECORDS):
        due += INTERVAL_NS
        await asyncio.sleep(max(due - perf_counter_ns(), 0) / 1e9)
        await put(perf_counter_ns())


def _percentile(nanoseconds: list[int], share: float) -> float:
    ordered = sorted(nanoseconds)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] / 1e6


ROWS = {"latency": latency}
