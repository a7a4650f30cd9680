"""Where an app keeps its stores on disk.

Owns: that choice.
Must not know: what is in there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.client.address import FileAddress, MemoryAddress, parse

if TYPE_CHECKING:
    from streamz_core.app.services import Runnable


def state_directory(app: Runnable) -> str | None:
    """The directory; None where stores are in memory."""
    conf = app.conf
    if conf.store == "memory://":
        return None
    if conf.datadir is not None:
        return conf.datadir
    address = parse(conf.broker)
    if isinstance(address, MemoryAddress):
        # The changelogs go with the process: state on disk would outlive what it stands for.
        return None
    return f"{address.path}/state" if isinstance(address, FileAddress) else f"{app.id}-data"
