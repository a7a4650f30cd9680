"""Consuming a topic of four partitions to its end: columns, lists of records, record by record.

The topic is filled once per row; each round opens it anew, with the operating system's cache warm for both
sides, and is timed from the first call for records to the last record. Defaults everywhere, so checksums are
compared.

References: for columns, the log's own files are read in pieces of 1 MiB, what a fetch takes of a partition,
and each batch in them is decoded by the same ``decode``, its checksum included. For records, aiokafka's C
extension iterates over the same bytes, in memory, to its record objects, its checksum check included: no
client, no log, and not the ``ConsumerRecord`` that its consumer makes of each.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from aiokafka.record.memory_records import MemoryRecords

from benchmarks.figures import Figure
from benchmarks.measuring import Comparison, Sample, Stopwatch, compare
from benchmarks.setting import Setting, all_partitions, fill, log_files
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.protocol.record_batch import decode, split

PIECE_BYTES = 1 << 20

Read = Callable[[AIOKafkaConsumer, int], Awaitable[None]]


async def consume_columns(setting: Setting) -> list[Figure]:
    """``getcolumns``: what the stream runtime lives on."""
    found = await _against(setting, _columns, _decode_files)
    return [found.rate("consume columnar", setting.count, at_least=0.75)]


async def getmany(setting: Setting) -> list[Figure]:
    """``getmany``: a list of records per partition."""
    found = await _against(setting, _many, _iterate_with_aiokafka)
    return [found.rate("getmany", setting.count, at_least=0.5)]


async def async_for(setting: Setting) -> list[Figure]:
    """``async for record in consumer``."""
    found = await _against(setting, _one_by_one, _iterate_with_aiokafka)
    return [found.rate("async for", setting.count, at_least=0.25)]


async def _against(
    setting: Setting, read: Read, reference: Callable[[list[Path], int], Sample]
) -> Comparison:
    with setting.scratch() as directory:
        address = f"file://{directory}"
        await fill(address, setting.batches)
        files = log_files(directory)
        return await compare(
            lambda: _consume(address, setting.count, read),
            lambda: reference(files, setting.count),
            setting.rounds,
        )


async def _consume(address: str, count: int, read: Read) -> Sample:
    async with AIOKafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest") as consumer:
        consumer.assign(all_partitions())
        with Stopwatch() as watch:
            await read(consumer, count)
        return watch.sample


async def _columns(consumer: AIOKafkaConsumer, count: int) -> None:
    while count > 0:
        for columns in (await consumer.getcolumns(timeout_ms=1_000)).values():
            count -= len(columns)


async def _many(consumer: AIOKafkaConsumer, count: int) -> None:
    while count > 0:
        for records in (await consumer.getmany(timeout_ms=1_000)).values():
            count -= len(records)


async def _one_by_one(consumer: AIOKafkaConsumer, count: int) -> None:
    async for _ in consumer:
        count -= 1
        if count == 0:
            return


def _decode_files(files: list[Path], count: int) -> Sample:
    with Stopwatch() as watch:
        for path in files:
            for piece in _pieces(path):
                for position, _ in split(piece, check=False):
                    count -= len(decode(piece, position))
    assert count == 0
    return watch.sample


def _pieces(path: Path) -> Iterator[bytes]:
    """The file in pieces of whole batches."""
    with path.open("rb", buffering=0) as file:
        position = 0
        while True:
            file.seek(position)
            piece = file.read(PIECE_BYTES)
            batches = split(piece, check=False)
            if not batches:
                return
            start, header = batches[-1]
            position += start + header.size_bytes
            yield piece


def _iterate_with_aiokafka(files: list[Path], count: int) -> Sample:
    contents = [path.read_bytes() for path in files]
    with Stopwatch() as watch:
        for content in contents:
            records = MemoryRecords(content)
            while records.has_next():
                batch = records.next_batch()
                assert batch.validate_crc()
                for _ in batch:
                    count -= 1
    assert count == 0
    return watch.sample


ROWS = {"consume_columns": consume_columns, "getmany": getmany, "async_for": async_for}
