"""Other projects on the same workload, where installed: our agent jobs beside those of Bytewax, Faust and Quix Streams.

Each peer runs in the interpreter that an environment variable names, by default this one, pinned to the same core;
where it is not installed the row says so. Bytewax is in memory and nothing durable; Faust and Quix Streams work at
least once on the Kafka broker ``STREAMZ_BENCH_KAFKA`` names (``host:port``), whose own work is not on this core if
it has another. They are too slow for the whole workload, and flat in its size: they get a part of it. The ratio is
ours to theirs, so above 1 we are faster. Ours is as in ``agents``: exactly-once, on disk.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from benchmarks.agents import count_per_window, forward_slow, run
from benchmarks.figures import Figure
from benchmarks.setting import Setting
from streamz_core import App
from streamz_core.app import own_process

NOT_INSTALLED, NO_BROKER = "not installed", "no broker"
BROKER_VARIABLE = "STREAMZ_BENCH_KAFKA"
JOBS: dict[str, Callable[[App], None]] = {"forward": forward_slow, "window": count_per_window}
CONNECT_S, RUN_S = 2.0, 600.0


class Peer(NamedTuple):
    """A project to be compared with."""

    name: str
    package: str
    module: str
    interpreter_variable: str
    views_max: int
    needs_broker: bool


BYTEWAX = Peer(
    "Bytewax in memory", "bytewax", "benchmarks.peer_bytewax", "STREAMZ_BENCH_BYTEWAX", 1_000_000, False
)
FAUST = Peer("Faust on Kafka", "faust", "benchmarks.peer_faust", "STREAMZ_BENCH_FAUST", 30_000, True)
QUIX = Peer(
    "Quix Streams on Kafka", "quixstreams", "benchmarks.peer_quix", "STREAMZ_BENCH_QUIX", 200_000, True
)


def row(peer: Peer) -> Callable[[Setting], Awaitable[list[Figure]]]:
    """Forward, and the windowed count, beside a peer."""

    async def beside(setting: Setting) -> list[Figure]:
        python = os.environ.get(peer.interpreter_variable, sys.executable)
        missing = _missing(peer, python)
        if missing:
            return [Figure(f"{peer.name}: {job}", 0.0, None, "", note=missing) for job in JOBS]
        own_process.tune()
        return [await _figure(peer, python, job, setting) for job in JOBS]

    return beside


def _missing(peer: Peer, python: str) -> str | None:
    """What is not there, if it is not."""
    if subprocess.run([python, "-c", f"import {peer.package}"], capture_output=True, check=False).returncode:
        return NOT_INSTALLED
    if not peer.needs_broker:
        return None
    host, _, port = os.environ.get(BROKER_VARIABLE, "").rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except (OSError, ValueError):
        return NO_BROKER
    return None


async def _figure(peer: Peer, python: str, job: str, setting: Setting) -> Figure:
    count = min(setting.count, peer.views_max)
    command = [python, "-W", "ignore", "-m", peer.module, job, str(count)]
    if peer.needs_broker:
        command.append(os.environ[BROKER_VARIABLE])
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=RUN_S).stdout
    line = next(line for line in answer.splitlines() if line.startswith("{"))
    theirs_s = json.loads(line)["seconds"]
    ours_s = min([(await run(setting, JOBS[job])).wall_s for _ in range(setting.rounds)])
    return Figure(f"{peer.name}: {job}", setting.count / ours_s, count / theirs_s, "rec/s")


ROWS = {"peer_bytewax": row(BYTEWAX), "peer_faust": row(FAUST), "peer_quix": row(QUIX)}
