"""Bytewax on the same workload, from memory: ``python -m benchmarks.peer_bytewax forward|window COUNT``.

Owns: the two jobs of ``agents`` as Bytewax dataflows. Prints one line of JSON: seconds, and records put out.
Must not know: streamz_core: it runs in an interpreter of its own, that has Bytewax and msgspec and nothing of ours.

Nothing is durable here: the source is a list, taken 1,000 at a time, the sink counts and drops.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import msgspec
from bytewax import operators as op
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import TestingSource, run_main

from benchmarks.workload import views

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BATCH_RECORDS = 1_000
WINDOW, GRACE = timedelta(seconds=10), timedelta(seconds=2)


class _Partition(StatelessSinkPartition[Any]):
    def __init__(self, sink: Counting) -> None:
        self._sink = sink

    def write_batch(self, items: list[Any]) -> None:
        self._sink.count += len(items)


class Counting(DynamicSink[Any]):
    """Counts what it is given."""

    def __init__(self) -> None:
        self.count = 0

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:
        """One partition; ``run_main`` has one worker."""
        return _Partition(self)


def forward(values: list[bytes], sink: Counting) -> Dataflow:
    """Parse, filter, map, encode."""
    loads, dumps = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode

    def slow(value: bytes) -> tuple[bytes, bytes] | None:
        view = loads(value)
        if view["ms"] <= 500:
            return None
        return view["user"].encode(), dumps({"page": view["page"], "seconds": view["ms"] / 1000})

    flow = Dataflow("forward")
    source = op.input("views", flow, TestingSource(values, BATCH_RECORDS))
    op.output("slow", op.filter_map("slow_views", source, slow), sink)
    return flow


def window(values: list[bytes], sink: Counting) -> Dataflow:
    """Count per page and 10 s of event time."""
    loads = msgspec.json.Decoder().decode
    clock = windowing.EventClock(lambda view: EPOCH + timedelta(milliseconds=view["ts"]), GRACE)
    windower = windowing.TumblingWindower(align_to=EPOCH, length=WINDOW)
    flow = Dataflow("window")
    source = op.map("parse", op.input("views", flow, TestingSource(values, BATCH_RECORDS)), loads)
    counted = windowing.count_window("count", source, clock, windower, lambda view: view["page"])
    op.output("counts", counted.down, sink)
    return flow


def main() -> None:
    job, count = {"forward": forward, "window": window}[sys.argv[1]], int(sys.argv[2])
    values, sink = views(count).values, Counting()
    flow = job(values, sink)
    began = perf_counter()
    run_main(flow)
    print(json.dumps({"seconds": perf_counter() - began, "put_out": sink.count}))


if __name__ == "__main__":
    main()
