"""How a connection begins: what the broker speaks, and who we are.

Owns: ``log_in``: ApiVersions, then SASL (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER) where credentials are given.
Must not know: sockets, TLS.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamz_core.client.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IncompatibleBrokerVersion,
    error_for,
)
from streamz_core.client.tcp.link_settings import CLIENT_SOFTWARE
from streamz_core.client.tcp.versions import Versions
from streamz_core.errors import ErrorCode
from streamz_core.protocol import scram
from streamz_core.protocol.messages.api_versions import ApiVersionsRequest
from streamz_core.protocol.messages.sasl_authenticate import SaslAuthenticateRequest
from streamz_core.protocol.messages.sasl_handshake import SaslHandshakeRequest
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.secret import Secret

if TYPE_CHECKING:
    from streamz_core.client.tcp.connection import Connection
    from streamz_core.client.tcp.link_settings import Credentials, LinkSettings
    from streamz_core.protocol.messages.request import Request

SCRAM: Final = {one.sasl_name: one for one in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512)}
"""By their names in SASL."""
_ASKED_FIRST: Final = 3
"""The version of ApiVersions that brokers since Kafka 2.4 know; older ones answer that they do not."""
_RENEW_AT: Final = 0.85
"""The part of a session's lifetime after which another connection takes over (as in Kafka, KIP-368)."""


class Login(NamedTuple):
    """What came of it. ``lifetime_ms``: how long the connection may be used; None: for ever."""

    versions: Versions
    lifetime_ms: float | None


async def log_in(connection: Connection, settings: LinkSettings, broker: object) -> Login:
    """Learn what ``broker`` speaks, and log in.

    Raises ``AuthenticationFailedError``, ``AuthenticationMethodNotSupported``, ``IncompatibleBrokerVersion`` and
    ``ConnectionBroken``.
    """
    versions = await _versions(connection, settings, broker)
    if settings.credentials is None:
        return Login(versions, None)
    return Login(versions, await _authenticate(connection, settings, settings.credentials, versions, broker))


async def _versions(connection: Connection, settings: LinkSettings, broker: object) -> Versions:
    request = ApiVersionsRequest(client_software_name=CLIENT_SOFTWARE, client_software_version="1")
    answer = await connection.ask(request, _ASKED_FIRST, settings.connect_timeout_ms)
    if answer.error_code is ErrorCode.UNSUPPORTED_VERSION:
        answer = await connection.ask(request, 0, settings.connect_timeout_ms)
    if answer.error_code is not ErrorCode.NONE:
        raise IncompatibleBrokerVersion(f"{broker} does not say what it speaks: {answer.error_code.name}")
    return Versions(broker, answer)


async def _authenticate(
    connection: Connection,
    settings: LinkSettings,
    credentials: Credentials,
    versions: Versions,
    broker: object,
) -> float | None:
    lifetime_ms = 0

    async def ask(request: Request[Any]) -> Any:
        return await connection.ask(request, versions.pick(request), settings.connect_timeout_ms)

    async def exchange(message: bytes) -> bytes:
        nonlocal lifetime_ms
        answer = await ask(SaslAuthenticateRequest(auth_bytes=Secret(message)))
        if answer.error_code is not ErrorCode.NONE:
            why = answer.error_message or answer.error_code.name
            raise AuthenticationFailedError(f"{broker} refused the login: {why}")
        lifetime_ms = answer.session_lifetime_ms
        content: bytes = answer.auth_bytes.reveal()
        return content

    handshake = await ask(SaslHandshakeRequest(mechanism=credentials.mechanism))
    if handshake.error_code is ErrorCode.UNSUPPORTED_SASL_MECHANISM:
        raise AuthenticationMethodNotSupported(
            f"{broker} offers the SASL mechanisms {', '.join(handshake.mechanisms)}, not {credentials.mechanism}"
        )
    if handshake.error_code is not ErrorCode.NONE:
        raise error_for(handshake.error_code, f"logging in at {broker}: {handshake.error_code.name}")
    await _speak(credentials, exchange)
    return _RENEW_AT * lifetime_ms if lifetime_ms else None


async def _speak(credentials: Credentials, exchange: Any) -> None:
    """Have the conversation of the mechanism."""
    if credentials.mechanism in SCRAM:
        await _prove(SCRAM[credentials.mechanism], credentials, exchange)
    elif credentials.mechanism == "PLAIN":
        assert credentials.username is not None
        assert credentials.password is not None
        name = credentials.username.encode()
        await exchange(b"\0".join((b"", name, credentials.password.reveal())))
    else:
        await _bear_token(credentials, exchange)


async def _prove(mechanism: ScramMechanism, credentials: Credentials, exchange: Any) -> None:
    """SCRAM: each side shows that it knows the password, without saying it."""
    assert credentials.username is not None
    assert credentials.password is not None
    first = scram.client_first(credentials.username, secrets.token_urlsafe(scram.NONCE_BYTES))
    try:
        answer = scram.parse_server_first(await exchange((first.gs2_header + first.bare).encode()), first)
        # Milliseconds of hashing, which others need not wait for.
        salted = await asyncio.to_thread(
            scram.salted_password, mechanism, credentials.password, answer.salt, answer.iterations
        )
        final = scram.client_final(first, answer, mechanism, salted)
        is_known = scram.is_server_final(await exchange(final), first, answer, final, mechanism, salted)
    except scram.ScramError as error:
        raise AuthenticationFailedError(
            f"the server's side of the login is not to be trusted: {error}"
        ) from error
    if not is_known:
        raise AuthenticationFailedError("the server could not prove that it knows the password")


async def _bear_token(credentials: Credentials, exchange: Any) -> None:
    """OAUTHBEARER (RFC 7628); a server that refuses says why in a message that has to be acknowledged."""
    assert credentials.token_provider is not None
    token = await credentials.token_provider.token()
    extensions = credentials.token_provider.extensions()
    more = "".join(f"\1{key}={value}" for key, value in extensions.items())
    refusal = await exchange(f"n,,\1auth=Bearer {token}{more}\1\1".encode())
    if refusal:
        await exchange(b"\1")
        raise AuthenticationFailedError("the broker refused the token")
