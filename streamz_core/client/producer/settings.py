"""Checks of the producer's own settings.

Owns: what each parameter of ``AIOKafkaProducer`` may be.
Must not know: what the producer does with it.
"""

from __future__ import annotations

from typing import Any, Final

from streamz_core.client.settings import SettingError, check_callable, check_choice, check_flag, check_number

UNSET: Final[Any] = object()

_ACKS: Final = (0, 1, -1, "all")
_CODECS: Final = (None, "gzip", "snappy", "lz4", "zstd")
_LOWEST: Final = {"linger_ms": 0, "retry_backoff_ms": 0, "connections_max_idle_ms": 0}


def check_producer_settings(
    *,
    key_serializer: Any,
    value_serializer: Any,
    partitioner: Any,
    enable_idempotence: Any,
    compression_type: Any,
    transactional_id: Any,
    **numbers: Any,
) -> None:
    """Refuse what cannot be honoured; ``SettingError`` names the parameter and what is allowed."""
    for name, value in numbers.items():
        check_number(name, value, _LOWEST.get(name, 1))
    check_flag("enable_idempotence", enable_idempotence)
    check_choice("compression_type", compression_type, _CODECS)
    check_callable("key_serializer", key_serializer)
    check_callable("value_serializer", value_serializer)
    if not callable(partitioner):
        raise SettingError(f"partitioner={partitioner!r}: must be callable(key, all_partitions, available)")
    if transactional_id is not None and (not isinstance(transactional_id, str) or not transactional_id):
        raise SettingError(
            f"transactional_id={transactional_id!r}: must be a text that is not empty, or None"
        )


def acks_of(acks: int | str, *, is_idempotent: bool) -> int:
    """``acks`` as the protocol has it; -1, durable, where it was not given."""
    if acks is UNSET:
        return -1
    check_choice("acks", acks, _ACKS)
    chosen = -1 if acks == "all" else int(acks)
    if is_idempotent and chosen != -1:
        raise SettingError(f"acks={acks!r}: an idempotent or transactional producer needs acks='all'")
    return chosen
