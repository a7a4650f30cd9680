"""Links to brokers of other processes: by an address, or by what the owner of a data directory has noted there.

Owns: ``open_remote``, ``open_at_owner``.
Must not know: brokers of this process.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from streamz_core.client.address import KafkaAddress, parse
from streamz_core.client.client_errors import KafkaConnectionError
from streamz_core.client.tcp.cluster_link import ClusterLink
from streamz_core.client.tcp.endpoint import Endpoint

if TYPE_CHECKING:
    from streamz_core.client.tcp.link_settings import LinkSettings
    from streamz_core.clock import Clock

OWNER_OPEN_MS: Final = 500
"""How long a process of this machine may take to let somebody in."""
_UNIX: Final = "unix:"

_log: Final = logging.getLogger(__name__)


async def open_remote(address: KafkaAddress, settings: LinkSettings, clock: Clock) -> ClusterLink:
    """A link to the cluster at ``address``; raises as ``ClusterLink.open``."""
    endpoints = [Endpoint(host, port) for host, port in address.hosts]
    try:
        return await ClusterLink.open(endpoints, settings, clock)
    except KafkaConnectionError as error:
        raise KafkaConnectionError(f"{error.args[0]}{_as_a_path(address)}") from error


async def open_at_owner(
    owner_note: str, directory: str, settings: LinkSettings, clock: Clock
) -> ClusterLink | None:
    """A link to the process that owns a directory, by the doors it has noted there; None if it has none open."""
    for door in owner_note.split():
        try:
            if door.startswith(_UNIX):
                endpoint = Endpoint(path=os.path.join(directory, door.removeprefix(_UNIX)))
                # The socket's file is guarded as the data is: nobody has to log in.
                plain = replace(settings, ssl_context=None, credentials=None, open_timeout_ms=OWNER_OPEN_MS)
                return await ClusterLink.open([endpoint], plain, clock)
            parsed = parse(door)
            if isinstance(parsed, KafkaAddress):
                return await open_remote(parsed, replace(settings, open_timeout_ms=OWNER_OPEN_MS), clock)
        except KafkaConnectionError as error:
            _log.info("the owner of %s notes that it listens at %s: %s", directory, door, error)
    return None


def _as_a_path(address: KafkaAddress) -> str:
    """A single name without a dot may have been meant as that of a directory."""
    host = address.hosts[0][0]
    is_name = len(address.hosts) == 1 and host.isidentifier() and host != "localhost"
    return f"; if {host!r} is meant to be a directory, write ./{host}" if is_name else ""
