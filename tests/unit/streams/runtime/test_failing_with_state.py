"""Records that fail after they have changed state: nothing of them stays, and nothing is fetched again for each."""

from __future__ import annotations

import asyncio
from collections import Counter

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamz_core.streams.error_policy import SKIP
from streamz_core.streams.processor import RecordError
from streamz_core.streams.topology import ProcessorSpec, SourceSpec, StoreKind, StoreSpec, SubTopology

KEYS = 7


class Listing:
    """Appends each value to its key's list, in place, and counts it in its window; then it may fail.

    What changed is sent on at the commit only: held back, in memory, as tables do.
    """

    def __init__(self, poison, processed: list[int]) -> None:
        self.poison, self.processed = poison, processed
        self.held: dict[int, list[int]] = {}

    async def open(self, context) -> None:
        self.context = context
        self.lists, self.counts = context.store("lists"), context.window_store("counts")

    async def process(self, batch, start, stop, *, may_yield) -> int:
        for index in range(start, stop):
            if may_yield and self.context.commit_request.is_pending:
                return index
            value = batch.values[index]
            self.processed.append(value)
            self.take(value, batch.stream_times[index])
            if self.poison(value):
                raise RecordError(index, ValueError(f"poison {value}"))
        return stop

    def take(self, value: int, time_ms: int) -> None:
        key = value % KEYS
        found = self.lists.get(key) or []
        found.append(value)
        if value % 11 == 5:
            found.clear()
            self.lists.delete(key)
        elif value % 3 or not self.poison(value):
            self.lists.put(key, found)  # a failing one may have changed its value without putting it
        if not self.counts.add(key, value // 100 * 100, 1, time_ms, int):
            self.counts.count_late()
        self.held[key] = list(found)

    async def flush(self) -> None:
        for key, found in self.held.items():
            self.context.send("out", b"%d" % key, b"%d" % len(found), 0)
        self.held = {}

    async def punctuate(self) -> None:
        pass

    async def close(self) -> None:
        pass


@pytest.fixture
def listing(topologies):
    """A topology around ``Listing``, and the values it was handed."""

    def make(poison) -> tuple[SubTopology, list[int]]:
        processed: list[int] = []
        json = topologies.json
        stores = (
            StoreSpec("lists", StoreKind.KEY_VALUE, json, json),
            StoreSpec("counts", StoreKind.WINDOW, json, json, window_size_ms=100, retention_ms=10_000_000),
        )
        source = SourceSpec("in", ("views",), json, json)
        names = tuple(store.name for store in stores)
        spec = ProcessorSpec("listing", ("in",), lambda: Listing(poison, processed), names, SKIP)
        return SubTopology("views", (source,), (spec,), stores), processed

    return make


def expected(good: list[int]) -> tuple[dict[int, list[int]], Counter]:
    lists: dict[int, list[int]] = {}
    for value in good:
        lists.setdefault(value % KEYS, []).append(value)
        if value % 11 == 5:
            del lists[value % KEYS]
    return lists, Counter((value // 100 * 100, value % KEYS) for value in good)


def folded(rows) -> dict[bytes, bytes]:
    """What a changelog says at its end."""
    last = {row.key: row.value for row in rows if not row.key.endswith(b"marks")}
    return {key: value for key, value in last.items() if value is not None}


def committed(cluster) -> tuple[dict[int, list[int]], Counter]:
    lists = folded(cluster.rows("app-lists-changelog"))
    counts = folded(cluster.rows("app-counts-changelog"))
    return (
        {int(key): orjson.loads(value) for key, value in lists.items()},
        Counter({(int.from_bytes(key[:8], "big"), int(key[8:])): int(n) for key, n in counts.items()}),
    )


@pytest.fixture
def run(bench, row, listing):
    """What is committed of 400 records of which some fail, and what was sent."""

    async def run(failing, **options):
        cluster = bench.empty_cluster()
        cluster.append("views", 0, *(row(None, b"%d" % n, n) for n in range(400)))
        topology, _ = listing(failing.__contains__)
        await bench(cluster, topology, **options).run_until_committed()
        return committed(cluster), cluster.rows("out")

    return run


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    failing=st.sets(st.integers(0, 399), max_size=60),
    slice_max=st.sampled_from([1, 7, 64, 1_000]),
    fetched=st.sampled_from([20, 400]),
)
def test_state_is_that_of_the_good_records(run, failing, slice_max, fetched) -> None:
    state, sent = asyncio.run(run(failing, slice_records_max=slice_max, fetch_records=fetched))

    lists, counts = expected([n for n in range(400) if n not in failing])
    assert state == (lists, counts)
    lengths = {row.key: int(row.value) for row in sent}
    assert lengths == {b"%d" % key: len(lists.get(key, [])) for _, key in counts}


async def test_only_the_first_failure_fetches_again(cluster, bench, row, listing) -> None:
    cluster.append("views", 0, *(row(None, b"%d" % n, n) for n in range(2_000)))
    topology, processed = listing(lambda n: n % 10 == 3)
    running = bench(cluster, topology, fetch_records=2_000)
    sought: list[int] = []
    running.consumer.seek, seek = (
        lambda tp, offset: (sought.append(offset), seek(tp, offset)),
        running.consumer.seek,
    )

    await running.run_until_committed()

    assert len(sought) <= 2
    assert len(processed) < 4 * 2_000
