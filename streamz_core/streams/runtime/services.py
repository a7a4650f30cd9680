"""``TaskServices``: what the runtime lends to every task.

Owns: that list, and nothing else.
Must not know: how any of it is done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from streamz_core.streams.runtime.commit_stalls import CommitStalls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from streamz_core.clock import Clock
    from streamz_core.model import TopicPartition
    from streamz_core.state.global_store import GlobalStore
    from streamz_core.state.restore import ChangelogReader, RestoreProgress
    from streamz_core.streams.processor import ProcessorContext
    from streamz_core.streams.runtime.committer import Committer
    from streamz_core.streams.runtime.ports import Consumer
    from streamz_core.streams.runtime.positions import CommittedPosition
    from streamz_core.streams.runtime.source_changelog import SourceChangelog
    from streamz_core.streams.runtime.stores import StateSettings, StoreChanges


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskServices:
    """Shared by all tasks of a runtime."""

    clock: Clock
    consumer: Consumer
    changelog_reader: ChangelogReader
    changelog_identities: Mapping[str, str]
    """By store: which topic, of which cluster, its changelog is."""
    source_changelogs: Mapping[str, SourceChangelog] = field(default_factory=dict)
    """By store: the topic it is restored from, where that is its source."""
    partition_counts: Mapping[str, int]
    """By source topic."""
    state: StateSettings
    make_committer: Callable[[str], Committer]
    """By task id."""
    committed_positions: Callable[
        [Iterable[TopicPartition]], Awaitable[Mapping[TopicPartition, CommittedPosition]]
    ]
    """Where partitions go on, once no transaction of them is open any more."""
    count_partitions: Callable[[Iterable[str]], Awaitable[Mapping[str, int]]]
    """The partition counts of output topics, which are created if they may be."""
    known_partitions: Callable[[str], int]
    """The partition count of an output topic that was counted before."""
    global_store: Callable[[str], GlobalStore]
    """A global table of the process, by name."""
    on_restore: Callable[[RestoreProgress], None]
    on_changes: Callable[[ProcessorContext, Sequence[StoreChanges]], None] = lambda _task, _changes: None
    """A task's stores were committed, with these changes."""
    commit_stalls: CommitStalls = field(default_factory=CommitStalls)
    on_task_changed: Callable[[], None]
    """A task began to work, or stopped working."""
