"""The server's certificate as its files have it now.

Owns: the TLS context that new connections get, and making it anew when a file has changed.
Must not know: what is in the files, connections.

Certificate, key and authorities are renewed by other programs, one file after the other. What cannot be used, a
certificate whose key is not there yet among it, leaves the port as it was, and is looked at again when it changes.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING, Final

from streamz_core.aio.deadline import sleep
from streamz_core.errors import Misuse
from streamz_core.log import checksummed
from streamz_core.log.files import DiskFiles
from streamz_core.server.security.tls import server_context

if TYPE_CHECKING:
    import ssl

    from streamz_core.clock import Clock
    from streamz_core.server.security.tls import TlsConfig

_log: Final = logging.getLogger(__name__)

LOOK_MS: Final = 10_000
"""How often the files are looked at."""


class Certificates:
    """What one port shows, and whose certificates it believes. Raises ``Misuse`` naming a file that is not usable."""

    def __init__(self, config: TlsConfig) -> None:
        self._config = config
        self._seen = _contents(config)
        self.context: ssl.SSLContext = server_context(config)
        """For the next connection; those there are keep theirs."""

    async def watch(self, clock: Clock) -> None:
        """Look at the files until cancelled."""
        while True:
            await sleep(clock, LOOK_MS)
            await self.look()

    async def look(self) -> None:
        """Use what the files have by now, if they have changed and can be used."""
        found = await asyncio.to_thread(_contents, self._config)
        if found == self._seen:
            return
        self._seen = found
        try:
            self.context = await asyncio.to_thread(server_context, self._config)
        except Misuse as wrong:
            _log.error("certificates have changed and are not used: %s; the former ones stay in use", wrong)
        else:
            _log.info("new connections get the certificate that is now in %s", self._config.certificate)


def _contents(config: TlsConfig) -> tuple[bytes | None, ...]:
    """What tells one state of the files from another, without keeping a key; None for what cannot be read."""
    names = (config.certificate, config.key, config.client_ca)
    return tuple(_digest(name) for name in names if name is not None)


def _digest(path: str) -> bytes | None:
    try:
        content = checksummed.read_file(DiskFiles(), path)
    except OSError:
        return None
    return None if content is None else hashlib.sha256(content).digest()
