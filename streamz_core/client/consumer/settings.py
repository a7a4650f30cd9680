"""Checks of the consumer's own settings.

Owns: what each parameter of ``AIOKafkaConsumer`` may be.
Must not know: what the consumer does with it.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from streamz_core.client.settings import SettingError, check_callable, check_choice, check_flag, check_number

if TYPE_CHECKING:
    from streamz_core.client.consumer.assignors.abstract import AbstractPartitionAssignor

ISOLATION_LEVELS: Final = ("read_uncommitted", "read_committed")

_LOWEST: Final = {
    "fetch_max_wait_ms": 0,
    "fetch_min_bytes": 0,
    "retry_backoff_ms": 0,
    "connections_max_idle_ms": 0,
}


def check_consumer_settings(
    *,
    key_deserializer: Any,
    value_deserializer: Any,
    auto_offset_reset: Any,
    isolation_level: Any,
    group_id: Any,
    group_instance_id: Any,
    max_poll_records: Any,
    rebalance_timeout_ms: Any,
    enable_auto_commit: Any,
    check_crcs: Any,
    exclude_internal_topics: Any,
    **numbers: Any,
) -> None:
    """Refuse what cannot be honoured; ``SettingError`` names the parameter and what is allowed."""
    for name, value in numbers.items():
        check_number(name, value, _LOWEST.get(name, 1))
    check_flag("enable_auto_commit", enable_auto_commit)
    check_flag("check_crcs", check_crcs)
    check_flag("exclude_internal_topics", exclude_internal_topics)
    check_number("rebalance_timeout_ms", rebalance_timeout_ms, 1, may_be_none=True)
    if max_poll_records is not None and (not isinstance(max_poll_records, int) or max_poll_records < 1):
        raise SettingError(
            f"max_poll_records={max_poll_records!r}: must be a whole number, 1 or more, or None"
        )
    check_callable("key_deserializer", key_deserializer)
    check_callable("value_deserializer", value_deserializer)
    check_choice("auto_offset_reset", auto_offset_reset, ("earliest", "latest", "none"))
    check_choice("isolation_level", isolation_level, ISOLATION_LEVELS)
    for name, value in (("group_id", group_id), ("group_instance_id", group_instance_id)):
        if value is not None and (not isinstance(value, str) or not value):
            raise SettingError(f"{name}={value!r}: must be a text that is not empty, or None")
    if group_instance_id is not None and group_id is None:
        raise SettingError("group_instance_id needs a group_id: it names a member of a group")
    if numbers["heartbeat_interval_ms"] >= numbers["session_timeout_ms"]:
        raise SettingError(
            f"heartbeat_interval_ms={numbers['heartbeat_interval_ms']!r}: must be below session_timeout_ms "
            f"({numbers['session_timeout_ms']}), a third of it is usual"
        )


def assignors_of(strategy: Any) -> list[AbstractPartitionAssignor]:
    """Instances for the classes in ``partition_assignment_strategy``, this consumer's own."""
    try:
        chosen = list(strategy)
    except TypeError:
        chosen = [strategy]
    made: list[Any] = [assignor() if inspect.isclass(assignor) else assignor for assignor in chosen]
    for assignor in made:
        if not all(hasattr(assignor, part) for part in ("name", "assign", "metadata", "on_assignment")):
            raise SettingError(
                f"partition_assignment_strategy: {assignor!r} is no assignor; see AbstractPartitionAssignor"
            )
    if not made:
        raise SettingError("partition_assignment_strategy=(): must name at least one assignor")
    return made
