"""A consumer's parameters that concern its group.

Owns: ``GroupSettings``.
Must not know: what is done with them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSettings:
    """aiokafka's names; ``docs`` of ``AIOKafkaConsumer`` say what they mean. Times are milliseconds."""

    group_id: str
    group_instance_id: str | None
    client_id: str
    session_timeout_ms: int
    heartbeat_interval_ms: int
    rebalance_timeout_ms: int
    max_poll_interval_ms: int
    enable_auto_commit: bool
    auto_commit_interval_ms: int
    exclude_internal_topics: bool
