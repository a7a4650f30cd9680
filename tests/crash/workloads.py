"""The scripted workloads whose every crash is tried.

Owns: short scripts, each about one thing the log does to its files.
Must not know: how crashes are made or judged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Final
from unittest.mock import patch

from streamz_core.log import partition_log, recovery, segment
from tests.crash.session import OS, SYNC, Session

Workload = Callable[[Session], None]
SMALL_SEGMENTS: Final = {"segment_bytes": "300", "index_interval_bytes": "100"}
COMPACTED_SOON: Final = {
    "min_cleanable_dirty_ratio": "0",
    "delete_retention_ms": "100",
    "file_delete_delay_ms": "0",
}


def single_appends(session: Session) -> None:
    """One record, one sync, again and again."""
    session.create("t")
    for size in (10, 70, 200, 1):
        session.append("t", size=size)
    session.append("t", 5)
    session.close()


def group_commits(session: Session) -> None:
    """Several appends share a sync."""
    session.create("t")
    for _ in range(3):
        session.append("t", 2, sync=False)
    session.sync("t")
    session.append("t", sync=False)
    session.append("t", 3, sync=False)
    session.sync("t")


def mixed_levels(session: Session) -> None:
    """Appends that wait for the disk between some that do not."""
    session.create("t")
    session.append("t", level=OS)
    session.append("t", sync=False)
    session.append("t", 2, level=OS)
    session.sync("t")
    session.append("t", level=OS, size=120)
    session.append("t", level=OS)
    session.append("t")


def rolls(session: Session) -> None:
    """Segments fill up and new ones begin."""
    session.create("t", **SMALL_SEGMENTS)
    for _ in range(6):
        session.append("t", size=60)
    session.append("t", 3, sync=False, size=60)
    session.append("t", 3, sync=False, size=60)
    session.sync("t")
    session.append("t", size=400)


def rolls_at_os_level(session: Session) -> None:
    """Segments roll while nothing asks for a sync."""
    session.create("t", **SMALL_SEGMENTS)
    for _ in range(5):
        session.append("t", level=OS, size=100)
    session.append("t", size=10)
    session.append("t", level=OS, size=100)


def retention_by_size(session: Session) -> None:
    """Old segments go because there are too many bytes."""
    session.create("t", retention_bytes="500", file_delete_delay_ms="0", **SMALL_SEGMENTS)
    for _ in range(5):
        session.append("t", size=100)
    session.retain("t")
    session.append("t", size=100)
    session.append("t", size=100)
    session.now_ms += 120_000
    session.retain("t")
    session.append("t")


def retention_by_time(session: Session) -> None:
    """Old segments go because their time is over, the last one too."""
    session.create("t", retention_ms="1000", file_delete_delay_ms="1000", **SMALL_SEGMENTS)
    for _ in range(4):
        session.append("t", size=100)
    session.now_ms += 5_000
    session.append("t", level=OS)
    session.retain("t")
    session.now_ms += 5_000
    session.retain("t")
    session.append("t")


def delete_records(session: Session) -> None:
    """The user gives up the beginning, inside a batch and beyond a segment."""
    session.create("t", **SMALL_SEGMENTS)
    for _ in range(4):
        session.append("t", 3, size=30)
    session.delete_records("t", 1)
    session.append("t", 2)
    session.delete_records("t", 8)
    session.append("t")


def topics(session: Session) -> None:
    """Topics come, grow, change and go, and a name is used again."""
    session.create("t", 2)
    session.append("t", partition=1)
    session.create("u", cleanup_policy="compact")
    session.append("u", keys=[b"k"])
    session.add_partitions("t", 3)
    session.append("t", partition=2)
    session.configure("u", retention_ms="5")
    session.delete("t")
    session.create("t", 1)
    session.append("t")
    session.delete("u")


def compaction(session: Session) -> None:
    """Keys are overwritten, deleted and compacted away, twice."""
    session.create(
        "t",
        cleanup_policy="compact",
        **COMPACTED_SOON,
        **SMALL_SEGMENTS,
    )
    for turn in range(5):
        session.append("t", keys=[b"a", b"b", b"c%d" % turn], values=[b"x" * 40, b"y" * 40, b"z"])
    session.append("t", keys=[b"a"], values=[None])
    session.append("t", keys=[b"filler"], values=[b"." * 300])
    session.append("t", keys=[b"filler"], values=[b"." * 300])
    session.compact("t")
    session.append("t", keys=[b"b", b"d"], values=[b"new", b"new"])
    session.append("t", keys=[b"filler"], values=[b"." * 300])
    session.now_ms += 1_000
    session.compact("t")
    session.append("t", keys=[b"a"], values=[b"back"])


def idempotent_producers(session: Session) -> None:
    """Two producers with sequences, over a roll, one of them with a new epoch."""
    session.create("t", **SMALL_SEGMENTS)
    session.append("t", 2, producer=(7, 0, 0))
    session.append("t", 1, producer=(8, 0, 0))
    session.append("t", 3, producer=(7, 0, 2))
    session.append("t", 1, producer=(8, 0, 1), size=200)
    session.append("t", 1, producer=(7, 1, 0))
    session.append("t", 2, producer=(7, 1, 1), size=90)
    session.append("t", 1, producer=(8, 0, 2))


def transactions(session: Session) -> None:
    """Transactions that commit, abort, overlap, span a roll and stay open."""
    session.create("t", **SMALL_SEGMENTS)
    session.append("t", 2, producer=(7, 0, 0), transactional=True, sync=False)
    session.append("t", 1)
    session.end_transaction("t", (7, 0), committed=True)
    session.append("t", 1, producer=(8, 0, 0), transactional=True, size=100)
    session.append("t", 1, producer=(7, 1, 0), transactional=True, size=100)
    session.end_transaction("t", (8, 0), committed=False)
    session.append("t", 1, size=150)
    session.end_transaction("t", (7, 1), committed=False)
    session.append("t", 2, producer=(9, 3, 0), transactional=True)


def clean_restarts(session: Session) -> None:
    """Shut down and start, with and without new records in between."""
    session.create("t", **SMALL_SEGMENTS)
    session.append("t", 2)
    session.close()
    session.reopen()
    session.append("t", level=OS, size=100)
    session.append("t", level=OS, size=100)
    session.close()
    session.reopen()
    session.close()
    session.reopen()
    session.append("t")


def many_partitions(session: Session) -> None:
    """Partitions and topics written in turn, synced at different moments."""
    session.create("t", 2, **SMALL_SEGMENTS)
    session.create("u")
    session.append("t", sync=False)
    session.append("t", partition=1, sync=False)
    session.append("u", level=OS)
    session.sync("t", 1)
    session.append("t", 2, sync=False, size=200)
    session.append("u", sync=False)
    session.sync("t", 0)
    session.append("t", partition=1, level=SYNC)
    session.sync("u")


def compaction_of_transactions(session: Session) -> None:
    """What was aborted neither stays nor replaces anything; markers stay as long as they are needed."""
    session.create("t", cleanup_policy="compact", **COMPACTED_SOON, **SMALL_SEGMENTS)
    session.append("t", keys=[b"a"], values=[b"0"], producer=(8, 0, 0))  # nothing of it stays but who sent it
    session.append("t", keys=[b"a", b"b"], values=[b"1", b"1"], producer=(7, 0, 0), transactional=True)
    session.end_transaction("t", (7, 0), committed=True)
    session.append("t", keys=[b"a", b"c"], values=[b"2", b"2"], producer=(7, 1, 0), transactional=True)
    session.end_transaction("t", (7, 1), committed=False)
    session.append("t", keys=[b"filler"], values=[b"." * 250])
    session.append("t", keys=[b"b"], values=[None], producer=(7, 2, 0), transactional=True)
    session.end_transaction("t", (7, 2), committed=True)
    session.append("t", keys=[b"filler"], values=[b"." * 250])
    session.compact("t")
    session.now_ms += 50  # before anything that marks a deletion may go
    session.append("t", keys=[b"a"], values=[b"3" * 200], producer=(7, 3, 0), transactional=True)
    session.compact("t")


def compaction_and_retention(session: Session) -> None:
    """A topic that is compacted and loses its oldest segments as well, over a restart."""
    session.create(
        "t", cleanup_policy="compact,delete", retention_bytes="500", **COMPACTED_SOON, **SMALL_SEGMENTS
    )
    for turn in range(4):
        session.append("t", keys=[b"a", b"k%d" % turn], values=[b"x" * 60, b"y" * 60])
    session.compact("t")
    session.append("t", keys=[b"a"], values=[b"x" * 200])
    session.delete_records("t", 1)
    session.restart_killed()
    session.append("t", keys=[b"a"], values=[b"x" * 200])
    session.retain("t")
    session.append("t", keys=[b"b"], values=[b"y"])


def kills(session: Session) -> None:
    """The process dies between any two things it does, and the next one goes on."""
    session.create("t", retention_bytes="400", file_delete_delay_ms="0", **SMALL_SEGMENTS)
    session.append("t", 2, sync=False)
    session.restart_killed()
    session.append("t", producer=(7, 0, 0), size=200, level=OS)
    session.append("t", producer=(7, 0, 1), size=100, sync=False)
    session.restart_killed()
    session.append("t", producer=(7, 0, 2), transactional=True, sync=False)
    session.restart_killed()
    session.end_transaction("t", (7, 1), committed=True, sync=False)  # its epoch ends with the transaction
    session.restart_killed()
    session.append("t", size=200)
    session.retain("t")
    session.restart_killed()
    session.delete_records("t", 5)
    session.restart_killed()
    session.append("t")


def deleted_while_full(session: Session) -> None:
    """A topic of several segments, partly unsynced, goes; another takes its name; the process restarts."""
    session.create("t", 2, **SMALL_SEGMENTS)
    session.append("t", size=250)
    session.append("t", size=250, level=OS)
    session.append("t", partition=1, size=250, sync=False)
    session.append("t", partition=1, size=100, sync=False)
    session.delete("t")
    session.create("t", 1, **SMALL_SEGMENTS)
    session.append("t", size=100, level=OS)
    session.restart_killed()
    session.append("t", size=250)
    session.delete("t")
    session.restart_killed()


def rolls_by_time(session: Session) -> None:
    """Segments begin because the one before is old, and one that is empty does not."""
    session.create("t", segment_ms="1000", index_interval_bytes="0")
    for step in (500, 1_000, 2_000):
        session.append("t", 2)
        session.now_ms += step
        session.append("t", level=OS)
    session.restart_killed()
    session.now_ms += 5_000
    session.append("t")


def producers_outlive_segments(session: Session) -> None:
    """The segments that told of a producer go; what it sent last is still known."""
    session.create("t", **SMALL_SEGMENTS)
    for number in range(3):
        session.append("t", 1, producer=(7, 0, number), size=120)
        session.append("t", 1, producer=(8, 2, number), size=120)
    session.delete_records("t", 5)
    session.append("t", size=200)
    session.delete_records("t", 7)
    session.restart_killed()
    session.append("t", 1, producer=(7, 0, 3))


def checkpoints(session: Session) -> None:
    """Snapshots are left while the log is in use, and by recoveries of a long tail (``in_small_steps``)."""
    session.create("t", segment_bytes="700", index_interval_bytes="100")
    for turn in range(4):
        session.append("t", 2, producer=(7, 0, 2 * turn), sync=False)
        session.append("t", 1, producer=(8, 0, turn), size=60)
    session.append("t", 2, producer=(9, 0, 0), transactional=True)
    session.restart_killed()
    session.append("t", 1, producer=(7, 0, 8), size=200)
    session.append("t", 1, producer=(7, 0, 9))
    session.end_transaction("t", (9, 0), committed=False)
    session.append("t", 1, producer=(8, 1, 0), size=200)


def preallocated(session: Session) -> None:
    """Files take their space before they are written to (``in_small_steps``), and give back what is left of it."""
    session.create("t", preallocate="true", cleanup_policy="compact", **COMPACTED_SOON, **SMALL_SEGMENTS)
    for turn in range(2):
        session.append("t", keys=[b"a", b"k%d" % turn], values=[b"x" * 60, b"y"])
    session.append("t", keys=[b"a"], values=[b"x" * 200])
    session.append("t", keys=[b"b"], values=[b"y"], level=OS)
    session.restart_killed()
    session.append("t", keys=[b"b"], values=[b"y" * 20], sync=False)
    session.append("t", keys=[b"a"], values=[b"x" * 250], sync=False)
    session.sync("t")
    session.close()
    session.reopen()
    session.append("t", keys=[b"a"], values=[b"x" * 250])
    session.compact("t")
    session.configure("t", cleanup_policy="compact", preallocate="false", **COMPACTED_SOON, **SMALL_SEGMENTS)
    session.append("t", keys=[b"a"], values=[b"x" * 100], level=OS)
    session.append("t", keys=[b"a"], values=[b"x" * 100])


STEPS: Final[Mapping[Workload, tuple[tuple[ModuleType, str, int], ...]]] = {
    checkpoints: (
        (partition_log, "SNAPSHOT_INTERVAL_BYTES", 250),
        (recovery, "REPLAYED_BYTES_MAX", 150),
    ),
    preallocated: ((segment, "ROOM_BYTES", 200),),
}


@contextlib.contextmanager
def in_small_steps(workload: Workload) -> Iterator[None]:
    """What the workload is about is due after a few batches, instead of kilobytes or megabytes."""
    with contextlib.ExitStack() as patches:
        for module, name, size_bytes in STEPS.get(workload, ()):
            patches.enter_context(patch.object(module, name, size_bytes))
        yield


ALL: Final[tuple[Workload, ...]] = (
    single_appends,
    group_commits,
    mixed_levels,
    rolls,
    rolls_at_os_level,
    retention_by_size,
    retention_by_time,
    delete_records,
    topics,
    compaction,
    idempotent_producers,
    transactions,
    clean_restarts,
    many_partitions,
    compaction_of_transactions,
    compaction_and_retention,
    kills,
    deleted_while_full,
    rolls_by_time,
    producers_outlive_segments,
    checkpoints,
    preallocated,
)
