"""Clients' properties of one command: what its link needs of them, and what its clients are given.

Owns: taking the two apart, and keeping the link's part until the link is opened.
Must not know: any verb, links.

The link's part is kept in click's context: it belongs to the command line that is being run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.cli.client_properties import arguments
from streamz_core.cli.options import OptionError
from streamz_core.cli.security_properties import security_arguments, split
from streamz_core.client.settings import SettingError, check_connection, link_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.cli.client_properties import Property
    from streamz_core.client.tcp.link_settings import LinkSettings

OPEN_TIMEOUT_MS: Final = 5_000
"""How long a broker is looked for: somebody is waiting for the prompt."""
_KEY: Final = "streamz_core.cli.link"
_DEFAULTS: Final = {
    "client_id": "streamz",
    "connections_max_idle_ms": 540_000,
    "request_timeout_ms": 40_000,
    "sasl_mechanism": "PLAIN",
    "sasl_oauth_token_provider": None,
    "sasl_plain_password": None,
    "sasl_plain_username": None,
    "security_protocol": "PLAINTEXT",
    "ssl_context": None,
}


def client_arguments(given: Mapping[str, str], known: Mapping[str, Property], option: str) -> dict[str, Any]:
    """A client's arguments, without those that only its link needs; those are kept for ``settings_for``."""
    about_security, others = split(given)
    result = arguments(others, known, option)
    shared = {name: value for name, value in result.items() if name in _DEFAULTS}
    click.get_current_context().meta[_KEY] = {**shared, **security_arguments(about_security, option)}
    return result


def settings_for(address: str) -> LinkSettings:
    """What a link to ``address`` needs; raises ``OptionError`` for security that the address cannot give."""
    context = click.get_current_context(silent=True)
    said = _DEFAULTS | (context.meta.get(_KEY, {}) if context is not None else {})
    try:
        check_connection(
            address, **{name: said[name] for name in ("security_protocol", "sasl_mechanism", "ssl_context")}
        )
        return replace(link_settings(**said), open_timeout_ms=OPEN_TIMEOUT_MS)
    except SettingError as error:
        raise OptionError(str(error)) from error
