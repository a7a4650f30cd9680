"""Two streams joined within 10 s, exactly-once, on a log on disk, against a bare loop with two dicts of deques.

Timed and set up as agents are (``benchmarks.agents``): from ``app.start()`` to the commit of the last record.

Half as many orders as there are views in a run, one a millisecond, each with the fields of a view and a key of its
own, and for each a payment up to 12 s later, joined by that key: five in six come within the 10 s. What both say goes
as JSON to a topic of four partitions. Rows are kept in RocksDB with their changelog for as long as a partner may come.
Reference: the records of both in the order of their times, the same decoder and encoder calls, rows kept by key in a
dict of deques per side and dropped once no partner can come any more, the output dropped every 1,000 records.
"""

from __future__ import annotations

import gc
import random
from collections import deque
from typing import Any

import msgspec

from benchmarks.agents import HANDED_OFF, run
from benchmarks.figures import Figure
from benchmarks.measuring import Sample, Stopwatch, compare
from benchmarks.setting import PARTITIONS, TOPIC, Setting
from benchmarks.workload import START_MS, Views
from streamz_core import App
from streamz_core.app import own_process
from streamz_core.streams.dsl.join_windows import JoinWindows

WITHIN_MS = 10_000
LATEST_MS = 12_000
PAYMENTS_TOPIC = "payments"

Record = tuple[int, int, bytes, bytes]
"""Time, side, key and value."""
Kept = dict[bytes, deque[tuple[int, Any]]]


async def streams_join(setting: Setting) -> list[Figure]:
    """Parse, find partners, join, to a topic."""
    own_process.tune()
    orders, payments = _sides(setting)
    batches = {PAYMENTS_TOPIC: payments.batches}
    merged = _merged(orders.views, payments.views)
    gc.collect()
    gc.freeze()
    found = await compare(lambda: run(orders, _join, batches), lambda: _bare_join(merged), setting.rounds)
    return [found.rate("DSL: stream-stream join within 10 s", 2 * orders.count, at_least=0.3)]


def _join(app: App) -> None:
    app.topic("paid", partitions=PARTITIONS)
    payments = app.stream(PAYMENTS_TOPIC)
    within = JoinWindows.of_time_difference_with_no_grace(WITHIN_MS)
    app.stream(TOPIC).join(payments, _paid, within, "paid").to("paid")


def _paid(order: Any, payment: Any) -> Any:
    return {"page": order["page"], "amount": payment["amount"]}


def _sides(setting: Setting) -> tuple[Setting, Setting]:
    """Orders and payments."""
    count = setting.count // 2
    draw = random.Random(2)
    keys = [b"o%07d" % number for number in range(count)]
    orders = Views(keys, setting.views.values[:count], [START_MS + at for at in range(count)])
    paid = sorted((START_MS + at + int(draw.random() * LATEST_MS), at) for at in range(count))
    value = b'{"order":"%s","amount":%d,"currency":"EUR","method":"card","shop":"https://shop.example/"}'
    payments = Views(
        [keys[at] for _, at in paid],
        [value % (keys[at], draw.randrange(10_000)) for _, at in paid],
        [time for time, _ in paid],
    )
    return _setting(setting, orders), _setting(setting, payments)


def _setting(setting: Setting, views: Views) -> Setting:
    made = Setting(len(views.keys), setting.rounds, setting.directory)
    made.views = views
    return made


def _merged(orders: Views, payments: Views) -> list[list[Record]]:
    records = [
        (time, side, key, value)
        for side, views in enumerate((orders, payments))
        for key, value, time in zip(*views, strict=True)
    ]
    records.sort(key=lambda record: record[:2])
    return [records[at : at + HANDED_OFF] for at in range(0, len(records), HANDED_OFF)]


def _bare_join(blocks: list[list[Record]]) -> Sample:
    loads, dumps = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
    kept: tuple[Kept, Kept] = ({}, {})
    ages: tuple[deque[tuple[int, bytes]], deque[tuple[int, bytes]]] = (deque(), deque())
    out: list[tuple[bytes, bytes]] = []
    with Stopwatch() as watch:
        for block in blocks:
            for time, side, key, raw in block:
                value = loads(raw)
                _drop(kept[1 - side], ages[1 - side], time - WITHIN_MS)
                for _, other in kept[1 - side].get(key, ()):
                    pair = _paid(value, other) if side == 0 else _paid(other, value)
                    out.append((key, dumps(pair)))
                kept[side].setdefault(key, deque()).append((time, value))
                ages[side].append((time, key))
            out.clear()
    return watch.sample


def _drop(kept: Kept, ages: deque[tuple[int, bytes]], before: int) -> None:
    """Let go of rows older than ``before``."""
    while ages and ages[0][0] < before:
        _, key = ages.popleft()
        rows = kept[key]
        rows.popleft()
        if not rows:
            del kept[key]


ROWS = {"streams_join": streams_join}
