"""``Assignment``: tasks that are given up on two sides at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streamz_core.streams import StreamsBuilder
from streamz_core.testing import TopologyTestDriver


@pytest.mark.parametrize("first", ["stop_all", "on_partitions_revoked", "on_partitions_lost"])
def test_a_rebalance_while_the_app_ends(first: str) -> None:
    builder = StreamsBuilder()
    builder.stream("in", key_type=str, value_type=str).group_by_key().count("counts").to_stream().to("out")
    with TopologyTestDriver(builder, partitions=3) as driver:
        runtime: Any = driver.app.running.runtime
        assignment = runtime._assignment
        partitions = [partition for task in runtime.tasks.values() for partition in task.partitions]

        async def both() -> None:
            async with asyncio.TaskGroup() as group:
                one = () if first == "stop_all" else (partitions,)
                group.create_task(getattr(assignment, first)(*one))
                group.create_task(assignment.on_partitions_revoked(partitions[:2]))

        driver.run(both())
        assert runtime.tasks == {}
        assert all(assignment.task_of(partition) is None for partition in partitions)
