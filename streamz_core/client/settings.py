"""Checks of the settings that producer, consumer and admin client share.

Owns: what each shared parameter may be, and the sentence that refuses what it may not.
Must not know: what the clients do with them.

Parameters that only concern connections (``connections_max_idle_ms``, SASL names) are taken and have nothing to
act on in an embedded log, so that a program runs unchanged against it; ``client_rack`` has nothing to act on
anywhere, as records are read from leaders. A security *protocol* is refused there: who asks for encryption or a
login must not be left to believe that the data directory is guarded by one.
"""

from __future__ import annotations

import asyncio
import inspect
import warnings
from typing import TYPE_CHECKING, Any, Final

from streamz_core.client.address import KafkaAddress, parse
from streamz_core.client.errors import KafkaConfigurationError
from streamz_core.client.tcp.link_settings import Credentials, LinkSettings
from streamz_core.errors import Misuse
from streamz_core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamz_core.client.link import Link

SECURITY_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
SASL_MECHANISMS: Final = ("PLAIN", "GSSAPI", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")


class SettingError(KafkaConfigurationError, ValueError):
    """A constructor parameter has a value that is not allowed; the message says which are."""


def check_number(name: str, value: Any, lowest: int, *, may_be_none: bool = False) -> None:
    """Refuse what is not a number from ``lowest`` on."""
    if value is None and may_be_none:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < lowest:
        none = ", or None" if may_be_none else ""
        raise SettingError(f"{name}={value!r}: must be a number, {lowest} or more{none}")


def check_choice(name: str, value: Any, allowed: Sequence[Any]) -> None:
    """Refuse what is not one of ``allowed``."""
    if value not in allowed:
        raise SettingError(f"{name}={value!r}: allowed are {', '.join(repr(choice) for choice in allowed)}")


def check_flag(name: str, value: Any) -> None:
    """Refuse what is neither true nor false, such as the text ``"false"``, which Python takes for true."""
    if value not in (True, False):
        raise SettingError(f"{name}={value!r}: must be True or False")


def check_callable(name: str, value: Any) -> None:
    """Refuse what is neither None nor callable."""
    if value is not None and not callable(value):
        raise SettingError(f"{name}={value!r}: must be a function of one argument, or None")


def check_connection(
    address: str | Sequence[str] | Link,
    *,
    security_protocol: str,
    sasl_mechanism: str,
    ssl_context: Any,
    loop: asyncio.AbstractEventLoop | None = None,
    api_version: str | None = None,
) -> None:
    """Refuse an address that cannot be understood and security that the address cannot give."""
    for name, value in (("loop", loop), ("api_version", api_version)):
        if value is not None:
            text = f"{name}= is deprecated, as in aiokafka, and changes nothing: leave it out"
            warnings.warn(text, DeprecationWarning, stacklevel=_level_of_program())
    check_choice("security_protocol", security_protocol, SECURITY_PROTOCOLS)
    check_choice("sasl_mechanism", sasl_mechanism, SASL_MECHANISMS)
    if security_protocol in ("SSL", "SASL_SSL") and ssl_context is None:
        raise SettingError(f"security_protocol={security_protocol!r} needs an ssl_context")
    if not isinstance(address, str) and hasattr(address, "send"):
        return
    parsed = parse(address)
    if security_protocol != "PLAINTEXT" and not isinstance(parsed, KafkaAddress):
        raise SettingError(
            f"security_protocol={security_protocol!r}: {parsed} is an embedded log; there is no connection "
            "to encrypt or log in to, the directory's file permissions guard it; leave it at 'PLAINTEXT'"
        )


def link_settings(
    *,
    client_id: str,
    request_timeout_ms: float,
    connections_max_idle_ms: float,
    security_protocol: str,
    ssl_context: Any,
    sasl_mechanism: str,
    sasl_plain_username: str | None,
    sasl_plain_password: str | None,
    sasl_oauth_token_provider: Any,
) -> LinkSettings:
    """What a link needs of a client's parameters; raises ``SettingError`` for a login that lacks something."""
    credentials = None
    if security_protocol.startswith("SASL_"):
        credentials = _credentials(
            sasl_mechanism, sasl_plain_username, sasl_plain_password, sasl_oauth_token_provider
        )
    return LinkSettings(
        client_id=client_id,
        request_timeout_ms=request_timeout_ms,
        connections_max_idle_ms=connections_max_idle_ms,
        open_timeout_ms=request_timeout_ms,
        ssl_context=ssl_context if security_protocol.endswith("SSL") else None,
        credentials=credentials,
    )


def _credentials(
    mechanism: str, username: str | None, password: str | None, token_provider: Any
) -> Credentials:
    if mechanism == "GSSAPI":
        raise SettingError(
            "sasl_mechanism='GSSAPI': Kerberos is not supported; use SCRAM-SHA-256 or OAUTHBEARER"
        )
    if mechanism == "OAUTHBEARER":
        if not callable(getattr(token_provider, "token", None)):
            raise SettingError(
                "sasl_mechanism='OAUTHBEARER' needs sasl_oauth_token_provider, with a method token()"
            )
        return Credentials(mechanism=mechanism, token_provider=token_provider)
    if username is None or password is None:
        raise SettingError(f"sasl_mechanism={mechanism!r} needs sasl_plain_username and sasl_plain_password")
    return Credentials(mechanism=mechanism, username=username, password=Secret.of(password))


def _level_of_program() -> int:
    """How far up the stack the program is, from whoever warns: a warning has to show its line, not ours."""
    level, frame = 0, inspect.currentframe()
    while frame is not None and frame.f_globals["__name__"].startswith("streamz_core."):
        level, frame = level + 1, frame.f_back
    return level


def check_loop(loop: asyncio.AbstractEventLoop | None, what: str) -> None:
    """Refuse a ``loop`` that is not the one the client is started on."""
    if loop is not None and loop is not asyncio.get_running_loop():
        raise Misuse(
            f"{what}: loop= is not the running event loop; leave it out, clients use the running one"
        )
