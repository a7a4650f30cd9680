"""Whatever actors do between records, a slice ends in a cut: all below it handled once, none above it begun."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.app.activity import Activity
from streamz_core.app.agent_processor import AgentProcessor
from streamz_core.app.app import App
from streamz_core.clock import SystemClock
from streamz_core.model import TopicPartition
from streamz_core.streams.batch import Batch
from streamz_core.streams.commit_request import CommitRequest
from streamz_core.streams.processor import RecordError


@dataclass
class Plan:
    """What happens at one record: turns of the event loop, a commit falling due, a failure."""

    turns: int
    asks_for_commit: bool
    fails: bool


plans = st.lists(st.builds(Plan, st.integers(0, 3), st.booleans(), st.booleans()), min_size=1, max_size=30)


class Context:
    """As much of a task as an agent that neither sends nor writes needs."""

    task_id = "agents_0"
    partition = 0
    clock = SystemClock()
    stream_time_ms = -1

    def __init__(self) -> None:
        self.commit_request = CommitRequest()

    def send(self, *_: object) -> None:
        raise AssertionError("this agent sends nothing")


def batch(count: int) -> Batch:
    column = list(range(count))
    return Batch(
        source=TopicPartition("views", 0),
        offsets=column,
        timestamps=column,
        time_before_ms=-1,
        latest_ms=count,
        keys=[None] * count,
        values=column,
        raw_keys=[None] * count,
        raw_values=[None] * count,
        headers=None,
    )


@settings(max_examples=150, deadline=None)
@given(plans, st.integers(1, 4), st.booleans(), st.integers(1, 10))
def test_every_slice_ends_in_a_cut(records, concurrency, takes, slice_size):
    asyncio.run(drive(records, concurrency, takes=takes, slice_size=slice_size))


async def drive(records: list[Plan], concurrency: int, *, takes: bool, slice_size: int) -> None:
    context = Context()
    begun: list[int] = []
    done: list[int] = []

    async def one(n: int) -> None:
        begun.append(n)
        for _ in range(records[n].turns):
            await asyncio.sleep(0)
        if records[n].asks_for_commit:
            context.commit_request.is_pending = True
        if records[n].fails:
            raise ValueError(n)
        done.append(n)

    async def work(stream):
        if takes:
            async for some in stream.take(3, within=1):
                for n in some:
                    await one(n)
        async for n in stream:
            await one(n)

    app = App("cut", broker="memory://cut")
    agent = app.agent(app.topic("views"), concurrency=concurrency)(work)
    processor = AgentProcessor(agent, Activity())
    await processor.open(context)
    whole, at = batch(len(records)), 0
    while at < len(records):
        context.commit_request.is_pending = False
        stop = min(at + slice_size, len(records))
        begun_before = len(begun)
        try:
            cut = await processor.process(whole, at, stop, may_yield=True)
        except RecordError as error:
            # The task would go back to its last commit: here that is `at`. The failed records mend.
            failed = range(error.index, error.index + error.count)
            assert any(records[n].fails for n in failed)
            assert all(at <= n < stop for n in begun[begun_before:])
            for n in failed:
                records[n].fails = False
            done[:] = [n for n in done if n < at]
            begun[:] = [n for n in begun if n < at]
            continue
        assert cut == stop or (context.commit_request.is_pending and at <= cut < stop)
        assert sorted(done) == list(range(cut))
        assert all(n < cut for n in begun)
        at = cut
    await processor.close()
