"""A streams app on a data directory, for being killed: says how much it has committed, ends when all is.

Owns: one life of the app of ``test_streams_kill``: ``python -m tests.crash.streams_app DIRECTORY RECORDS``.
Must not know: when it will be killed.
"""

from __future__ import annotations

import asyncio
import sys

from streamz_core.streams.runtime.config import RuntimeConfig
from streamz_core.streams.runtime.runtime import StreamsRuntime
from tests.behaviour.test_streams_exactly_once import topology


async def live(directory: str, records: int) -> None:
    config = RuntimeConfig(
        app_id="app",
        broker=f"file://{directory}/data",
        state_dir=f"{directory}/state",
        commit_interval_ms=10,
        slice_records_max=50,
        commit_records_max=200,
        state_flush_interval_ms=50,
    )
    runtime = StreamsRuntime(topology(), config)
    await runtime.start()
    committed = 0
    while committed < records:
        await asyncio.sleep(0.001)
        if runtime.failure is not None:
            raise runtime.failure
        committed = sum(sum(task.committed.values()) for task in runtime.tasks.values())
        print(committed, flush=True)
    await runtime.stop()


if __name__ == "__main__":
    asyncio.run(live(sys.argv[1], int(sys.argv[2])))
