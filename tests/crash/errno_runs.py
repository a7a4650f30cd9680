"""Harness H4: a file call fails, once or for good, in a way that disks fail; then the workload goes on.

Owns: one such run, and what must hold after it: healed, killed, and after a power cut.
Must not know: what the workloads do; what is promised (``verdict``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from streamz_core.errors import StreamzError
from streamz_core.log.errors import StorageFailure
from streamz_core.testing.disk_tree import Tree
from streamz_core.testing.durable import Durable
from streamz_core.testing.faulty_files import Fault, FaultyFiles
from streamz_core.testing.recording_files import RecordingFiles
from tests.crash.history import History
from tests.crash.observe import observe, read_all
from tests.crash.session import SYNC, Session
from tests.crash.stubborn import Stubborn
from tests.crash.tally import Tally
from tests.crash.verdict import violations
from tests.crash.workloads import Workload, in_small_steps

RUNS = "runs with a failing call"


@dataclass
class Run:
    """One workload on one faulty disk."""

    fault: Fault
    at_call: int
    persistent: bool
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self.durable = Durable(Tree())
        self.disk = RecordingFiles(record=self.durable.feed)
        self.files = FaultyFiles(self.disk, self.fault, self.at_call, persistent=self.persistent)
        self.session: Session | None = None

    def note(self, remark: object) -> None:
        """Take a remark of the session."""
        self.history.take(remark)  # type: ignore[arg-type]

    def work(self, workload: Workload) -> None:
        """Do the workload, going on after failures; a directory that cannot be opened ends it."""
        try:
            self.session = Session(self.files, self.note)
        except (StreamzError, OSError):
            return
        workload(cast("Session", Stubborn(self.session)))

    def story(self) -> str:
        """What was done, for messages."""
        how = "from then on" if self.persistent else "once"
        return f"{self.fault.name} at call {self.at_call} {how}: {self.files.strikes[:3]}"


def calls_of(workload: Workload, fault: Fault) -> int:
    """How many calls of the workload the fault could strike."""
    run = Run(fault, at_call=0, persistent=False)
    run.work(workload)
    return run.files.calls


def fail_calls(workload: Workload, fault: Fault, runs_max: int | None = None) -> Tally:
    """Let every call of the workload fail that the fault can strike, or about so many of them."""
    tally = Tally()
    with in_small_steps(workload):
        calls = calls_of(workload, fault)
        step = 1 if runs_max is None else max(1, 2 * calls // runs_max)
        for persistent in (False, True):
            # The two modes take turns so that between them they strike more places.
            for at_call in range(1 + (step // 2 if persistent else 0), calls + 1, step):
                run = Run(fault, at_call, persistent)
                run.work(workload)
                check_alive(run)
                check_after_death(run)
                tally.other[RUNS] += 1
    return tally


def check_alive(run: Run) -> None:
    """Healed, readers get what they were shown, and partitions that are not poisoned take appends."""
    run.files.heal()
    if run.session is None:
        return
    session = run.session
    if not session.is_open:
        session.reopen()
    for name, entry in list(session.directory.topics.items()):
        for index in range(entry.partitions):
            log = session.directory.partition(name, index)
            promised = run.history.partitions.get((entry.topic_id, index))
            # A partition that could not be read when it was opened says so until it is opened anew.
            if log.failure is None and promised is not None and not promised.is_compacted:
                shown = [batch for batch in read_all(log) if batch.first < log.high_watermark]
                known = [batch for batch in promised.batches if batch.last >= log.log_start_offset]
                assert shown == known[: len(shown)], f"{run.story()}: {name}-{index} shows other bytes"
            refused = append_healed(session, name, index) if log.failure is None else None
            is_excused = refused is None or (refused.poisoned and gave_up_for_good(run))
            assert is_excused, f"{run.story()}: {name}-{index} takes no appends: {refused}"


def gave_up_for_good(run: Run) -> bool:
    """After a failed sync, or a failed write that could not be undone, only opening anew may help."""
    return any(strike.startswith(("datasync", "sync_dir", "truncate")) for strike in run.files.strikes)


def append_healed(session: Session, topic: str, partition: int) -> StorageFailure | None:
    """Append and sync; the refusal, if the partition had to give up for good."""
    try:
        session.append(topic, partition=partition, level=SYNC, keys=[b"healed"])
    except StorageFailure as refused:
        return refused
    return None


def check_after_death(run: Run) -> None:
    """Killed, and after a power cut that leaves nothing unsynced, everything promised is there."""
    for tree, is_kill in ((run.disk.tree(), True), (run.durable.tree, False)):
        seen, _ = observe(RecordingFiles(tree))
        broken = violations(run.history, seen, is_kill=is_kill)
        assert not broken, f"{run.story()}, then {'kill -9' if is_kill else 'power cut'}: {broken}"
