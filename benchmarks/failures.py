"""Agents on records of which every tenth fails, exactly-once.

The agent of ``agent_forward`` over at most 100,000 views (10,000 with the table); every tenth makes it raise. By
policy such a record is skipped, or sent to a dead-letter topic in the commit that passes it over. What counts is
the time that one failing record costs, the warning in the log (which nobody prints) included: 400 us are 25,000
records/s.

The last figure is of an agent that counts in a table: where a store has changed, slices begin with a savepoint.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from benchmarks.agents import run
from benchmarks.figures import Figure
from benchmarks.setting import PARTITIONS, TOPIC, Setting
from streamz_core import App
from streamz_core.app import own_process

VIEWS_MAX = 100_000
STORED_VIEWS_MAX = 10_000
EVERY = 10
AT_MOST_US = 400.0


async def agent_failing(setting: Setting) -> list[Figure]:
    """By policy; without state, and with it."""
    own_process.tune()
    some = Setting(min(setting.count, VIEWS_MAX), setting.rounds, setting.directory)
    few = Setting(min(setting.count, STORED_VIEWS_MAX), setting.rounds, setting.directory)
    logging.getLogger("streamz_core").addHandler(logging.NullHandler())
    logging.getLogger("streamz_core").propagate = False
    return [
        await _figure("every tenth fails: skip", some, _forward("skip"), at_most=AT_MOST_US),
        await _figure("every tenth fails: dead letter", some, _forward("dead_letter"), at_most=AT_MOST_US),
        await _figure("every tenth fails: skip, with a table", few, _counting("skip")),
    ]


async def _figure(
    what: str, setting: Setting, declare: Callable[[App], None], at_most: float | None = None
) -> Figure:
    best = min([(await run(setting, declare)).wall_s for _ in range(setting.rounds)])
    return Figure(what, best / (setting.count / EVERY) * 1e6, None, "us each", at_most=at_most)


def _forward(policy: str) -> Callable[[App], None]:
    def declare(app: App) -> None:
        slow = app.topic("slow", partitions=PARTITIONS)

        @app.agent(app.topic(TOPIC), error_policy=policy)
        async def forward(stream: Any) -> None:
            seen = 0
            async for view in stream:
                seen += 1
                if view["ms"] % EVERY == 3:
                    raise ValueError(f"view {seen} is not liked")
                if view["ms"] > 500:
                    await slow.send(key=view["user"], value={"page": view["page"]})

    return declare


def _counting(policy: str) -> Callable[[App], None]:
    def declare(app: App) -> None:
        counts = app.Table("counts", default=int)

        @app.agent(app.topic(TOPIC), error_policy=policy)
        async def count(stream: Any) -> None:
            async for view in stream:
                counts[view["page"]] += 1
                if view["ms"] % EVERY == 3:
                    raise ValueError(f"{view['page']} is not liked")

    return declare


ROWS = {"agent_failing": agent_failing}
