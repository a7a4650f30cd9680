"""TLS settings for connections.

Owns: ``create_ssl_context`` and ``AbstractTokenProvider``, aiokafka's ways to prepare a secure
connection.
Must not know: links; an embedded log has no connection to secure.
"""

from __future__ import annotations

import abc
import os
import ssl
from collections.abc import Callable

from streamz_core.client.settings import SettingError

_Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
_Password = str | bytes | bytearray


def create_ssl_context(
    *,
    cafile: _Path | None = None,
    capath: _Path | None = None,
    cadata: str | bytes | None = None,
    certfile: _Path | None = None,
    keyfile: _Path | None = None,
    password: _Password | Callable[[], _Password] | None = None,
    crlfile: _Path | None = None,
) -> ssl.SSLContext:
    """A context that verifies the server's certificate and name, for ``ssl_context=``.

    ``certfile`` identifies this client, with its key in ``keyfile`` or in the same file; ``crlfile`` lists
    revoked certificates. Raises ``SettingError`` for a key without a certificate, and what ``ssl`` and the
    files raise.
    """
    if certfile is None and keyfile is not None:
        raise SettingError(f"keyfile={keyfile!r}: a key without certfile= identifies nobody")
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=cafile, capath=capath, cadata=cadata)
    if certfile is not None:
        context.load_cert_chain(certfile, keyfile, password)
    if crlfile is not None:
        context.load_verify_locations(crlfile)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


class AbstractTokenProvider(abc.ABC):
    """Gives OAuth tokens for ``sasl_oauth_token_provider=``."""

    @abc.abstractmethod
    async def token(self) -> str:
        """A token that is valid now."""

    def extensions(self) -> dict[str, str]:
        """What to send along with the token."""
        return {}
