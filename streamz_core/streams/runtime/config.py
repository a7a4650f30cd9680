"""``RuntimeConfig``: how a topology is run.

Owns: the settings of the streams runtime, their defaults and their checks.
Must not know: topologies, links, tasks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from streamz_core.errors import Misuse
from streamz_core.streams.runtime.output import RECORD_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ProcessingGuarantee(StrEnum):
    """What a crash may leave behind of a record's effects."""

    EXACTLY_ONCE = "exactly_once"
    """All or nothing of outputs, state and input offsets, in one transaction."""
    AT_LEAST_ONCE = "at_least_once"
    """Outputs first, offsets last: after a crash some records are processed again."""


class OffsetReset(StrEnum):
    """Where to start reading a partition whose position is unknown or gone."""

    EARLIEST = "earliest"
    LATEST = "latest"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeConfig:
    """Settings of one app's runtime. Every bound is per task unless it says otherwise."""

    app_id: str
    """Names the consumer group, the changelogs, the transactional ids and the state directory."""
    broker: Any = None
    """The address of the broker; unused where the runtime is handed a link."""
    state_dir: str | None = None
    """Where stores live; ``None`` keeps them in memory and restores them at every start."""
    processing_guarantee: ProcessingGuarantee | str = ProcessingGuarantee.EXACTLY_ONCE
    commit_interval_ms: int = 100
    """Outputs become visible, and offsets move, at least this often; sooner where all input is read."""
    commit_records_max: int = 100_000
    """Commit after this many records, or changed keys, even if the interval is not over."""
    commit_bytes_max: int = 16 << 20
    """Commit once the output records that wait take this much."""
    auto_offset_reset: OffsetReset | str = OffsetReset.EARLIEST
    """Where to start a partition the group has never committed."""
    offset_out_of_range: OffsetReset | str = OffsetReset.FAIL
    """What to do where the committed offset is no longer (or not yet) in the log."""
    slice_records_max: int = 1_000
    """How many records are processed before other tasks, timers and heartbeats get their turn."""
    buffered_records_max: int = 10_000
    """How many fetched records of one partition may wait before it is paused."""
    input_wait_max_ms: int = 1_000
    """How long other inputs wait for one whose log is known to hold records from before the start.

    Only where there is state: what a record finds in it should not follow from which fetch was faster.
    """
    timestamp_ahead_max_ms: int = 7 * 86_400_000
    """Records further ahead of the clock do not move stream time: one of them would close all windows."""
    record_bytes_max: int = RECORD_BYTES_MAX
    """The largest key and value of one output record."""
    memory_budget_bytes: int = 128 << 20
    """What all stores of the process may use: half for decoded entries, half for RocksDB's blocks and write buffers."""
    state_flush_interval_ms: int = 60_000
    """How far behind the last commit the files may be: what a restore after ``kill -9`` reads, at most.

    Far below a changelog's ``delete.retention.ms``: a store that old would miss deletions.
    """
    rocksdb_config_setter: Callable[[str, Any], None] | None = None
    """Called with each store's name and its RocksDB options, to change them."""
    application_server: str = ""
    """Where other processes of the app can ask this one about its stores; told to them, no more."""
    num_standby_replicas: int = 0
    """How many members keep warm copies of each task's stores, beside the one that works on it.

    Members that share a state directory share the files: they need no copies, and get none of each other's.
    """
    retry_timeout_ms: int = 120_000
    """How long a task whose commits or restores fail is restarted before the app gives up."""
    retry_backoff_ms: int = 200
    """The wait before the first restart of a task; it doubles up to 5 seconds."""
    transaction_timeout_ms: int = 60_000
    session_timeout_ms: int = 45_000
    shutdown_timeout_ms: int = 30_000
    """How long a stopping task may take to finish the record in hand and to commit."""
    request_timeout_ms: int = 40_000
    group_instance_id: str | None = None
    app_configs: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """The app's settings as its processors may read them."""

    def __post_init__(self) -> None:
        """Refuse what cannot work, naming it."""
        if not self.app_id:
            raise Misuse("app_id is empty: it names the consumer group and the state of the app")
        _choose(self, "processing_guarantee", ProcessingGuarantee)
        _choose(self, "auto_offset_reset", OffsetReset)
        _choose(self, "offset_out_of_range", OffsetReset)
        for name in _AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise Misuse(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.num_standby_replicas < 0:
            raise Misuse(f"num_standby_replicas must be at least 0, not {self.num_standby_replicas}")

    @property
    def is_exactly_once(self) -> bool:
        """Whether commits are transactions."""
        return self.processing_guarantee is ProcessingGuarantee.EXACTLY_ONCE


_AT_LEAST_ONE = (
    "commit_interval_ms",
    "commit_records_max",
    "commit_bytes_max",
    "slice_records_max",
    "buffered_records_max",
    "record_bytes_max",
    "input_wait_max_ms",
    "timestamp_ahead_max_ms",
    "memory_budget_bytes",
    "state_flush_interval_ms",
    "retry_timeout_ms",
    "retry_backoff_ms",
    "transaction_timeout_ms",
    "session_timeout_ms",
    "shutdown_timeout_ms",
    "request_timeout_ms",
)


def _choose(config: RuntimeConfig, name: str, kind: type[Enum]) -> None:
    given = getattr(config, name)
    try:
        object.__setattr__(config, name, kind(given))
    except ValueError:
        allowed = ", ".join(repr(choice.value) for choice in kind)
        raise Misuse(f"{name} is {given!r}; allowed are {allowed}") from None
