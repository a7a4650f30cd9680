"""Owns: harness H14: planted bugs. A harness that does not find them proves nothing.

Each bug is one wrong line such as a tired engineer writes, put in by monkeypatching, and has to be found
by the harness named beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from streamz_core.log import catalog, checksummed, segment_scan
from streamz_core.log.partition_log import PartitionLog
from streamz_core.log.recovery import Recovery
from streamz_core.log.sync import SyncTicket, Unsynced
from streamz_core.log.visibility import Visibility
from streamz_core.testing.recording_files import RecordedFile, RecordingFiles
from tests.crash import test_errno, test_rot, workloads
from tests.crash.effort import Effort
from tests.crash.explore import explore, explore_kills

QUICK = Effort(images_max=400, nested_every=10**9)


def crash(workload: Callable[..., None]) -> Callable[[], None]:
    """H1 over one workload."""
    return lambda: explore(workload.__name__, workload, QUICK, Tally())


def kill(workload: Callable[..., None]) -> Callable[[], None]:
    """H1 with a kill before the power cut."""
    return lambda: explore_kills(workload.__name__, workload, QUICK, Tally())


class Bug(NamedTuple):
    """A planted bug and who has to find it."""

    name: str
    plant: Callable[[pytest.MonkeyPatch], None]
    found_by: Callable[[], None]


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Plant ``make(original)`` in the place of ``owner.name``."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(owner, name, make(getattr(owner, name)))

    return plant


def nothing(_: Any) -> Any:
    """A step that is left out."""
    return lambda *_args, **_named: None


def errno_run(workload: Callable[..., None], fault_name: str) -> Callable[[], None]:
    """H4 over one workload and fault, every call."""

    def run() -> None:
        fault = next(fault for fault in test_errno.FAULTS if fault.name == fault_name)
        for at_call in range(1, test_errno.calls_of(workload, fault) + 1):
            one = test_errno.Run(fault, at_call, persistent=False)
            one.work(workload)
            test_errno.check_alive(one)
            test_errno.check_after_death(one)

    return run


def rot(kind: str) -> Callable[[], None]:
    """H5 over one kind of file."""
    return lambda: test_rot.test_a_flipped_bit_is_never_silently_read(kind, QUICK, {})


def shows_at_once(original: Callable[[Visibility], None]) -> Callable[[Visibility], None]:
    def advance(self: Visibility) -> None:
        original(self)
        self.high_watermark = self.log_end_offset

    return advance


def calls_everything_torn(_: Any) -> Any:
    def replay_segment(self: Recovery, segment: Any, point: Any) -> bool:
        return original_replay_segment(self, segment, point._replace(segment_base=-1, position=0))

    return replay_segment


original_replay_segment = Recovery._replay_segment

BUGS = (
    Bug("a sync that does not sync", replace(SyncTicket, "run", nothing), crash(workloads.single_appends)),
    Bug("a file sync left out", replace(RecordedFile, "datasync", nothing), crash(workloads.single_appends)),
    Bug("directory syncs left out", replace(RecordingFiles, "sync_dir", nothing), crash(workloads.rolls)),
    Bug(
        "shown before it is durable",
        replace(Visibility, "_advance", shows_at_once),
        crash(workloads.group_commits),
    ),
    Bug(
        "checksums ignored at recovery",
        replace(segment_scan, "check_crc", lambda _: lambda *_args: True),
        crash(workloads.single_appends),
    ),
    Bug("rot taken for a torn tail", replace(Recovery, "_replay_segment", calls_everything_torn), rot("log")),
    Bug(
        "the recovered tail is not synced",
        replace(Recovery, "_write_again", nothing),
        kill(workloads.mixed_levels),
    ),
    Bug(
        "a failed sync is forgotten",
        replace(PartitionLog, "fail_sync", nothing),
        errno_run(workloads.group_commits, "I/O error on sync"),
    ),
    Bug(
        "the catalog is overwritten in place",
        replace(catalog.checksummed, "replace", lambda _: checksummed.write),
        crash(workloads.topics),
    ),
    Bug(
        "the name of a new segment is not synced",
        replace(Unsynced, "changed_directory", nothing),
        crash(workloads.rolls),
    ),
)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug: Bug, monkeypatch):
    bug.plant(monkeypatch)

    with pytest.raises(AssertionError):
        bug.found_by()
