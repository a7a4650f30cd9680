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
from enum import Enum
from typing import Any, Final, NamedTuple

from streamz_core.log.errors import InvalidConfig

NEVER: Final = (1 << 63) - 1
_INT32_MAX: Final = (1 << 31) - 1


class ConfigKind(Enum):
    """Of what type a setting's value is, in Kafka's terms."""

    BOOLEAN = "boolean"
    STRING = "string"
    INT = "int"
    LONG = "long"
    DOUBLE = "double"
    LIST = "list"


class TopicSetting(NamedTuple):
    """One setting of topics under Kafka's name ``key``."""

    key: str
    broker_key: str
    """The broker's setting that topics have which set nothing themselves."""
    kind: ConfigKind
    parse: Callable[[str], Any]
    render: Callable[[Any], str]
    allowed: str
    documentation: str


def _setting(
    key: str,
    broker_key: str,
    default: Any,
    documentation: str,
    *,
    kind: ConfigKind,
    parse: Callable[[str], Any],
    allowed: str,
    render: Callable[[Any], str] = str,
) -> Any:
    setting = TopicSetting(key, broker_key, kind, parse, render, allowed, documentation)
    return field(default=default, metadata={"setting": setting})


def _whole(
    key: str, broker_key: str, default: int, documentation: str, *, low: int, high: int = NEVER
) -> Any:
    def parse(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError(text)
        return number

    kind = ConfigKind.LONG if high == NEVER else ConfigKind.INT
    allowed = f"a whole number from {low} to {high}"
    return _setting(key, broker_key, default, documentation, kind=kind, parse=parse, allowed=allowed)


def _one_of(key: str, broker_key: str, default: str, documentation: str, *names: str) -> Any:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(text)
        return text

    allowed = "one of " + ", ".join(names)
    return _setting(
        key, broker_key, default, documentation, kind=ConfigKind.STRING, parse=parse, allowed=allowed
    )


def _never(key: str, broker_key: str, documentation: str) -> Any:
    """A setting of Kafka's that can only be off here; programs that say so run unchanged."""

    def parse(text: str) -> bool:
        if text.lower() != "false":
            raise ValueError(text)
        return False

    return _setting(
        key,
        broker_key,
        False,
        documentation,
        kind=ConfigKind.BOOLEAN,
        parse=parse,
        allowed="false alone",
        render=_render_flag,
    )


def _parse_flag(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(text)
    return text.lower() == "true"


def _render_flag(flag: bool) -> str:
    return str(flag).lower()


def _parse_policy(text: str) -> tuple[str, ...]:
    """In the order given, as Kafka keeps it: programs that manage topics compare the text with what they asked for."""
    policies = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not {"delete", "compact"}.issuperset(policies):
        raise ValueError(text)
    return policies


def _parse_ratio(text: str) -> float:
    ratio = float(text)
    if not 0.0 <= ratio <= 1.0:
        raise ValueError(text)
    return ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicConfig:
    """The settings of one topic. ``parse`` reads Kafka's names, ``entries`` gives them back."""

    cleanup_policy: tuple[str, ...] = _setting(
        "cleanup.policy",
        "log.cleanup.policy",
        ("delete",),
        "Whether old segments are deleted, compacted to the last record of each key, or both.",
        kind=ConfigKind.LIST,
        parse=_parse_policy,
        allowed="delete, compact or both",
        render=",".join,
    )
    compression_type: str = _one_of(
        "compression.type",
        "compression.type",
        "producer",
        "How batches are compressed on the disk; producer: as they were sent.",
        *("producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"),
    )
    delete_retention_ms: int = _whole(
        "delete.retention.ms",
        "log.cleaner.delete.retention.ms",
        86_400_000,
        "How long compaction keeps tombstones and transaction markers, so that readers see them.",
        low=0,
    )
    file_delete_delay_ms: int = _whole(
        "file.delete.delay.ms",
        "log.segment.delete.delay.ms",
        60_000,
        "How long the file of a deleted segment stays on the disk.",
        low=0,
    )
    flush_messages: int = _whole(
        "flush.messages", "log.flush.interval.messages", NEVER, "Records after which a sync is forced.", low=1
    )
    flush_ms: int = _whole(
        "flush.ms",
        "log.flush.interval.ms",
        NEVER,
        "Age of unsynced records at which a sync is forced.",
        low=0,
    )
    index_interval_bytes: int = _whole(
        "index.interval.bytes",
        "log.index.interval.bytes",
        4_096,
        "How many bytes of records there are between two entries of the offset index.",
        low=0,
        high=_INT32_MAX,
    )
    max_compaction_lag_ms: int = _whole(
        "max.compaction.lag.ms",
        "log.cleaner.max.compaction.lag.ms",
        NEVER,
        "After how long a record is compacted, whatever the dirty ratio is.",
        low=1,
    )
    max_message_bytes: int = _whole(
        "max.message.bytes",
        "message.max.bytes",
        1_048_588,
        "The largest record batch that is taken.",
        low=0,
        high=_INT32_MAX,
    )
    message_timestamp_after_max_ms: int = _whole(
        "message.timestamp.after.max.ms",
        "log.message.timestamp.after.max.ms",
        NEVER,
        "How far ahead of the broker's clock a record's timestamp may be (CreateTime).",
        low=0,
    )
    message_timestamp_before_max_ms: int = _whole(
        "message.timestamp.before.max.ms",
        "log.message.timestamp.before.max.ms",
        NEVER,
        "How far behind the broker's clock a record's timestamp may be (CreateTime).",
        low=0,
    )
    message_timestamp_type: str = _one_of(
        "message.timestamp.type",
        "log.message.timestamp.type",
        "CreateTime",
        "Whose timestamp a record has: its producer's, or the time at which it was appended.",
        *("CreateTime", "LogAppendTime"),
    )
    min_cleanable_dirty_ratio: float = _setting(
        "min.cleanable.dirty.ratio",
        "log.cleaner.min.cleanable.ratio",
        0.5,
        "The share of not yet compacted bytes from which on compaction is worth it.",
        kind=ConfigKind.DOUBLE,
        parse=_parse_ratio,
        allowed="a number from 0 to 1",
    )
    min_compaction_lag_ms: int = _whole(
        "min.compaction.lag.ms",
        "log.cleaner.min.compaction.lag.ms",
        0,
        "How long a record is safe from compaction.",
        low=0,
    )
    min_insync_replicas: int = _whole(
        "min.insync.replicas",
        "min.insync.replicas",
        1,
        "Copies an acknowledgement waits for: there is one.",
        low=1,
        high=1,
    )
    preallocate: bool = _setting(
        "preallocate",
        "log.preallocate",
        False,
        "Whether a segment's file takes its space a little ahead of what is written: syncs of few bytes are faster.",
        kind=ConfigKind.BOOLEAN,
        parse=_parse_flag,
        allowed="true or false",
        render=_render_flag,
    )
    remote_storage_enable: bool = _never(
        "remote.storage.enable", "remote.log.storage.system.enable", "Whether old segments move elsewhere."
    )
    retention_bytes: int = _whole(
        "retention.bytes",
        "log.retention.bytes",
        -1,
        "Bytes a partition keeps before its oldest segments are deleted; -1: all.",
        low=-1,
    )
    retention_ms: int = _whole(
        "retention.ms",
        "log.retention.ms",
        604_800_000,
        "How long after the last append to it a segment is kept; -1: for ever.",
        low=-1,
    )
    segment_bytes: int = _whole(
        "segment.bytes",
        "log.segment.bytes",
        1_073_741_824,
        "The size at which a new segment is begun.",
        low=14,
        high=_INT32_MAX,
    )
    segment_index_bytes: int = _whole(
        "segment.index.bytes",
        "log.index.size.max.bytes",
        10_485_760,
        "The size of an index at which a new segment is begun.",
        low=24,
        high=_INT32_MAX,
    )
    segment_jitter_ms: int = _whole(
        "segment.jitter.ms",
        "log.roll.jitter.ms",
        0,
        "By how much segment.ms is shortened at most, so that partitions do not roll together.",
        low=0,
    )
    segment_ms: int = _whole(
        "segment.ms", "log.roll.ms", 604_800_000, "The age at which a new segment is begun.", low=1
    )
    unclean_leader_election_enable: bool = _never(
        "unclean.leader.election.enable",
        "unclean.leader.election.enable",
        "Whether a copy that is behind may take over: there is one copy.",
    )

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
        config = cls(**values)
        if config.min_compaction_lag_ms > config.max_compaction_lag_ms:
            raise InvalidConfig(
                f"min.compaction.lag.ms={config.min_compaction_lag_ms} is above "
                f"max.compaction.lag.ms={config.max_compaction_lag_ms}"
            )
        return config

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


_SETTINGS: Final[Mapping[str, tuple[str, TopicSetting]]] = {
    one.metadata["setting"].key: (one.name, one.metadata["setting"]) for one in fields(TopicConfig)
}
TOPIC_SETTINGS: Final[Mapping[str, TopicSetting]] = {
    key: setting for key, (_, setting) in sorted(_SETTINGS.items())
}
"""Every setting by Kafka's name, sorted."""
