"""The front door: everything a user imports by ``from streamz_core import …``, loaded when first used.

Nothing inside the package imports this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamz_core.app.agent import Agent as Agent
    from streamz_core.app.app import App as App
    from streamz_core.app.errors import AgentFailed as AgentFailed
    from streamz_core.app.errors import ImproperlyConfigured as ImproperlyConfigured
    from streamz_core.app.errors import NoRecordInHand as NoRecordInHand
    from streamz_core.app.errors import NotReady as NotReady
    from streamz_core.app.errors import PartitionsMismatch as PartitionsMismatch
    from streamz_core.app.event import Event as Event
    from streamz_core.app.event import Message as Message
    from streamz_core.app.event import current_event as current_event
    from streamz_core.app.policies import Retry as Retry
    from streamz_core.app.sending import FutureMessage as FutureMessage
    from streamz_core.app.settings import Settings as Settings
    from streamz_core.app.stream import Stream as Stream
    from streamz_core.app.tables import Table as Table
    from streamz_core.app.topic import Topic as Topic
    from streamz_core.app.windowed_table import WindowSet as WindowSet
    from streamz_core.app.windowed_table import WindowWrapper as WindowWrapper
    from streamz_core.app.windows import HoppingWindow as HoppingWindow
    from streamz_core.app.windows import TumblingWindow as TumblingWindow
    from streamz_core.app.windows import after_idle as after_idle
    from streamz_core.app.windows import per_key as per_key
    from streamz_core.errors import ErrorCode as ErrorCode
    from streamz_core.errors import Fatal as Fatal
    from streamz_core.errors import Misuse as Misuse
    from streamz_core.errors import Retriable as Retriable
    from streamz_core.errors import StreamzError as StreamzError
    from streamz_core.model import Durability as Durability
    from streamz_core.model import TopicPartition as TopicPartition
    from streamz_core.secret import Secret as Secret
    from streamz_core.serde.errors import DecodeError as DecodeError
    from streamz_core.serde.errors import EncodeError as EncodeError
    from streamz_core.serde.errors import KeyDecodeError as KeyDecodeError
    from streamz_core.serde.errors import ValidationError as ValidationError
    from streamz_core.serde.errors import ValueDecodeError as ValueDecodeError
    from streamz_core.serde.record import Record as Record
    from streamz_core.server.limits import Limits as Limits
    from streamz_core.server.security.jwt_validator import TokenRules as TokenRules
    from streamz_core.server.security.security_config import OauthConfig as OauthConfig
    from streamz_core.server.security.security_config import SecurityConfig as SecurityConfig
    from streamz_core.server.security.tls import ClientAuth as ClientAuth
    from streamz_core.server.security.tls import TlsConfig as TlsConfig
    from streamz_core.server.server_config import ServerConfig as ServerConfig
    from streamz_core.streams.error_policy import ErrorAction as ErrorAction
    from streamz_core.streams.error_policy import ErrorPolicy as ErrorPolicy

_HOMES = {
    "app.agent": "Agent",
    "app.app": "App",
    "app.errors": "AgentFailed ImproperlyConfigured NoRecordInHand NotReady PartitionsMismatch",
    "app.event": "Event Message current_event",
    "app.policies": "Retry",
    "app.sending": "FutureMessage",
    "app.settings": "Settings",
    "app.stream": "Stream",
    "app.tables": "Table",
    "app.topic": "Topic",
    "app.windowed_table": "WindowSet WindowWrapper",
    "app.windows": "HoppingWindow TumblingWindow after_idle per_key",
    "errors": "ErrorCode Fatal Misuse Retriable StreamzError",
    "model": "Durability TopicPartition",
    "secret": "Secret",
    "serde.errors": "DecodeError EncodeError KeyDecodeError ValidationError ValueDecodeError",
    "serde.record": "Record",
    "server.limits": "Limits",
    "server.security.jwt_validator": "TokenRules",
    "server.security.security_config": "OauthConfig SecurityConfig",
    "server.security.tls": "ClientAuth TlsConfig",
    "server.server_config": "ServerConfig",
    "streams.error_policy": "ErrorAction ErrorPolicy",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME)  # noqa: PLE0605 - one table instead of two


def __getattr__(name: str) -> Any:
    """Import the module that has ``name``."""
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_HOME]
