"""Kafka's client properties as arguments of this project's clients.

Owns: the names that ``--producer-property``, ``--consumer-property`` and ``--command-config`` know, and
their types.
Must not know: what a client does with them, and which values it allows.

Java names that have nothing to act on here are not in the tables and are refused, so that nobody
believes that a setting holds which does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamz_core.cli.options import OptionError, flag, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

Property = tuple[str, type]
"""The argument's name and type."""

_ANY_CLIENT: Final[dict[str, Property]] = {
    "client.id": ("client_id", str),
    "connections.max.idle.ms": ("connections_max_idle_ms", int),
    "metadata.max.age.ms": ("metadata_max_age_ms", int),
    "request.timeout.ms": ("request_timeout_ms", int),
    "retry.backoff.ms": ("retry_backoff_ms", int),
}
PRODUCER: Final[dict[str, Property]] = {
    **_ANY_CLIENT,
    "acks": ("acks", str),
    "batch.size": ("max_batch_size", int),
    "buffer.memory": ("buffer_memory", int),
    "compression.type": ("compression_type", str),
    "enable.idempotence": ("enable_idempotence", bool),
    "linger.ms": ("linger_ms", int),
    "max.request.size": ("max_request_size", int),
}
CONSUMER: Final[dict[str, Property]] = {
    **_ANY_CLIENT,
    "auto.commit.interval.ms": ("auto_commit_interval_ms", int),
    "auto.offset.reset": ("auto_offset_reset", str),
    "check.crcs": ("check_crcs", bool),
    "client.rack": ("client_rack", str),
    "enable.auto.commit": ("enable_auto_commit", bool),
    "exclude.internal.topics": ("exclude_internal_topics", bool),
    "fetch.max.bytes": ("fetch_max_bytes", int),
    "fetch.max.wait.ms": ("fetch_max_wait_ms", int),
    "fetch.min.bytes": ("fetch_min_bytes", int),
    "group.id": ("group_id", str),
    "group.instance.id": ("group_instance_id", str),
    "heartbeat.interval.ms": ("heartbeat_interval_ms", int),
    "isolation.level": ("isolation_level", str),
    "max.partition.fetch.bytes": ("max_partition_fetch_bytes", int),
    "max.poll.interval.ms": ("max_poll_interval_ms", int),
    "max.poll.records": ("max_poll_records", int),
    "session.timeout.ms": ("session_timeout_ms", int),
}
ADMIN: Final[dict[str, Property]] = _ANY_CLIENT


def arguments(given: Mapping[str, str], known: Mapping[str, Property], option: str) -> dict[str, Any]:
    """Properties as keyword arguments.

    >>> arguments({"fetch.min.bytes": "10"}, CONSUMER, "--consumer-property")
    {'fetch_min_bytes': 10}
    """
    result: dict[str, Any] = {}
    for name, text in given.items():
        if name not in known:
            raise OptionError(f"{option} {name}: {unknown(name, known)}")
        argument, kind = known[name]
        result[argument] = _value(text, kind, f"{option} {name}")
    return result


def as_producers_have_it(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Kafka writes acks as text (and means all where nothing is said) and no compression as ``none``.

    >>> as_producers_have_it({"acks": "1", "compression_type": "none"})
    {'acks': 1, 'compression_type': None}
    """
    acks = settings.get("acks", "all")
    number = int(acks) if acks in ("-1", "0", "1") else acks
    codec = settings.get("compression_type")
    return {**settings, "acks": number, "compression_type": None if codec == "none" else codec}


def _value(text: str, kind: type, what: str) -> Any:
    if kind is bool:
        return flag(text, what)
    try:
        return kind(text)
    except ValueError:
        raise OptionError(f"{what}: expected a whole number, got {text!r}") from None
