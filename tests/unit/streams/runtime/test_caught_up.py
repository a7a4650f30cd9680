"""A task that has handled all there is commits a good many records at once, and a few with the interval."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from streamz_core.model import TopicPartition
from streamz_core.streams.runtime.commit_schedule import CAUGHT_UP_RECORDS, DISTANCES

VIEWS = TopicPartition("views", 0)


@contextlib.asynccontextmanager
async def started(running):
    work = asyncio.create_task(running.runner.run())
    await running.clock.settle()
    try:
        yield
    finally:
        running.runner.stop()
        await running.clock.settle()
        await work


def fill(cluster, row, records: int) -> None:
    cluster.append("views", 0, *(row(b'"k"', b"%d" % n, 1_000_000 + n) for n in range(records)))


@pytest.mark.parametrize(("records", "behind", "committed"), [
    (CAUGHT_UP_RECORDS, 0, CAUGHT_UP_RECORDS),
    (CAUGHT_UP_RECORDS - 1, 0, 0),
    (CAUGHT_UP_RECORDS, 1, 0),
])  # fmt: skip
async def test_many_records_are_committed_once_all_is_read(
    cluster, bench, row, topologies, records, behind, committed
) -> None:
    fill(cluster, row, records + behind)
    running = bench(cluster, topologies.count(), fetch_records=records)

    async with started(running):
        running.fetch()
        await running.clock.settle()

        offset = cluster.offsets[VIEWS].offset if VIEWS in cluster.offsets else 0
        assert offset == committed, "without any time passing"

        await running.clock.advance(running.config.commit_interval_ms)
        await running.clock.settle()
        assert cluster.offsets[VIEWS].offset == records


async def test_commits_keep_their_distance_however_often_all_is_read(cluster, bench, row, topologies) -> None:
    fill(cluster, row, CAUGHT_UP_RECORDS)
    running = bench(cluster, topologies.count(), fetch_records=CAUGHT_UP_RECORDS, commit_interval_ms=100)
    distance_ms = running.config.commit_interval_ms / DISTANCES

    def committed() -> int:
        return cluster.offsets[VIEWS].offset

    async with started(running):
        running.fetch()
        await running.clock.settle()
        assert committed() == CAUGHT_UP_RECORDS

        for step in range(1, 4):
            fill(cluster, row, CAUGHT_UP_RECORDS)
            running.fetch()
            await running.clock.advance(distance_ms / 5)
            assert committed() == step * CAUGHT_UP_RECORDS, "too near to the last commit"
            await running.clock.advance(distance_ms * 4 / 5)
            assert committed() > step * CAUGHT_UP_RECORDS, "and long before the interval is over"


async def test_what_comes_after_a_pause_is_committed_at_once(cluster, bench, row, topologies) -> None:
    fill(cluster, row, CAUGHT_UP_RECORDS)
    running = bench(cluster, topologies.count(), fetch_records=CAUGHT_UP_RECORDS, commit_interval_ms=100)

    async with started(running):
        running.fetch()
        await running.clock.advance(1_001)  # just behind a tick that found nothing to commit
        fill(cluster, row, CAUGHT_UP_RECORDS)
        running.fetch()
        await running.clock.settle()
        assert cluster.offsets[VIEWS].offset == 2 * CAUGHT_UP_RECORDS
