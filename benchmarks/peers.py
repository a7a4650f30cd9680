"""Other projects on the same workload, where they are installed: our agent jobs beside Bytewax's.

Bytewax (in memory, nothing durable) runs in the interpreter that ``STREAMZ_BENCH_BYTEWAX`` names, by default this
one, pinned to the same core; where it is not installed the row says so. The ratio is ours to theirs, so above 1
we are faster. Ours is as in ``agents``: exactly-once, on disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

from benchmarks.agents import count_per_window, forward_slow, run
from benchmarks.figures import Figure
from benchmarks.setting import Setting
from streamz_core import App
from streamz_core.app import own_process

NOT_INSTALLED = "not installed"


async def peer_bytewax(setting: Setting) -> list[Figure]:
    """Forward, and the windowed count."""
    python = os.environ.get("STREAMZ_BENCH_BYTEWAX", sys.executable)
    jobs: dict[str, Callable[[App], None]] = {"forward": forward_slow, "window": count_per_window}
    if subprocess.run([python, "-c", "import bytewax"], capture_output=True, check=False).returncode:
        return [Figure(f"Bytewax in memory: {job}", 0.0, None, "", note=NOT_INSTALLED) for job in jobs]
    own_process.tune()
    figures = []
    for job, declare in jobs.items():
        command = [python, "-m", "benchmarks.peer_bytewax", job, str(setting.count)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        theirs_s = json.loads(answer)["seconds"]
        ours_s = min([(await run(setting, declare)).wall_s for _ in range(setting.rounds)])
        rates = setting.count / ours_s, setting.count / theirs_s
        figures.append(Figure(f"Bytewax in memory: {job}", *rates, "rec/s"))
    return figures


ROWS = {"peer_bytewax": peer_bytewax}
