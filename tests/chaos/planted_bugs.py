"""Harness H14 for real processes: planted bugs, and the harness that has to find each.

Owns: the bugs. Each is one wrong step such as a tired engineer writes, put in before lives are forked.
Plant one and run its harness::

    python -m tests.chaos.planted_bugs --directory DIR --bug "markers before the decision"

Must not know: how the harnesses find them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias

from streamz_core.broker.broker import Broker
from streamz_core.broker.groups.offsets import GroupOffsets
from streamz_core.broker.transactions.ending import Ending
from streamz_core.client.consumer.partition_state import _Aborted
from streamz_core.errors import ErrorCode
from streamz_core.log.files import DiskFiles, DiskLock
from streamz_core.state.rocksdb import RocksDatabase
from streamz_core.streams.runtime.stores import TaskStores
from tests.chaos import killer, many_records, state_killer
from tests.chaos.anomaly import Name
from tests.chaos.dying_files import Moment
from tests.chaos.processes import LifeFailed
from tests.chaos.soak import Soak, judge

Harness: TypeAlias = Callable[[str], Iterator[str]]
"""Run in a directory that is not there yet; what each of its rounds reports."""


class Bug(NamedTuple):
    """A planted bug."""

    plant: Callable[[], None]
    found_by: Harness
    told: tuple[str, ...]
    """What of it a report has to name: any of these."""


ROUNDS_MAX: Final = 12


def titles(*names: Name) -> tuple[str, ...]:
    """Anomalies as reports have them."""
    return tuple(name.title for name in names)


def put(owner: Any, name: str, make: Callable[[Any], Any]) -> Callable[[], None]:
    """Plant ``make(original)`` in the place of ``owner.name``."""
    return lambda: setattr(owner, name, make(getattr(owner, name)))


def soak(kills: int) -> Harness:
    """H3, again and again with so many kills: when a bug shows itself is a matter of luck, whether is not."""

    def run(directory: str) -> Iterator[str]:
        os.makedirs(directory)
        for seed in range(ROUNDS_MAX):
            yield said(partial(_soak_once, f"{directory}/{seed}", seed, kills))

    return run


def _soak_once(directory: str, seed: int, kills: int) -> None:
    try:
        judge(directory, Soak(directory, seed).run(kills, 0.0), "planted")
    except LifeFailed as failed:
        print(failed)


def die_at(every: int, moment: Moment | None = None) -> Harness:
    """H2 on the log."""

    def run(directory: str) -> Iterator[str]:
        yield said(lambda: killer.explore(directory, every, moment))

    return run


def kill_state(directory: str) -> Iterator[str]:
    """H2 on the bare store."""
    os.makedirs(directory)
    yield _trapped(lambda trap: state_killer.kill_stores(f"{directory}/stores", trap, 60), directory)


def kill_app(directory: str) -> Iterator[str]:
    """H2 on the app."""
    os.makedirs(directory)

    def run(trap: state_killer.Trap) -> None:
        for number in range(20):
            state_killer.kill_app(f"{directory}/{number}", trap, 2)

    yield _trapped(run, directory)


def _trapped(run: Callable[[state_killer.Trap], None], directory: str) -> str:
    def told() -> None:
        try:
            run(state_killer.Trap(directory, Random(1), state_killer.STORE_CALLS, 0.1))
        except AssertionError as wrong:
            print(wrong)

    return said(told)


def said(run: Callable[[], object]) -> str:
    """What ``run`` prints."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        run()
    return output.getvalue()


def count_records(directory: str) -> Iterator[str]:
    """The harness of many records, in small."""
    os.makedirs(directory)
    for seed in range(ROUNDS_MAX):
        yield said(partial(many_records.run, f"{directory}/{seed}", 40_000, 5, seed))


def at_once(_: Any) -> Any:
    async def durable(*_: object) -> None:
        return None

    return durable


def undecided(_: Any) -> Any:
    async def decide(*_: object) -> ErrorCode:
        return ErrorCode.NONE

    return decide


def committed_at_once(original: Any) -> Any:
    def hold(self: GroupOffsets, producer_id: int, offsets: Any) -> None:
        original(self, producer_id, offsets)
        for partition, committed in offsets.items():
            self._commit(partition, committed)

    return hold


def never_locked(_: Any) -> Any:
    def lock(self: DiskFiles, path: str) -> DiskLock:
        taken = DiskLock(self.open(path, create=True))
        taken.note("")
        return taken

    return lock


def before_the_commit(original: Any) -> Any:
    def collect(self: TaskStores, stream_time_ms: int) -> Any:
        collected = original(self, stream_time_ms)
        for store, change in zip(self._caches, collected, strict=True):
            store._store.write(change.changes, max(store.position(), 0))
        self._database.flush(wait=True)
        return collected

    return collect


def without_waiting(original: Any) -> Any:
    def flush(self: RocksDatabase, *, wait: bool = True) -> None:
        del self, wait

    return flush


BUGS: Final[Mapping[str, Bug]] = {
    "acknowledged before it is durable": Bug(
        put(Broker, "durable", at_once),
        die_at(3, Moment.UNSYNCED),
        titles(Name.LOST_WRITE, Name.UNSEEN, Name.LOST_COMMITTED_OFFSET, Name.TORN_TRANSACTION),
    ),
    "markers before the decision": Bug(
        put(Ending, "_decide_durably", undecided),
        die_at(2, Moment.BEFORE),
        titles(Name.TORN_TRANSACTION, Name.MISSING_OUTPUT),
    ),
    "offsets of a transaction committed at once": Bug(
        put(GroupOffsets, "hold", committed_at_once),
        soak(3),
        titles(Name.PHANTOM_COMMITTED_OFFSET, Name.MISSING_OUTPUT),
    ),
    "aborted records are shown": Bug(
        put(_Aborted, "hides", lambda _: lambda self, header, *_: header.is_control),
        soak(2),
        titles(Name.ABORTED_READ),
    ),
    "a directory for two": Bug(
        put(DiskFiles, "lock", never_locked), soak(5), ("two owners of one directory",)
    ),
    "the stores are written before the commit": Bug(
        put(TaskStores, "collect", before_the_commit), kill_app, titles(Name.WRONG_RESULT)
    ),
    "outputs before offsets": Bug(
        put(many_records, "App", lambda app: partial(app, processing_guarantee="at_least_once")),
        count_records,
        ("0 missing",),
    ),
    "a flush that does not flush": Bug(
        put(RocksDatabase, "flush", without_waiting), kill_state, ("flushed up to",)
    ),
}


def main() -> int:
    """Plant one bug and run its harness; 1 once a report names it."""
    parser = argparse.ArgumentParser(description="Planted bugs.")
    parser.add_argument("--directory", required=True, help="must not be there yet")
    parser.add_argument("--bug", required=True, choices=BUGS)
    options = parser.parse_args()
    bug = BUGS[options.bug]
    bug.plant()
    for report in bug.found_by(os.path.abspath(options.directory)):
        print(report, flush=True)
        # A bug may end a life, or show another of its symptoms first: the rounds go on until it has its name.
        if any(told in report for told in bug.told):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
