"""Encoding and decoding record batches: compiled, interpreted, and aiokafka's C extension beside them.

Run with ``python -m benchmarks.record_batch [records a batch]``. Nanoseconds a record, the best of several
rounds taken in turns, on the workload's records. aiokafka appends and iterates one record at a time, which
is all it offers; the ratio is its time over ours.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter
from types import SimpleNamespace

from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from benchmarks.workload import Views, views
from streamz_core.protocol import batch_decoder, batch_encoder, compiled
from streamz_core.testing import interpreted

ROUNDS = 15
RECORDS = 100_000
MODULES = [
    f"streamz_core.protocol.{name}"
    for name in ("varint", "batch_header", "encoded_batches", "batch_frame", "batch_encoder", "batch_decoder")
]


def build(kind: str) -> SimpleNamespace:
    if kind == "compiled":
        return SimpleNamespace(encode=batch_encoder.encode, decode=batch_decoder.decode)
    modules = interpreted.load(*MODULES)
    return SimpleNamespace(encode=modules[MODULES[-2]].encode, decode=modules[MODULES[-1]].decode)


def encode_with(build: SimpleNamespace, batches: list[Views]) -> None:
    encode = build.encode
    for batch in batches:
        encode(batch.keys, batch.values, batch.timestamps)


def decode_with(build: SimpleNamespace, encoded: list[bytes]) -> None:
    decode = build.decode
    for data in encoded:
        decode(data)


def encode_with_aiokafka(batches: list[Views]) -> None:
    for batch in batches:
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 30)
        append = builder.append
        for index, (key, value, timestamp) in enumerate(zip(*batch, strict=True)):
            append(index, timestamp, key, value, [])
        builder.build()


def decode_with_aiokafka(encoded: list[bytes]) -> None:
    """To the same columns; the checksum is compared as well, as ours does."""
    for data in encoded:
        batch = DefaultRecordBatch(data)
        assert batch.validate_crc()
        rows = [(record.offset, record.timestamp, record.key, record.value) for record in batch]
        offsets, timestamps, keys, values = zip(*rows, strict=True)
        assert len(offsets) == len(timestamps) == len(keys) == len(values)


def iterate_with_aiokafka(encoded: list[bytes]) -> None:
    """The least it can do: make each record object and drop it."""
    for data in encoded:
        for _ in DefaultRecordBatch(data):
            pass


def measure(jobs: dict[str, Callable[[], None]], rounds: int = ROUNDS) -> dict[str, float]:
    """Nanoseconds a record of the best round of each job; the jobs take turns, so that noise hits all."""
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(rounds):
        for name, job in jobs.items():
            start = perf_counter()
            job()
            best[name] = min(best[name], (perf_counter() - start) / RECORDS * 1e9)
    return best


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    batches = views(RECORDS).batches(size)
    kinds = ["compiled", "interpreted"] if compiled.is_compiled() else ["interpreted"]
    builds = {kind: build(kind) for kind in kinds}
    encoded = [batch_encoder.encode(*batch) for batch in batches]
    encoding: dict[str, Callable[[], None]] = {"aiokafka": lambda: encode_with_aiokafka(batches)}
    decoding: dict[str, Callable[[], None]] = {
        "aiokafka": lambda: iterate_with_aiokafka(encoded),
        "aiokafka to columns": lambda: decode_with_aiokafka(encoded),
    }
    for kind, made in builds.items():
        encoding[kind] = lambda made=made: encode_with(made, batches)  # type: ignore[misc]
        decoding[kind] = lambda made=made: decode_with(made, encoded)  # type: ignore[misc]
    for verb, jobs in (("encode", encoding), ("decode", decoding)):
        found = measure(jobs)
        print(f"{verb}, {size} records a batch, {sum(map(len, encoded)) / RECORDS:.0f} bytes a record")
        for name, ns in found.items():
            print(f"  {name:<22}{ns:8.0f} ns/record   x {found['aiokafka'] / ns:.2f}")


if __name__ == "__main__":
    main()
