"""TLS settings for connections.

Owns: ``create_ssl_context`` and ``AbstractTokenProvider``, aiokafka's ways to prepare a secure
connection.
Must not know: links; an embedded log has no connection to secure.
"""

from __future__ import annotations

import abc
import ssl


def create_ssl_context(
    *,
    cafile: str | None = None,
    capath: str | None = None,
    cadata: str | bytes | None = None,
    certfile: str | None = None,
    keyfile: str | None = None,
    password: str | None = None,
    crlfile: str | None = None,
) -> ssl.SSLContext:
    """A context that verifies the server's certificate and name, for ``ssl_context=``.

    ``certfile`` and ``keyfile`` identify this client; ``crlfile`` lists revoked certificates.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=cafile, capath=capath, cadata=cadata)
    if certfile is not None and keyfile is not None:
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
