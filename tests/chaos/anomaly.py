"""What can be wrong with a history.

Owns: the names of the anomalies, and ``Anomaly``, one finding with all that is needed to look into it.
Must not know: how anomalies are found.

The names are those of Jepsen's Kafka workload where it has one. Not among them: cycles of writes alone
(G0), which Kafka allows, as a transaction gives no isolation of writes; and cycles in which
transactions read each other (G1c), because in a history that is one sequence such a cycle holds a read
of something not yet committed, and that is a finding already.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from tests.chaos.operations import Partition


class Name(StrEnum):
    """The anomalies."""

    INCONSISTENT_OFFSETS = "inconsistent offsets: one offset was seen with different values"
    DUPLICATE = "duplicate: one value was seen at different offsets"
    WRONG_OFFSET = "wrong offset: a value is not where its acknowledgement said"
    LOST_WRITE = "lost write: acknowledged, and missing where later records were read"
    UNSEEN = "unseen: acknowledged, and nobody ever read that far though the log was read to its end"
    PHANTOM = "phantom: a value nobody sent"
    REFUSED_WRITE = "refused write: a value was read whose sender was told it is not there"
    REORDERED = "reordered: a producer's values are not in the order they were sent in"
    COMPACTED_AWAY = "compacted away: the last acknowledged record of a key is gone"
    ABORTED_READ = "aborted read (G1a): read_committed saw a value whose transaction was never committed"
    DIRTY_READ = "dirty read (precommitted): read_committed saw a value before its commit was asked for"
    TORN_TRANSACTION = "torn transaction: one part of it is there and another is not"
    POLL_SKIP = "poll skip: a consumer passed over records between two polls"
    INTERNAL_POLL_SKIP = "internal poll skip: one poll passed over records"
    NONMONOTONIC_POLL = "nonmonotonic poll: a consumer was given records again, or went back"
    INTERNAL_NONMONOTONIC_POLL = "internal nonmonotonic poll: one poll is not in the order of offsets"
    LOST_COMMITTED_OFFSET = "lost committed offset: the group is behind what was acknowledged"
    PHANTOM_COMMITTED_OFFSET = "phantom committed offset: the group is where nobody put it"
    COMMITTED_PAST_END = "committed past the end: the offset outlived the records it passes over"
    PASSED_OVER = "passed over: the group committed beyond records that no member was given"
    TWO_OWNERS = "two owners: a partition has two members in one generation"
    STALE_COMMIT = "stale commit: a member of an older generation committed"
    MISSING_OUTPUT = "missing output: a record below the committed offset left no output"
    DUPLICATE_OUTPUT = "duplicate output: a record left more than one output"
    OUTPUT_AHEAD = "output ahead: a record has an output and is not below the committed offset"
    LOST_TOPIC = "lost topic: created, never deleted, gone"
    RISEN_TOPIC = "risen topic: there though deleted, or never created"
    LOG_START_AHEAD = "log start ahead: records are gone that nobody asked to delete"
    LOG_START_WENT_BACK = "log start went back: deleted records are there again"
    LOG_END_WENT_BACK = "log end went back: the log is shorter than what was read of it"
    WRONG_RESULT = "wrong result: an app's figures are not those of its input"

    @property
    def title(self) -> str:
        """The name without its explanation."""
        return self.value.partition(":")[0]


class Anomaly(NamedTuple):
    """One finding. ``at``: the numbers of the operations in the history that show it."""

    name: Name
    what: str
    partition: Partition | None = None
    offsets: tuple[int, ...] = ()
    values: tuple[str, ...] = ()
    at: tuple[int, ...] = ()

    def __str__(self) -> str:
        where = "" if self.partition is None else f" in {self.partition}"
        offsets = f" offset {_listed(self.offsets)}" if self.offsets else ""
        values = f" value {_listed(self.values)}" if self.values else ""
        lines = f" (operations {_listed(self.at)})" if self.at else ""
        return f"{self.name.title}{where}{offsets}{values}: {self.what}{lines}"


def _listed(items: tuple[object, ...], most: int = 8) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(map(str, items[:most])) + more
