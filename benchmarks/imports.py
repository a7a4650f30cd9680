"""Starting: ``import streamz_core`` and ``streamz --help``, each in a fresh process, files cached.

The whole process is timed, from its start to its end, and the median is taken. Reference: the same
interpreter with nothing to do (``-c pass``).
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from time import perf_counter

from benchmarks.figures import Figure
from benchmarks.setting import Setting

RUNS = 11
IMPORT_MS, HELP_MS = 150.0, 200.0
HELP = "from streamz_core.cli.main import main; main(['--help'])"


async def imports(setting: Setting) -> list[Figure]:
    """Import and help."""
    jobs = {"nothing": "pass", "import": "import streamz_core", "help": HELP}
    took: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(RUNS):
        for name, code in jobs.items():
            took[name].append(_run(code))
    bare, imported, helped = (median(times[1:]) for times in took.values())
    return [
        Figure("import streamz_core", imported, bare, "ms", at_most=IMPORT_MS),
        Figure("streamz --help", helped, bare, "ms", at_most=HELP_MS),
    ]


def _run(code: str) -> float:
    began = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return (perf_counter() - began) * 1000


ROWS = {"imports": imports}
