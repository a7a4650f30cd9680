"""Running an app as several processes of one machine.

Owns: what is common to them: the log's owner, which is the process that minds them, and how they are started.
Must not know: how one of them runs (``worker``), how they are kept alive (``worker_processes``).

The minding process runs nothing of the app's own, so that a fault of the app's cannot take the log away from the
other workers; they share partitions by the app's consumer group, over the socket in the data directory.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final

from streamz_core.app.app_link import open_app_link
from streamz_core.app.worker import signals
from streamz_core.app.worker_processes import WorkerProcesses
from streamz_core.client.address import MemoryAddress, parse
from streamz_core.client.local_link import broker_of, is_local
from streamz_core.errors import Misuse
from streamz_core.server.shared_server import share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.app.services import Startable

OPTION: Final = "--workers"
_KILL_AFTER_MS: Final = 5_000
"""What a worker is given beyond its own time to shut down."""


async def run_workers(app: Startable, count: int, command: Sequence[str]) -> None:
    """Run ``count`` processes of ``command`` until a signal, and start again those that die.

    Raises ``WorkersFailed``, ``Misuse`` for a log that processes cannot share, and what opening it raises.
    """
    conf = app.conf
    if isinstance(parse(conf.broker), MemoryAddress):
        raise Misuse(f"{OPTION} {count}: {conf.broker} is in the memory of one process; name a directory")
    stop_wanted = asyncio.Event()
    with signals(stop_wanted):
        link = await open_app_link(app)
        try:
            door = await share(broker_of(link), conf.listen) if is_local(link) else None
            if door is None and is_local(link):
                raise Misuse(
                    f"{OPTION} {count}: processes cannot share {conf.broker}, the log above says why; run one worker, "
                    "or set listen= to an address of this machine"
                )
            processes = WorkerProcesses(
                command,
                count,
                link.clock,
                stop_ms=int(conf.milliseconds("shutdown_timeout")) + _KILL_AFTER_MS,
            )
            try:
                await processes.run(stop_wanted)
            finally:
                if door is not None:
                    await door.close()
        finally:
            await link.close()


def own_command() -> list[str]:
    """The command line of this process, as a command that runs one worker."""
    return [sys.executable, *without_workers(sys.orig_argv[1:])]


def without_workers(arguments: Sequence[str]) -> list[str]:
    """A command line without ``--workers``.

    >>> without_workers(["views.py", "worker", "--workers", "4", "-l", "info"])
    ['views.py', 'worker', '-l', 'info']
    """
    kept: list[str] = []
    is_value = False
    for argument in arguments:
        if not is_value and argument != OPTION and not argument.startswith(f"{OPTION}="):
            kept.append(argument)
        is_value = argument == OPTION
    return kept
