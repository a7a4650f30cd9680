"""The link of an app: where its log is, and how it logs in there.

Owns: the settings of an app as those of a link.
Must not know: what is sent over it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.client.local_link import open_link
from streamz_core.client.settings import SettingError, check_connection, link_settings
from streamz_core.client.tls import create_ssl_context
from streamz_core.model import Durability

if TYPE_CHECKING:
    import ssl

    from streamz_core.app.services import Runnable
    from streamz_core.app.settings import Settings
    from streamz_core.client.link import Link
    from streamz_core.client.tcp.link_settings import LinkSettings

REQUEST_TIMEOUT_MS = 40_000
IDLE_MAX_MS = 540_000


async def open_app_link(app: Runnable, *, with_durability: bool = True) -> Link:
    """Open the app's log; raises as ``open_link``, and ``ImproperlyConfigured`` for security it cannot have."""
    conf = app.conf
    level = None if conf.durability is None or not with_durability else Durability(conf.durability)
    return await open_link(conf.broker, durability=level, settings=settings_of(conf, app.id))


def settings_of(conf: Settings, client_id: str) -> LinkSettings:
    """What the link needs."""
    context = _context(conf)
    try:
        check_connection(
            conf.broker,
            security_protocol=conf.security_protocol,
            sasl_mechanism=conf.sasl_mechanism,
            ssl_context=context,
        )
        return link_settings(
            client_id=client_id,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            connections_max_idle_ms=IDLE_MAX_MS,
            security_protocol=conf.security_protocol,
            ssl_context=context,
            sasl_mechanism=conf.sasl_mechanism,
            sasl_plain_username=conf.sasl_plain_username,
            sasl_plain_password=conf.sasl_plain_password,
            sasl_oauth_token_provider=conf.sasl_oauth_token_provider,
        )
    except SettingError as error:
        raise ImproperlyConfigured(f"setting {error}") from error


def _context(conf: Settings) -> ssl.SSLContext | None:
    if conf.ssl_context is not None or not conf.security_protocol.endswith("SSL"):
        return conf.ssl_context
    try:
        return create_ssl_context(cafile=conf.ssl_cafile)
    except OSError as error:
        raise ImproperlyConfigured(
            f"setting 'ssl_cafile': {conf.ssl_cafile} cannot be used: {error}"
        ) from error
