"""Where a key set is read: a file, or https from a host that was named.

Owns: both, and what neither may do: no other scheme, no redirect, no proxy, no host that was not allowed, no
document beyond a size, and nothing received is repeated in an error.
Must not know: what is in a document.

Source: CVE-2025-27817 is what following any URL costs
"""

from __future__ import annotations

import asyncio
import http.client
import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from streamz_core.errors import Misuse
from streamz_core.log import checksummed
from streamz_core.log.files import DiskFiles
from streamz_core.server.security.jwks import KeysUnavailable

if TYPE_CHECKING:
    from collections.abc import Collection

DOCUMENT_BYTES_MAX: Final = 1_048_576
_TIMEOUT_S: Final = 10.0


class FileDocument:
    """A file on this machine, which whoever runs the server names."""

    def __init__(self, path: str) -> None:
        self._path = path

    async def read(self) -> bytes:
        """See ``Document``."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> bytes:
        try:
            content = checksummed.read_file(DiskFiles(), self._path)
        except OSError as error:
            raise KeysUnavailable(f"{self._path}: {error.strerror}") from None
        if content is None:
            raise KeysUnavailable(f"{self._path} is not there")
        if len(content) > DOCUMENT_BYTES_MAX:
            raise KeysUnavailable(f"{self._path} has {len(content)} bytes; allowed are {DOCUMENT_BYTES_MAX}")
        return content


class HttpsDocument:
    """A document of one of the hosts that may be asked."""

    def __init__(
        self, url: str, allowed_hosts: Collection[str], *, context: ssl.SSLContext | None = None
    ) -> None:
        """``context`` trusts other certificates than the system does. Raises ``Misuse`` for any other URL."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if parts.scheme != "https" or not host or parts.username or parts.password or parts.fragment:
            raise Misuse(f"key set URL {url!r}: give https://host/path, without a user in it")
        if host not in {one.lower() for one in allowed_hosts}:
            raise Misuse(f"key set URL {url!r}: the host is not among those allowed: {sorted(allowed_hosts)}")
        self._host, self._port = host, parts.port or 443
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._context = context or ssl.create_default_context()

    async def read(self) -> bytes:
        """See ``Document``."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> bytes:
        connection = http.client.HTTPSConnection(
            self._host, self._port, timeout=_TIMEOUT_S, context=self._context
        )
        try:
            connection.request("GET", self._target, headers={"Accept": "application/json"})
            with connection.getresponse() as response:
                if response.status != http.client.OK:
                    raise KeysUnavailable(f"https://{self._host} answered with status {response.status}")
                content = response.read(DOCUMENT_BYTES_MAX + 1)
        except (OSError, http.client.HTTPException) as error:
            raise KeysUnavailable(f"https://{self._host}: {type(error).__name__}") from None
        finally:
            connection.close()
        if len(content) > DOCUMENT_BYTES_MAX:
            raise KeysUnavailable(f"https://{self._host} sent more than {DOCUMENT_BYTES_MAX} bytes")
        return content
