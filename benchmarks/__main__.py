"""``python -m benchmarks [row …] [--json] [--views N] [--rounds N] [--directory D]``.

Runs every row, or those named, each with its reference in this process, pinned to one core.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

from benchmarks import (
    agents,
    apache_kafka,
    commit,
    compaction,
    consume,
    failures,
    imports,
    latency,
    memory,
    partitions,
    peers,
    produce,
    rebalance,
    restore,
    send,
    state,
    stream_join,
    streams,
    table_join,
    wire,
    wire_codec,
    workers,
)
from benchmarks.figures import Figure, as_json, table
from benchmarks.measuring import pin_to_one_core
from benchmarks.setting import Setting
from streamz_core.protocol.compiled import is_compiled

Row = Callable[[Setting], Awaitable[list[Figure]]]

# In the order of the table in docs/benchmarks.md.
MODULES = (
    produce,
    consume,
    send,
    commit,
    agents,
    failures,
    streams,
    table_join,
    stream_join,
    latency,
    rebalance,
    memory,
    compaction,
    restore,
    state,
    partitions,
    wire,
    wire_codec,
    apache_kafka,
    workers,
    imports,
    peers,
)
ROWS: dict[str, Row] = {name: row for module in MODULES for name, row in module.ROWS.items()}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="row", help=f"one of: {', '.join(ROWS)}; default: all")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument("--views", type=int, default=1_000_000, help="page views (default 1,000,000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds whose median counts (default 3)")
    parser.add_argument("--directory", help="where scratch directories are made (default: the system's)")
    given = parser.parse_args()
    unknown = [row for row in given.rows if row not in ROWS]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; there are: {', '.join(ROWS)}")
    return given


async def run(names: list[str], setting: Setting) -> list[Figure]:
    figures: list[Figure] = []
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        figures += await ROWS[name](setting)
    return figures


def main() -> None:
    given = arguments()
    core = pin_to_one_core()
    build = "compiled" if is_compiled() else "INTERPRETED: the targets are meant for the compiled modules"
    print(f"core {core}, {given.views:,} views, {build}", file=sys.stderr)
    setting = Setting(given.views, given.rounds, given.directory)
    figures = asyncio.run(run(given.rows or list(ROWS), setting))
    print(as_json(figures) if given.json else table(figures))


if __name__ == "__main__":
    main()
