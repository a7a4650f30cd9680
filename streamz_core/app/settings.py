"""The settings of an app: a frozen value, parsed once from keywords and environment.

Owns: names (Faust's where Faust has the setting), types, defaults, and their checks.
Must not know: who uses a setting.

The environment wins over the program: ``STREAMZ_BROKER=kafka://host:9092`` moves an app to another
broker without touching it. Durations are seconds or timedeltas, sizes bytes.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from streamz_core.app.durations import Seconds, milliseconds
from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.model import Durability
from streamz_core.server.server_config import ServerConfig, parse_listen
from streamz_core.streams.error_policy import ErrorAction

ENV_PREFIX: Final = "STREAMZ_"
GUARANTEES: Final = ("exactly_once", "at_least_once")
OFFSET_RESETS: Final = ("earliest", "latest")
OUT_OF_RANGE: Final = (*OFFSET_RESETS, "fail")
DURABILITIES: Final = (None, *(level.value for level in Durability))
ERROR_POLICIES: Final = tuple(action.value for action in ErrorAction)
SECRETS: Final = ("sasl_plain_password", "sasl_oauth_token_provider", "ssl_context")
HIDDEN: Final = "[hidden]"
"""Kafka's word for them."""
STORES: Final = ("rocksdb://", "memory://")


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be chosen for an app as a whole."""

    broker: str = "file://./data"
    """Where the log is: ``file://directory``, ``memory://name`` or ``host:port``."""
    security_protocol: str = "PLAINTEXT"
    """How brokers at ``host:port`` are talked to: ``PLAINTEXT``, ``SSL``, ``SASL_PLAINTEXT`` or ``SASL_SSL``."""
    ssl_context: ssl.SSLContext | None = None
    """TLS with all its choices, one's own certificate among them (``create_ssl_context``); None: ``ssl_cafile``."""
    ssl_cafile: str | None = None
    """The PEM file of the authorities that brokers' certificates are believed of; None: the machine's."""
    sasl_mechanism: str = "PLAIN"
    """``SCRAM-SHA-512``, ``SCRAM-SHA-256``, ``PLAIN`` or ``OAUTHBEARER``."""
    sasl_plain_username: str | None = None
    """The user of PLAIN and SCRAM."""
    sasl_plain_password: str | None = field(default=None, repr=False)
    """The user's password: best left to the environment, ``STREAMZ_SASL_PLAIN_PASSWORD``."""
    sasl_oauth_token_provider: Any = None
    """Gives tokens for OAUTHBEARER (``AbstractTokenProvider``)."""
    listen: str | ServerConfig | None = None
    """``host:port`` where other programs reach an embedded log while the app runs, with any Kafka client: such as
    ``127.0.0.1:9092``; ``ServerConfig.at(...)`` for a port with TLS, logins and limits. None: nowhere. From the
    environment it is the address alone, and what else the program says of the port holds."""
    version: int = 1
    """Raise it to start afresh: consumer group, tables and internal topics carry it from 2 on."""
    durability: str | None = None
    """What an acknowledgement of an embedded log waits for at most: ``sync`` (the disk, the default), ``os``
    (the operating system: survives ``kill -9``, not a power cut) or ``none``."""
    datadir: str | None = None
    """Where tables are kept. None: the ``state`` folder of a ``file://`` broker, else ``{id}-data``."""
    store: str = "rocksdb://"
    """``rocksdb://`` or ``memory://`` (rebuilt from the changelogs at each start)."""
    processing_guarantee: str = "exactly_once"
    """``exactly_once`` or ``at_least_once``."""
    broker_commit_interval: Seconds = 0.1
    """At most this long between commits: how soon ``read_committed`` readers see the output."""
    broker_commit_every: int = 100_000
    """Commit after this many records, should that be earlier."""
    broker_session_timeout: Seconds = 45.0
    """After so long without a sign of life a worker's partitions go to others. One on the directory of another
    process need not wait for it: there its connection tells."""
    consumer_auto_offset_reset: str = "earliest"
    """Where a group without committed offset starts: ``earliest`` or ``latest``."""
    consumer_offset_out_of_range: str = "fail"
    """Where a partition goes on whose committed offset retention has deleted: ``fail``, ``earliest``, ``latest``."""
    key_serializer: str = "raw"
    """The serializer of keys without a type."""
    value_serializer: str = "json"
    """The serializer of values without a type."""
    accept_destructive: bool = False
    """Whether a version of the app may start that loses state of the one before (``plan`` says what)."""
    stream_error_policy: str = "fail"
    """What becomes of a record that a step of a stream fails on: ``fail``, ``skip`` or ``dead_letter``."""
    timestamp_ahead_max: Seconds = 7 * 86_400.0
    """Records further ahead of the clock do not move stream time: one of them would close all windows."""
    topic_partitions: int = 1
    """Partitions of a topic that the app creates and that says nothing else."""
    topic_replication_factor: int = 1
    """Replicas of such a topic; a ``file://`` log has one copy."""
    topic_allow_declare: bool = True
    """Whether the app creates topics that are missing."""
    memory_budget: int = 256 * 1024 * 1024
    """Bytes that all stores of the process may take together: half for decoded entries, half for RocksDB's blocks
    and write buffers. Where entries that wait for a commit fill their half, the commit comes earlier."""
    rocksdb_config_setter: Callable[[str, Any], None] | None = None
    """Called with a store's name and its ``rocksdict.Options`` before it is opened, to change them. Not for the
    environment. What the block cache and write buffers may take stays with ``memory_budget``."""
    application_server: str = ""
    """Where other processes of the app can ask this one about its stores (``host:port`` of a server of yours): told to
    them, and given by ``app.query_metadata_for_key``."""
    num_standby_replicas: int = 0
    """How many other processes keep warm copies of each task's stores, so that they take over without a restore.
    Processes that share a state directory share the files, and need none; stores in memory have none."""
    shutdown_timeout: Seconds = 30.0
    """How long a graceful stop may take before the worker gives up and exits non-zero."""
    timezone: str | None = None
    """The time zone of crontabs, an IANA name; None: the machine's."""

    @classmethod
    def parse(cls, options: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Settings:
        """Keywords under the environment's values; raises ``ImproperlyConfigured`` naming the setting."""
        known = {field.name: field for field in dataclasses.fields(cls)}
        for name in options:
            if name not in known:
                raise ImproperlyConfigured(_unknown(name, tuple(known)))
        chosen = {name: value for name, value in options.items() if value is not None}
        for name, text in (os.environ if environ is None else environ).items():
            setting = name.removeprefix(ENV_PREFIX).lower()
            if name.startswith(ENV_PREFIX) and setting in known:
                value = _from_text(name, text, known[setting].default)
                chosen[setting] = _moved(chosen.get(setting), value) if setting == "listen" else value
        settings = cls(**chosen)
        settings._check()
        return settings

    def milliseconds(self, name: str) -> int:
        """A duration setting in milliseconds."""
        return milliseconds(getattr(self, name), f"setting {name!r}")

    def shown(self) -> Mapping[str, Any]:
        """Names and values, read-only, for anybody to see: what would let one in somewhere is ``[hidden]``."""
        found = {name: getattr(self, name) for name in (field.name for field in dataclasses.fields(self))}
        found.update((name, HIDDEN) for name in SECRETS if found[name] is not None)
        if isinstance(self.listen, ServerConfig):
            found["listen"] = f"{self.listen.host}:{self.listen.port}"
        return MappingProxyType(found)

    def _check(self) -> None:
        for name, allowed in (
            ("processing_guarantee", GUARANTEES),
            ("consumer_auto_offset_reset", OFFSET_RESETS),
            ("consumer_offset_out_of_range", OUT_OF_RANGE),
            ("store", STORES),
            ("stream_error_policy", ERROR_POLICIES),
            ("durability", DURABILITIES),
        ):
            _one_of(name, getattr(self, name), allowed)
        for name in ("version", "broker_commit_every", "topic_partitions", "memory_budget"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ImproperlyConfigured(f"setting {name!r}: expected an integer above 0, got {value!r}")
        if self.rocksdb_config_setter is not None and not callable(self.rocksdb_config_setter):
            raise ImproperlyConfigured(
                f"setting 'rocksdb_config_setter': expected a function, got {self.rocksdb_config_setter!r}"
            )
        if type(self.num_standby_replicas) is not int or self.num_standby_replicas < 0:
            raise ImproperlyConfigured(
                f"setting 'num_standby_replicas': expected 0 or more, got {self.num_standby_replicas!r}"
            )
        for name in (
            "broker_commit_interval",
            "broker_session_timeout",
            "shutdown_timeout",
            "timestamp_ahead_max",
        ):
            self.milliseconds(name)
        if not isinstance(self.listen, str | ServerConfig | None):
            raise ImproperlyConfigured(
                f"setting 'listen': expected host:port or a ServerConfig, got {self.listen!r}"
            )
        if not isinstance(self.broker, str):
            raise ImproperlyConfigured(f"setting 'broker': expected an address as text, got {self.broker!r}")


def _moved(listen: object, address: str) -> str | ServerConfig:
    """Where an app listens by the environment: who moves its port must not open it."""
    if not isinstance(listen, ServerConfig):
        return address
    host, port = parse_listen(address)
    return dataclasses.replace(listen, host=host, port=port)


def _one_of(name: str, value: object, allowed: tuple[str | None, ...]) -> None:
    if value not in allowed:
        choices = ", ".join(choice for choice in allowed if choice is not None)
        raise ImproperlyConfigured(f"setting {name!r}: expected one of {choices}; got {value!r}")


def _unknown(name: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"
    return f"unknown setting {name!r}; {hint}"


def _from_text(name: str, text: str, default: object) -> Any:
    """A value from the environment, of the type its default has."""
    readers: dict[type, Callable[[str], Any]] = {bool: _flag, int: int, float: float}
    if isinstance(default, timedelta):
        return float(text)
    try:
        return readers.get(type(default), str)(text)
    except ValueError:
        kind = type(default).__name__
        raise ImproperlyConfigured(f"environment variable {name}: expected {kind}, got {text!r}") from None


def _flag(text: str) -> bool:
    flags = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    try:
        return flags[text.lower()]
    except KeyError:
        raise ValueError(text) from None
