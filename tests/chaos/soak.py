"""Harness H3, the kill soak: lives on one data directory, most of them ended by ``kill -9``.

Owns: how lives begin and end, when they are killed, and the verdict. Run it by itself::

    python -m tests.chaos.soak --directory DIR --seed 1 --kills 60
    python -m tests.chaos.soak --directory DIR --seed 1 --seconds 3600

Must not know: what actors do.

A life is killed by its pid, at a moment drawn from the seed: while it opens and recovers, while it
works, while it closes. What a failed run leaves is enough to check it again, and with ``--check`` that
is all that is done.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import time
from random import Random
from typing import NamedTuple

from streamz_core.log.errors import DirectoryOwned
from streamz_core.log.files import DiskFiles
from streamz_core.model import TopicPartition
from tests.chaos import churning, counting_app
from tests.chaos.anomaly import Anomaly
from tests.chaos.checker import check, report, size
from tests.chaos.consuming import consume_in_group, copy, read_freely
from tests.chaos.journal import Journal, decode, load
from tests.chaos.last_lives import WITHIN_S, read_everything, settle, until_at_end
from tests.chaos.life import Life, begin
from tests.chaos.operations import History, Opened
from tests.chaos.processes import LifeFailed, check_end, child, kill, unharmed, wait
from tests.chaos.producing import LOGS, produce, transact

GROUPS = {"readers": "log-a", "copies": "log-a", counting_app.GROUP: "views"}
LIFE_S_MAX = 60.0
"""Longer than any life is let live."""


LAST_S_MAX = 600.0
"""Longer than the last lives take for a round's work, on a busy machine."""
ROUND_S = 60.0
"""How long one directory is used: what one history holds has to fit into memory to be checked."""


class End(NamedTuple):
    """How a life ends: by itself after ``stop_s``, or killed after ``kill_s``, whichever comes first."""

    stop_s: float
    kill_s: float


def draw_end(random: Random) -> End:
    """Draw how a life ends."""
    opening = random.uniform(0.0, 0.03)
    settling = random.uniform(0.03, 0.15)
    working = random.uniform(0.2, 1.2)
    kill_s = random.choice((opening, settling, working, working))
    # One in eight stops by itself, and may be killed while it closes.
    if random.random() < 0.125:
        return End(kill_s, kill_s + random.uniform(0.0, 0.2))
    return End(LIFE_S_MAX, kill_s)


async def prepare(directory: str, number: int) -> None:
    """The first life makes the topics."""
    life = await begin(directory, Journal(f"{directory}/history", number), 0, {})
    await churning.prepare(life)
    await life.link.close()


async def live(directory: str, number: int, seed: int, stop_s: float) -> None:
    """One life, from opening to a graceful end after ``stop_s``, should it come to that."""
    life = await begin(directory, Journal(f"{directory}/history", number), seed, GROUPS)
    try:
        async with asyncio.timeout(stop_s):
            await work(life)
    except TimeoutError:
        pass
    await life.link.close()


async def work(life: Life) -> None:
    """All actors, until the first fails."""
    acks_all, acks_1 = {"enable_idempotence": True}, {"acks": 1}
    kept_in_part = tuple(TopicPartition(topic, 0) for topic in ("trimmed", "retained", "latest", "latest"))
    async with asyncio.TaskGroup() as tasks:
        for actor in (
            counting_app.count(life),
            produce(life, "producer", LOGS, **acks_all),
            produce(life, "writer", LOGS[:2], **acks_1),
            produce(life, "keeper", kept_in_part, **acks_all),
            transact(life),
            counting_app.view(life),
            consume_in_group(life, "reader-0", stays=True),
            consume_in_group(life, "reader-1", stays=False),
            copy(life, "copier-0", stays=True),
            copy(life, "copier-1", stays=False),
            read_freely(life),
            churning.churn(life),
        ):
            tasks.create_task(actor)


async def drain(directory: str, number: int) -> None:
    """Let the copier and the app come to the end of their input, and stop gracefully."""
    life = await begin(directory, Journal(f"{directory}/history", number), 0, GROUPS)
    await settle(life, "transactor", "copier-1")
    async with counting_app.counting_app(life.address):
        copier = asyncio.create_task(copy(life, "copier-0", stays=True, max_records=1_000))
        await until_at_end(life, {"copies": "log-a", counting_app.GROUP: "views"}, copier)
        copier.cancel()
        await asyncio.wait([copier])
    await life.link.close()


async def look(directory: str, number: int) -> None:
    """The last life reads everything."""
    life = await begin(directory, Journal(f"{directory}/history", number), 0, GROUPS)
    await read_everything(life, GROUPS)
    await life.link.close()


async def be_refused(directory: str, owner: int) -> None:
    """Another process cannot have the directory, and is told who has it."""
    try:
        DiskFiles().lock(f"{directory}/data/LOCK")
    except DirectoryOwned as refused:
        if refused.pid == owner:
            return
        raise LifeFailed(f"process {owner} owns the directory, and the message is: {refused}") from refused
    raise LifeFailed(f"two owners of one directory: process {owner} has it open")


class Soak:
    """A run: its directory, its lives so far."""

    def __init__(self, directory: str, seed: int) -> None:
        self.directory = directory
        self.lives = 0
        self.kills = 0
        self._random = Random(seed)
        os.makedirs(f"{directory}/logs")

    def run(self, kills: int, seconds: float) -> History:
        """Live until ``kills`` kills are done and ``seconds`` are over; the history of all lives."""
        ends = time.monotonic() + seconds
        number, log = self._next()
        unharmed(log, lambda: prepare(self.directory, number), WITHIN_S)
        while self.kills < kills or time.monotonic() < ends:
            self._live_and_die()
        for last in (drain, look):
            number, log = self._next()
            unharmed(log, lambda last=last, number=number: last(self.directory, number), LAST_S_MAX)  # type: ignore[misc]
        return load(f"{self.directory}/history")

    def _live_and_die(self) -> None:
        end, seed = draw_end(self._random), self._random.getrandbits(32)
        number, log = self._next()
        pid = child(log, lambda: live(self.directory, number, seed, end.stop_s))
        code = wait(pid, end.kill_s)
        if code is None:
            if end.stop_s == LIFE_S_MAX:
                self._rival(pid, number)
            kill(pid)
            self.kills += 1
        else:
            check_end(code, log)

    def _rival(self, pid: int, number: int) -> None:
        """Now and then somebody else wants the directory of a life that has it open."""
        if self._random.random() < 0.2 and self._is_open(number):
            unharmed(f"{self.directory}/logs/rivals.txt", lambda: be_refused(self.directory, pid), WITHIN_S)

    def _is_open(self, number: int) -> bool:
        path = f"{self.directory}/history/{number:06}.jsonl"
        if not os.path.exists(path):
            return False
        with open(path, "rb") as file:
            return any(isinstance(one, Opened) for one in decode(file.read()))

    def _next(self) -> tuple[int, str]:
        self.lives += 1
        return self.lives, f"{self.directory}/logs/{self.lives:06}.txt"


def verdict(history: History) -> list[Anomaly]:
    """Everything that is wrong with the history of a soak."""
    return [*check(history), *counting_app.anomalies(history)]


def judge(directory: str, history: History, what: str) -> int:
    """Print the verdict; 0 where nothing is wrong."""
    found = verdict(history)
    print(f"{what}: {size(history)}; {len(found)} anomalies", flush=True)
    if not found:
        return 0
    print(report(history, found))
    print(_again(directory))
    return 1


def _again(directory: str) -> str:
    return f"check it again: {sys.executable} -m tests.chaos.soak --directory {directory} --check"


def main() -> int:
    """One run, as the command line asks."""
    parser = argparse.ArgumentParser(description="The kill soak.")
    parser.add_argument("--directory", required=True, help="must not be there yet, unless with --check")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=0, help="at least so many kills")
    parser.add_argument("--seconds", type=float, default=0.0, help="at least so long")
    parser.add_argument("--check", action="store_true", help="only check what an earlier run has left")
    options = parser.parse_args()
    directory = os.path.abspath(options.directory)
    if options.check:
        return judge(directory, load(f"{directory}/history"), "checked again")
    os.makedirs(directory)
    ends = time.monotonic() + options.seconds
    rounds, code = 0, 0
    while code == 0 and (rounds == 0 or time.monotonic() < ends):
        left = min(max(ends - time.monotonic(), 0.0), ROUND_S)
        code = run(f"{directory}/{rounds}", options.seed + rounds, options.kills, left)
        rounds += 1
    return code


def run(directory: str, seed: int, kills: int, seconds: float) -> int:
    """One round on a directory of its own; 0 where nothing is wrong, and then nothing is left of it."""
    soak = Soak(directory, seed)
    try:
        history = soak.run(kills, seconds)
    except LifeFailed as failed:
        print(f"after {soak.kills} kills, seed {seed}: {failed}\n{_again(directory)}")
        return 1
    code = judge(directory, history, f"{soak.kills} kills, seed {seed}")
    if code == 0:
        shutil.rmtree(directory)
    return code


if __name__ == "__main__":
    sys.exit(main())
