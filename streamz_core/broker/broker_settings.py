"""The broker's settings under Kafka's names.

Owns: which name stands for which field of ``BrokerConfig`` or, as the default of all topics, for which setting
of topics; which of them can be changed at run time; reading and writing their values as text.
Must not know: where changed settings are kept, requests.

What Kafka has no name for has one of ours in its style: ``durability``, ``log.retention.total.bytes``,
``log.min.free.bytes``, ``log.scrub.bytes.per.second``, ``log.sync.threads``, ``close.timeout.ms``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from streamz_core.broker.config import BrokerConfig
from streamz_core.errors import Misuse
from streamz_core.log.config import TOPIC_SETTINGS, ConfigKind, TopicConfig
from streamz_core.log.errors import InvalidConfig
from streamz_core.model import Durability

_MINUTE_MS: Final = 60_000


_TOPIC_DEFAULTS: Final = TopicConfig().entries()


class BrokerSetting(NamedTuple):
    """One setting: ``field`` of ``BrokerConfig``, or the default of the topics' setting ``topic_key``."""

    key: str
    kind: ConfigKind
    documentation: str
    is_dynamic: bool = True
    """Whether it can be changed while the broker runs."""
    field: str = ""
    topic_key: str = ""
    parse: Callable[[str], Any] = str
    render: Callable[[Any], str] = str

    def value_in(self, config: BrokerConfig) -> str:
        """Its value, as text."""
        if self.topic_key:
            return config.topic_configs.get(self.topic_key, _TOPIC_DEFAULTS[self.topic_key])
        return self.render(getattr(config, self.field))


def _parse_boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _number(key: str, field: str, documentation: str, *, is_dynamic: bool = True) -> BrokerSetting:
    return BrokerSetting(key, ConfigKind.LONG, documentation, is_dynamic, field, parse=int)


_OWN: Final = (
    BrokerSetting(
        "durability",
        ConfigKind.STRING,
        "The most an acknowledgement waits for: sync, os or none.",
        is_dynamic=False,
        field="durability",
        parse=Durability,
        render=lambda level: str(level.value),
    ),
    BrokerSetting(
        "auto.create.topics.enable",
        ConfigKind.BOOLEAN,
        "Whether asking for the metadata of an unknown topic creates it.",
        field="auto_create_topics",
        parse=_parse_boolean,
        render=lambda value: str(value).lower(),
    ),
    _number("num.partitions", "default_partitions", "Partitions of a topic that is created without a count."),
    _number(
        "log.retention.total.bytes",
        "total_retention_bytes",
        "Bytes all partitions together keep before the oldest segments are deleted; -1: all.",
    ),
    _number(
        "log.min.free.bytes", "min_free_bytes", "Free disk space below which records of users are refused."
    ),
    _number(
        "max.incremental.fetch.session.cache.slots",
        "fetch_session_slots",
        "How many fetch sessions are remembered.",
        is_dynamic=False,
    ),
    _number("fetch.max.bytes", "fetch_max_bytes", "The most one fetch answers."),
    _number("log.sync.threads", "sync_threads", "Partitions synced at the same time.", is_dynamic=False),
    _number(
        "log.flush.scheduler.interval.ms",
        "flush_interval_ms",
        "How often what was written without a sync is made durable.",
    ),
    _number(
        "log.retention.check.interval.ms",
        "retention_check_interval_ms",
        "How often old segments are looked for.",
    ),
    _number(
        "log.cleaner.backoff.ms",
        "compaction_check_interval_ms",
        "How often compacted topics are looked at for work.",
    ),
    _number(
        "log.scrub.bytes.per.second",
        "scrub_bytes_per_second",
        "How fast sealed segments are read again to find rot; 0: not at all.",
        is_dynamic=False,
    ),
    _number("close.timeout.ms", "close_timeout_ms", "How long closing lets requests in hand finish."),
    _number(
        "group.initial.rebalance.delay.ms",
        "group_initial_rebalance_delay_ms",
        "How long the first rebalance of an empty group waits for more members.",
        is_dynamic=False,
    ),
    _number(
        "group.min.session.timeout.ms",
        "group_min_session_timeout_ms",
        "The shortest session timeout a member may ask for.",
        is_dynamic=False,
    ),
    _number(
        "group.max.session.timeout.ms",
        "group_max_session_timeout_ms",
        "The longest session timeout a member may ask for.",
        is_dynamic=False,
    ),
    _number(
        "group.consumer.session.timeout.ms",
        "group_consumer_session_timeout_ms",
        "How long a member of the consumer protocol may be silent.",
        is_dynamic=False,
    ),
    _number(
        "group.consumer.heartbeat.interval.ms",
        "group_consumer_heartbeat_interval_ms",
        "How often members of the consumer protocol are told to send heartbeats.",
        is_dynamic=False,
    ),
    _number(
        "offsets.topic.num.partitions",
        "offsets_partitions",
        "Partitions of __consumer_offsets; fixed when that topic is created.",
        is_dynamic=False,
    ),
    _number(
        "offset.metadata.max.bytes",
        "offset_metadata_max_bytes",
        "The longest text that may be committed beside an offset.",
    ),
    BrokerSetting(
        "offsets.retention.minutes",
        ConfigKind.INT,
        "How long the offsets of a group without members are kept.",
        field="offsets_retention_ms",
        parse=lambda text: int(text) * _MINUTE_MS,
        render=lambda value: str(-(-value // _MINUTE_MS)),
    ),
    _number(
        "transaction.state.log.num.partitions",
        "transaction_state_partitions",
        "Partitions of __transaction_state; fixed when that topic is created.",
        is_dynamic=False,
    ),
    _number(
        "transaction.max.timeout.ms",
        "transaction_max_timeout_ms",
        "The longest transaction timeout a producer may ask for.",
    ),
    _number(
        "transactional.id.expiration.ms",
        "transactional_id_expiration_ms",
        "How long a transactional id that nobody uses is remembered.",
    ),
    _number(
        "producer.id.expiration.ms",
        "producer_id_expiration_ms",
        "How long a partition remembers a producer that writes nothing; one in a transaction is never forgotten.",
    ),
    BrokerSetting(
        "advertised.host.name",
        ConfigKind.STRING,
        "The host that metadata names; empty without a listener.",
        is_dynamic=False,
        field="advertised_host",
    ),
    _number(
        "advertised.port",
        "advertised_port",
        "The port that metadata names; -1 without a listener.",
        is_dynamic=False,
    ),
)
_OF_TOPICS: Final = tuple(
    BrokerSetting(one.broker_key, one.kind, one.documentation, topic_key=key)
    for key, one in TOPIC_SETTINGS.items()
)
SETTINGS: Final[Mapping[str, BrokerSetting]] = {
    one.key: one for one in sorted((*_OWN, *_OF_TOPICS), key=lambda one: one.key)
}
"""Every setting by name, sorted."""


def in_force(static: BrokerConfig, changes: Mapping[str, str]) -> BrokerConfig:
    """What the broker was opened with, and ``changes`` (by Kafka's names) in its place.

    Raises ``InvalidConfig`` naming the setting and what is allowed.
    """
    fields: dict[str, Any] = {}
    of_topics: dict[str, str] = {}
    for key, text in changes.items():
        setting = SETTINGS.get(key)
        if setting is None:
            raise InvalidConfig(f"unknown broker setting {key!r}; known: {', '.join(SETTINGS)}")
        if setting.topic_key:
            of_topics[setting.topic_key] = text
            continue
        try:
            fields[setting.field] = setting.parse(text.strip())
        except ValueError:
            raise InvalidConfig(f"{key}={text!r} is no {setting.kind.value} it can have") from None
    try:
        return replace(static, topic_configs={**static.topic_configs, **of_topics}, **fields)
    except InvalidConfig:
        raise
    except Misuse as wrong:
        raise InvalidConfig(f"{', '.join(changes)}: {wrong}") from None


def usable(static: BrokerConfig, changes: Mapping[str, str]) -> dict[str, str]:
    """Those of ``changes`` that this version takes; an older or newer one may have kept others."""
    taken: dict[str, str] = {}
    for key, text in changes.items():
        try:
            in_force(static, {**taken, key: text})
        except InvalidConfig:
            continue
        taken[key] = text
    return taken
