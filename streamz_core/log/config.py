"""Topic settings under Kafka's names.

Owns: ``TopicConfig``, the parsed settings of one topic; their names, defaults and allowed values.
Must not know: who sets them, where they are stored.

Times are milliseconds, sizes bytes. Where Kafka writes Long.MAX_VALUE for "never", so do we.

>>> TopicConfig.parse({"retention.ms": "60000"}).retention_ms
60000
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

from streamz_core.log.errors import InvalidConfig

NEVER: Final = (1 << 63) - 1
_INT32_MAX: Final = (1 << 31) - 1


class _Setting(NamedTuple):
    key: str
    parse: Callable[[str], Any]
    render: Callable[[Any], str]
    allowed: str


def _setting(key: str, default: Any, parse: Callable[[str], Any], allowed: str, render: Any = str) -> Any:
    return field(default=default, metadata={"setting": _Setting(key, parse, render, allowed)})


def _whole(key: str, default: int, low: int, high: int = NEVER) -> Any:
    def parse(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError(text)
        return number

    return _setting(key, default, parse, f"a whole number from {low} to {high}")


def _one_of(key: str, default: str, *names: str) -> Any:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(text)
        return text

    return _setting(key, default, parse, "one of " + ", ".join(names))


def _parse_policy(text: str) -> frozenset[str]:
    policies = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not policies <= {"delete", "compact"}:
        raise ValueError(text)
    return policies


def _parse_ratio(text: str) -> float:
    ratio = float(text)
    if not 0.0 <= ratio <= 1.0:
        raise ValueError(text)
    return ratio


def _render_policy(policies: frozenset[str]) -> str:
    return ",".join(sorted(policies))


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicConfig:
    """The settings of one topic. ``parse`` reads Kafka's names, ``entries`` gives them back."""

    cleanup_policy: frozenset[str] = _setting(
        "cleanup.policy", frozenset({"delete"}), _parse_policy, "delete, compact or both", _render_policy
    )
    compression_type: str = _one_of(
        "compression.type", "producer", "producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"
    )
    delete_retention_ms: int = _whole("delete.retention.ms", 86_400_000, 0)
    file_delete_delay_ms: int = _whole("file.delete.delay.ms", 60_000, 0)
    flush_messages: int = _whole("flush.messages", NEVER, 1)
    flush_ms: int = _whole("flush.ms", NEVER, 0)
    index_interval_bytes: int = _whole("index.interval.bytes", 4_096, 0, _INT32_MAX)
    max_compaction_lag_ms: int = _whole("max.compaction.lag.ms", NEVER, 1)
    max_message_bytes: int = _whole("max.message.bytes", 1_048_588, 0, _INT32_MAX)
    message_timestamp_after_max_ms: int = _whole("message.timestamp.after.max.ms", NEVER, 0)
    message_timestamp_before_max_ms: int = _whole("message.timestamp.before.max.ms", NEVER, 0)
    message_timestamp_type: str = _one_of(
        "message.timestamp.type", "CreateTime", "CreateTime", "LogAppendTime"
    )
    min_cleanable_dirty_ratio: float = _setting(
        "min.cleanable.dirty.ratio", 0.5, _parse_ratio, "a number from 0 to 1"
    )
    min_compaction_lag_ms: int = _whole("min.compaction.lag.ms", 0, 0)
    min_insync_replicas: int = _whole("min.insync.replicas", 1, 1, 1)
    retention_bytes: int = _whole("retention.bytes", -1, -1)
    retention_ms: int = _whole("retention.ms", 604_800_000, -1)
    segment_bytes: int = _whole("segment.bytes", 1_073_741_824, 14, _INT32_MAX)
    segment_index_bytes: int = _whole("segment.index.bytes", 10_485_760, 24, _INT32_MAX)
    segment_jitter_ms: int = _whole("segment.jitter.ms", 0, 0)
    segment_ms: int = _whole("segment.ms", 604_800_000, 1)

    @classmethod
    def parse(cls, configs: Mapping[str, str]) -> TopicConfig:
        """Read settings by Kafka's names.

        Raises ``InvalidConfig`` naming the key and what is allowed.
        """
        values: dict[str, Any] = {}
        for key, text in configs.items():
            if key not in _SETTINGS:
                raise InvalidConfig(f"unknown topic setting {key!r}; known: {', '.join(sorted(_SETTINGS))}")
            name, setting = _SETTINGS[key]
            try:
                values[name] = setting.parse(text.strip())
            except ValueError:
                raise InvalidConfig(f"{key}={text!r}: allowed is {setting.allowed}") from None
        return cls(**values)

    def entries(self) -> dict[str, str]:
        """Every setting under Kafka's name, defaults included, sorted by name."""
        pairs = ((setting.key, setting.render(getattr(self, name))) for name, setting in _SETTINGS.values())
        return dict(sorted(pairs))

    @property
    def is_compacted(self) -> bool:
        """Whether only the last record of each key need be kept."""
        return "compact" in self.cleanup_policy

    @property
    def is_deleted_by_age_or_size(self) -> bool:
        """Whether ``retention.ms`` and ``retention.bytes`` apply."""
        return "delete" in self.cleanup_policy


_SETTINGS: Final[Mapping[str, tuple[str, _Setting]]] = {
    one.metadata["setting"].key: (one.name, one.metadata["setting"]) for one in fields(TopicConfig)
}
