"""``send()`` record by record: 10,000 sends, then every one of their results awaited, and so on.

Ours is timed to the last result: partitioning by key, batching, encoding, writing to the log (``acks=1``) and
the metadata of every record. Default batch size (16 KiB).

Reference: aiokafka's ``BatchBuilder.append`` alone, into batches of the same size, without partitioning, and
without so much as building the batches' headers.
"""

from __future__ import annotations

from aiokafka.producer.message_accumulator import BatchBuilder

from benchmarks.figures import Figure
from benchmarks.measuring import Sample, Stopwatch, compare
from benchmarks.setting import TOPIC, Setting, make_topic
from streamz_core.client.producer.producer import AIOKafkaProducer

BATCH_BYTES = 16_384
AWAITED_TOGETHER = 10_000


async def send(setting: Setting) -> list[Figure]:
    """One record per call."""
    found = await compare(lambda: _send(setting), lambda: _append_with_aiokafka(setting), setting.rounds)
    return [found.rate("send() per record", setting.count, at_least=0.5)]


async def _send(setting: Setting) -> Sample:
    blocks = setting.views.batches(AWAITED_TOGETHER)
    with setting.scratch() as directory:
        address = f"file://{directory}"
        async with AIOKafkaProducer(
            bootstrap_servers=address, acks=1, max_batch_size=BATCH_BYTES
        ) as producer:
            await make_topic(address)
            await producer.partitions_for(TOPIC)
            with Stopwatch() as watch:
                for block in blocks:
                    futures = [
                        await producer.send(TOPIC, value, key=key, timestamp_ms=timestamp)
                        for key, value, timestamp in zip(*block, strict=True)
                    ]
                    for future in futures:
                        await future
        return watch.sample


def _append_with_aiokafka(setting: Setting) -> Sample:
    with Stopwatch() as watch:
        builder = BatchBuilder(BATCH_BYTES, 0, is_transactional=0)
        for key, value, timestamp in zip(*setting.views, strict=True):
            if builder.append(timestamp=timestamp, key=key, value=value) is None:
                builder = BatchBuilder(BATCH_BYTES, 0, is_transactional=0)
                builder.append(timestamp=timestamp, key=key, value=value)
    return watch.sample


ROWS = {"send": send}
