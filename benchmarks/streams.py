"""The DSL, exactly-once, on a log on disk, against a bare loop over the values in memory.

Timed as ``agents`` times: from ``app.start()`` to the commit of the last record, defaults everywhere. The
references are those of ``agents``: the same decoder and encoder calls in a bare loop.

``filter_map``: the views with ``ms > 500``, mapped to another object, to a topic of four partitions.
"""

from __future__ import annotations

from typing import Any

from benchmarks.agents import bare_forward, run
from benchmarks.figures import Figure
from benchmarks.measuring import compare
from benchmarks.setting import PARTITIONS, TOPIC, Setting
from streamz_core import App
from streamz_core.app import own_process


async def streams_filter_map(setting: Setting) -> list[Figure]:
    """Parse, filter, map, to a topic."""
    own_process.tune()
    found = await compare(lambda: run(setting, _filter_map), lambda: bare_forward(setting), setting.rounds)
    return [found.rate("DSL: filter, map, to", setting.count, at_least=0.6)]


def _filter_map(app: App) -> None:
    app.topic("slow", partitions=PARTITIONS)

    def shortened(_key: bytes, view: Any) -> Any:
        return view["user"], {"page": view["page"], "seconds": view["ms"] / 1000}

    app.stream(TOPIC).filter(lambda _key, view: view["ms"] > 500).map(shortened).to("slow")


ROWS = {"streams_filter_map": streams_filter_map}
