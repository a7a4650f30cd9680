"""What can be set on a broker, and what each setting means.

Owns: ``BrokerConfig``: names, units, defaults and the check of values.
Must not know: what the broker does with them; what the settings of topics mean (``log.config``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from streamz_core.errors import Misuse
from streamz_core.log.config import TopicConfig
from streamz_core.model import Durability

_AT_LEAST: Final = {
    "default_partitions": 1,
    "offsets_partitions": 1,
    "transaction_state_partitions": 1,
    "sync_threads": 1,
    "flush_interval_ms": 1,
    "retention_check_interval_ms": 1,
    "compaction_check_interval_ms": 1,
    "fetch_max_bytes": 1,
    "advertised_port": -1,
    "total_retention_bytes": -1,
}
"""Lowest value of each number; 0 where a name is not listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConfig:
    """Settings of one broker. Times are milliseconds, sizes bytes.

    Raises ``Misuse`` naming the setting, its value and what is allowed. Most can be changed at run time, under
    the names that ``broker_settings`` gives them.
    """

    durability: Durability = Durability.SYNC
    """The most an acknowledgement waits for, whatever the request asks (``docs/contract.md``)."""
    auto_create_topics: bool = True
    """Whether asking for the metadata of an unknown topic creates it."""
    default_partitions: int = 1
    """Partitions of a topic that is created without a count."""

    topic_configs: Mapping[str, str] = field(default_factory=dict)
    """Settings, under Kafka's names for topics, of all topics that set nothing else."""
    total_retention_bytes: int = -1
    """Bytes all partitions together keep before the oldest segments of those with cleanup.policy=delete go; -1: all."""
    min_free_bytes: int = 16_777_216
    """Free disk space below which records of users are refused, so that commits and recovery still have room."""

    fetch_session_slots: int = 1_000
    """How many fetch sessions (KIP-227) are remembered."""
    fetch_max_bytes: int = 57_671_680
    """The most one fetch answers, whatever it asks; one batch may go beyond it."""
    sync_threads: int = 2
    """How many fdatasyncs of different partitions run at the same time."""
    flush_interval_ms: int = 1_000
    """How often what was written without a sync is made durable in the background."""
    retention_check_interval_ms: int = 300_000
    """How often old segments are looked for."""
    compaction_check_interval_ms: int = 15_000
    """How often compacted topics are looked at for work."""
    scrub_bytes_per_second: int = 1_048_576
    """How fast sealed segments are read again in the background to find rot; 0: not at all."""
    close_timeout_ms: int = 10_000
    """How long ``close`` lets requests in hand finish before it cancels them."""

    group_initial_rebalance_delay_ms: int = 0
    """How long the first rebalance of an empty group waits for more members."""
    group_min_session_timeout_ms: int = 100
    """A member that asks for less is refused."""
    group_max_session_timeout_ms: int = 1_800_000
    """A member that asks for more is refused."""
    group_consumer_session_timeout_ms: int = 45_000
    """How long a member of the consumer protocol (KIP-848) may be silent; it is told nothing of it."""
    group_consumer_heartbeat_interval_ms: int = 1_000
    """How often members of the consumer protocol are told to send heartbeats: how fast they see a rebalance."""
    offsets_partitions: int = 1
    """Partitions of ``__consumer_offsets``; fixed when that topic is created."""
    offset_metadata_max_bytes: int = 4_096
    """The longest text that may be committed beside an offset."""
    offsets_retention_ms: int = 604_800_000
    """How long the offsets of a group without members are kept."""
    transaction_state_partitions: int = 1
    """Partitions of ``__transaction_state``; fixed when that topic is created."""
    transaction_max_timeout_ms: int = 900_000
    """A transactional producer that asks for a longer transaction timeout is refused."""
    transactional_id_expiration_ms: int = 604_800_000
    """How long a transactional id that nobody uses is remembered."""
    producer_id_expiration_ms: int = 86_400_000
    """How long a partition remembers a producer that writes nothing; one in a transaction is never forgotten."""

    advertised_host: str = ""
    """The host that metadata names; empty without a listener."""
    advertised_port: int = -1
    """The port that metadata names; -1 without a listener."""

    def __post_init__(self) -> None:
        TopicConfig.parse(self.topic_configs)
        for setting in fields(self):
            value: object = getattr(self, setting.name)
            if setting.name == "topic_configs":
                continue
            if isinstance(setting.default, Durability):
                allowed = ", ".join(str(level) for level in Durability)
                is_allowed = isinstance(value, Durability)
            elif isinstance(setting.default, bool):
                allowed = "True, False"
                is_allowed = isinstance(value, bool)
            elif isinstance(setting.default, int):
                lowest = _AT_LEAST.get(setting.name, 0)
                allowed = f"whole numbers from {lowest}"
                is_allowed = isinstance(value, int) and not isinstance(value, bool) and value >= lowest
            else:
                allowed = "texts"
                is_allowed = isinstance(value, str)
            if not is_allowed:
                raise Misuse(f"broker setting {setting.name}={value!r}: allowed are {allowed}")
