"""The DSL, exactly-once, on a log on disk, against a bare loop over the values in memory.

Timed as ``agents`` times: from ``app.start()`` to the commit of the last record, defaults everywhere. The
references are those of ``agents``: the same decoder and encoder calls in a bare loop.

``filter_map``: the views with ``ms > 500``, mapped to another object, to a topic of four partitions.
``window``: views per page and 10 s with 2 s grace, in a topic keyed by page: 100,000 windows. Updates are merged per
commit and go to a topic. ``window_final``: the same with final results only, by suppression. ``sessions``: views per
session of the 100,000 users, with a gap of 30 s and 2 s grace. Stores are on disk, with changelogs.
"""

from __future__ import annotations

from typing import Any

import msgspec

from benchmarks.agents import GRACE_MS, WINDOW_MS, bare_forward, bare_window, run
from benchmarks.figures import Figure
from benchmarks.measuring import Sample, Stopwatch, compare
from benchmarks.setting import PARTITIONS, TOPIC, Setting
from streamz_core import App
from streamz_core.app import own_process
from streamz_core.streams.dsl.suppressed import BufferConfig, Suppressed
from streamz_core.streams.dsl.windows import SessionWindows, TimeWindows

GAP_MS = 30_000


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


async def streams_window(setting: Setting) -> list[Figure]:
    """Count per page and window; merged updates to a topic."""
    return [await _windowed(setting, _window, "DSL: tumbling count, updates per commit", 0.6)]


async def streams_window_final(setting: Setting) -> list[Figure]:
    """Count per page and window; final results to a topic."""
    return [await _windowed(setting, _window_final, "DSL: tumbling count, final by suppress", 0.6)]


async def streams_sessions(setting: Setting) -> list[Figure]:
    """Count per user and session."""
    own_process.tune()
    found = await compare(
        lambda: run(setting, _sessions), lambda: _bare_sessions(setting.views.keys, setting), setting.rounds
    )
    return [found.rate("DSL: sessions of 100,000 users", setting.count, at_least=0.3)]


async def _windowed(setting: Setting, declare: Any, what: str, at_least: float) -> Figure:
    own_process.tune()
    by_page = setting.keyed_by(lambda view: view["page"])
    found = await compare(lambda: run(by_page, declare), lambda: bare_window(setting), setting.rounds)
    return found.rate(what, setting.count, at_least=at_least)


def _tumbling(app: App) -> Any:
    app.topic("counts", partitions=PARTITIONS)
    windows = TimeWindows.of_size_and_grace(WINDOW_MS, GRACE_MS)
    return app.stream(TOPIC, key_type=str).group_by_key().windowed_by(windows).count("pages")


def _window(app: App) -> None:
    _tumbling(app).to_stream().to("counts")


def _window_final(app: App) -> None:
    until = Suppressed.until_window_closes(BufferConfig.unbounded()).with_name("final")
    _tumbling(app).suppress(until).to_stream().to("counts")


def _sessions(app: App) -> None:
    app.topic("counts", partitions=PARTITIONS)
    sessions = SessionWindows.of_inactivity_gap_and_grace(GAP_MS, GRACE_MS)
    grouped = app.stream(TOPIC, key_type=str).group_by_key()
    grouped.windowed_by(sessions).count("users").to_stream().to("counts")


def _bare_sessions(keys: list[bytes], setting: Setting) -> Sample:
    loads = msgspec.json.Decoder().decode
    sessions: dict[str, list[list[int]]] = {}
    stream_time = late = 0
    with Stopwatch() as watch:
        for raw_key, value, time in zip(keys, setting.views.values, setting.views.timestamps, strict=True):
            loads(value)
            stream_time = max(stream_time, time)
            start = end = time
            count = 1
            kept: list[list[int]] = []
            for session in sessions.get(key := raw_key.decode(), ()):
                if session[0] - GAP_MS <= time <= session[1] + GAP_MS:
                    start, end = min(start, session[0]), max(end, session[1])
                    count += session[2]
                elif session[1] + GAP_MS + GRACE_MS >= stream_time:
                    kept.append(session)
            if end + GAP_MS + GRACE_MS < stream_time:
                late += 1
                continue
            kept.append([start, end, count])
            sessions[key] = kept
    return watch.sample


ROWS = {
    "streams_filter_map": streams_filter_map,
    "streams_window": streams_window,
    "streams_window_final": streams_window_final,
    "streams_sessions": streams_sessions,
}
