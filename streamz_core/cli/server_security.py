"""The options of ``streamz server`` about who may connect, and as whom.

Owns: the options, and ``SecurityConfig`` made of them.
Must not know: how any of it is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from streamz_core.cli.options import options, read_bytes
from streamz_core.secret import Secret
from streamz_core.server.security.jwt_validator import TokenRules
from streamz_core.server.security.security_config import MECHANISMS, OauthConfig, SecurityConfig
from streamz_core.server.security.tls import ClientAuth, TlsConfig

if TYPE_CHECKING:
    from collections.abc import Callable

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")

_PREFIX: Final = "security_"
_OAUTH: Final = ("oauth_issuer", "oauth_audience", "oauth_jwks")


def _option(name: str, text: str, **more: Any) -> Callable[[FunctionT], FunctionT]:
    parameter = _PREFIX + name.removeprefix("--").replace("-", "_")
    return click.option(name, parameter, help=text, **more)


def security_options(function: FunctionT) -> FunctionT:
    """Add them; they come as keyword arguments that ``security_config`` takes."""
    return options(
        _option("--tls-certificate", "PEM file; clients then connect by TLS.", metavar="FILE"),
        _option("--tls-key", "Its private key, if that is another file.", metavar="FILE"),
        _option("--tls-key-password-file", "The file whose first line opens the key.", metavar="FILE"),
        _option(
            "--tls-client-ca", "Clients' certificates are believed of these authorities.", metavar="FILE"
        ),
        _option(
            "--tls-client-auth",
            "Whether clients show a certificate. [required with --tls-client-ca]",
            type=click.Choice([one.value for one in ClientAuth]),
        ),
        _option(
            "--principal-mapping",
            "From certificates' names to users': RULE:pattern/replacement/[LU] or DEFAULT, by commas.",
            default="DEFAULT",
            metavar="RULES",
        ),
        _option(
            "--sasl-mechanism",
            "Clients log in by one of these; repeat. PLAIN and OAUTHBEARER need TLS.",
            multiple=True,
            type=click.Choice(MECHANISMS),
        ),
        _option(
            "--super-user",
            "A principal that may do everything, such as User:admin; repeat.",
            multiple=True,
            metavar="PRINCIPAL",
        ),
        _option(
            "--session-max-ms",
            "After so long a client logs in again; 0: never.",
            default=0,
            show_default=True,
        ),
        _option("--oauth-issuer", "Whose tokens are believed.", metavar="ISS"),
        _option("--oauth-audience", "Whom they must be for.", metavar="AUD"),
        _option("--oauth-user-claim", "What in them names the user.", default="sub", show_default=True),
        _option("--oauth-jwks", "The issuer's keys: a file, or https://...", metavar="FILE|URL"),
        _option(
            "--oauth-jwks-host", "A host that such a URL may name; repeat.", multiple=True, metavar="HOST"
        ),
        _option(
            "--insecure-open-to-network",
            "Listen beyond this machine without TLS and authentication.",
            is_flag=True,
        ),
    )(function)


def security_config(given: dict[str, Any]) -> SecurityConfig:
    """What the options say. Raises ``Misuse``, ``click.UsageError``."""
    said = {name.removeprefix(_PREFIX): value for name, value in given.items()}
    return SecurityConfig(
        tls=_tls(said),
        sasl_mechanisms=tuple(dict.fromkeys(said["sasl_mechanism"])),
        oauth=_oauth(said),
        super_users=frozenset(said["super_user"]),
        session_max_ms=said["session_max_ms"],
        principal_mapping=said["principal_mapping"],
        insecure_open_to_network=said["insecure_open_to_network"],
    )


def _tls(said: dict[str, Any]) -> TlsConfig | None:
    if said["tls_certificate"] is None:
        lonely = [name for name in ("tls_key", "tls_client_ca", "tls_client_auth") if said[name] is not None]
        if lonely:
            raise click.UsageError(f"--{lonely[0].replace('_', '-')} goes with --tls-certificate")
        return None
    by_default = ClientAuth.NONE if said["tls_client_ca"] is None else ClientAuth.REQUIRED
    return TlsConfig(
        certificate=said["tls_certificate"],
        key=said["tls_key"],
        key_password=_first_line(said["tls_key_password_file"]),
        client_ca=said["tls_client_ca"],
        client_auth=by_default if said["tls_client_auth"] is None else ClientAuth(said["tls_client_auth"]),
    )


def _oauth(said: dict[str, Any]) -> OauthConfig | None:
    present = [name for name in _OAUTH if said[name] is not None]
    if not present:
        return None
    if len(present) < len(_OAUTH):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in _OAUTH)
        raise click.UsageError(f"{names} go together")
    is_url = "://" in said["oauth_jwks"]
    return OauthConfig(
        rules=TokenRules(
            issuer=said["oauth_issuer"], audience=said["oauth_audience"], user_claim=said["oauth_user_claim"]
        ),
        jwks_file=None if is_url else said["oauth_jwks"],
        jwks_url=said["oauth_jwks"] if is_url else None,
        jwks_hosts=said["oauth_jwks_host"],
    )


def _first_line(path: str | None) -> Secret | None:
    if path is None:
        return None
    content = read_bytes(path, "--tls-key-password-file")
    return Secret(content.partition(b"\n")[0].rstrip(b"\r"))
