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
    # In memory the changelogs go with the process: state on disk would outlive what it stands for.
    if isinstance(parse(conf.broker), MemoryAddress):
        return None
    return state_beside(conf.broker) or f"{app.id}-data"


def state_beside(broker: str) -> str | None:
    """Where apps on a data directory keep their stores unless they say otherwise; None where there is none."""
    address = parse(broker)
    return f"{address.path}/state" if isinstance(address, FileAddress) else None
