"""Harness H2 for what is kept in RocksDB: killed at a system call, of any thread, before it or after it.

Owns: two workloads, the bare store and the app on a log with its tables, and what they must leave:
a store is at every time the fold of what was written up to its position, and that is not below what a
flush has promised; an app ends with the figures of its input. Run it by itself::

    python -m tests.chaos.state_killer --directory DIR --points 500 --seed 1

Must not know: RocksDB's files.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

import msgspec

from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.state.rocksdb import MemoryBudget, RocksDatabase
from streamz_core.state.store import NO_POSITION
from tests.chaos import counting_app, syscall_trap
from tests.chaos.checker import check, report
from tests.chaos.churning import DECLARED, TOPICS, create
from tests.chaos.journal import Journal, load
from tests.chaos.last_lives import read_everything, until_at_end
from tests.chaos.life import begin
from tests.chaos.operations import Kind
from tests.chaos.processes import Main, child, kill, unharmed, wait

STORES = ("totals", "windows")
WRITES = 60
FLUSH_EVERY = 7
STORE_CALLS = 320
APP_CALLS = 330
"""About as many system calls each workload makes."""
WITHIN_S = 60.0
GROUPS = {counting_app.GROUP: "views"}


class Seen(NamedTuple):
    """What is in one store."""

    position: int
    entries: dict[str, str]


def changes(number: int) -> list[tuple[bytes, bytes | None]]:
    """What the write after which the position is ``number + 1`` changes, sorted by key."""
    change: dict[bytes, bytes | None] = {b"k%d" % (number % 7): b"%d" % number}
    if number % 5 == 0:
        change[b"k%d" % (number * 3 % 7)] = None
    return sorted(change.items())


def fold(position: int) -> dict[str, str]:
    """What has to be in a store at ``position``."""
    entries: dict[str, str] = {}
    for number in range(position):
        for key, value in changes(number):
            if value is None:
                entries.pop(key.decode(), None)
            else:
                entries[key.decode()] = value.decode()
    return entries


def opened(directory: str) -> RocksDatabase:
    """The database of the workload."""
    return RocksDatabase(f"{directory}/state", dict.fromkeys(STORES, "topic"), MemoryBudget(8 << 20))


async def write_stores(directory: str) -> None:
    """Go on writing where each store is; what a flush has promised is noted outside of the state."""
    notes = os.open(f"{directory}/flushed.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    database = opened(directory)
    for number in range(WRITES):
        for name in STORES:
            store = database.store(name)
            position = max(store.position(), 0)
            store.write(changes(position), position + 1)
        if number % FLUSH_EVERY == 0:
            database.flush(wait=number % 2 == 0)
            if number % 2 == 0:
                positions = [database.store(name).position() for name in STORES]
                os.write(notes, msgspec.json.encode(positions) + b"\n")
    database.close()


async def look_into_stores(directory: str) -> None:
    """Note what is in the stores."""
    database = opened(directory)
    seen = {}
    for name in STORES:
        store = database.store(name)
        entries = {key.decode(): value.decode() for key, value in store.scan()}
        seen[name] = Seen(store.position(), entries)
    database.close()
    with open(f"{directory}/seen.json", "wb") as file:
        file.write(msgspec.json.encode(seen))


def wrong_with_stores(directory: str) -> Iterator[str]:
    """Every broken promise of the stores, in words."""
    flushed = [0] * len(STORES)
    if os.path.exists(f"{directory}/flushed.txt"):
        with open(f"{directory}/flushed.txt", "rb") as file:
            for line in file.read().split(b"\n")[:-1]:
                flushed = msgspec.json.decode(line, type=list[int])
    with open(f"{directory}/seen.json", "rb") as file:
        seen = msgspec.json.decode(file.read(), type=dict[str, Seen])
    for name, promised in zip(STORES, flushed, strict=True):
        position, entries = seen[name]
        if max(position, 0) < promised or (position == NO_POSITION and entries):
            yield f"store {name} is at {position}, flushed up to {promised}"
        if entries != fold(max(position, 0)):
            yield f"store {name} at {position} holds {entries}, the fold is {fold(max(position, 0))}"


def kill_stores(directory: str, trap: Trap, points: int) -> None:
    """Kill the bare store ``points`` times; raises ``AssertionError`` with what is wrong."""
    log = f"{directory}/log.txt"
    os.makedirs(directory)
    for _ in range(points):
        trap.kill(log, lambda: write_stores(directory))
        unharmed(log, lambda: look_into_stores(directory), WITHIN_S)
        wrong = list(wrong_with_stores(directory))
        if wrong:
            raise AssertionError(f"{trap}: {'; '.join(wrong)}; left in {directory}")
    shutil.rmtree(directory)


async def fill_log(directory: str) -> None:
    """Make the app's topics and write its input."""
    life = await begin(directory, Journal(f"{directory}/history", 1), 0, {})
    life.journal.write(*(one for one in DECLARED if one.kind is Kind.DERIVED))
    async with (
        AIOKafkaAdminClient(bootstrap_servers=life.link) as admin,
        AIOKafkaProducer(bootstrap_servers=life.link, enable_idempotence=True) as producer,
    ):
        for topic in ("views", "counts", "finals"):
            await create(life, admin, topic, *TOPICS[topic])
        for number in range(40):
            timestamps = [1_000_000 + number * 100 + place for place in range(5)]
            await counting_app.send_views(life, producer, number % counting_app.KEYS, timestamps)
    await life.link.close()


async def run_app(directory: str, number: int) -> None:
    """One life of the app, to the end of its input."""
    life = await begin(directory, Journal(f"{directory}/history", number), 0, GROUPS)
    async with counting_app.counting_app(life.address, commit_every=20):
        await until_at_end(life, GROUPS, None)
    await life.link.close()


async def look_at_app(directory: str, number: int) -> None:
    """Read what the app has made."""
    life = await begin(directory, Journal(f"{directory}/history", number), 0, GROUPS)
    await read_everything(life, GROUPS)
    await life.link.close()


def kill_app(directory: str, trap: Trap, kills: int) -> None:
    """Kill the app ``kills`` times on its way; raises ``AssertionError`` with what is wrong."""
    os.makedirs(directory)
    log = f"{directory}/log.txt"
    unharmed(log, lambda: fill_log(directory), WITHIN_S)
    for number in range(2, kills + 2):
        trap.kill(log, lambda number=number: run_app(directory, number))  # type: ignore[misc]
    unharmed(log, lambda: run_app(directory, kills + 2), WITHIN_S)
    unharmed(log, lambda: look_at_app(directory, kills + 3), WITHIN_S)
    history = load(f"{directory}/history")
    found = [*check(history), *counting_app.anomalies(history)]
    if found:
        raise AssertionError(f"{trap}: {report(history, found)}; left in {directory}")
    shutil.rmtree(directory)


class Trap:
    """Kills at system calls drawn from a seed; by the clock where children cannot be traced."""

    def __init__(self, directory: str, random: Random, calls_max: int, seconds_max: float) -> None:
        self.is_exact = syscall_trap.works(f"{directory}/trap.txt")
        self.deaths = 0
        self.last = ""
        self._random = random
        self._calls_max = calls_max
        self._seconds_max = seconds_max

    def __str__(self) -> str:
        return f"killed {self.last}"

    def kill(self, log: str, main: Main) -> None:
        """Run ``main()`` in a child and kill it somewhere; it may be over before."""
        if self.is_exact:
            call, is_after = self._random.randint(1, self._calls_max), self._random.random() < 0.5
            self.last = f"{'after' if is_after else 'before'} system call {call}"
            code: int | None = syscall_trap.run(log, main, call, is_after=is_after, within_s=WITHIN_S).code
        else:
            seconds = self._random.uniform(0, self._seconds_max)
            self.last = f"after {seconds * 1000:.1f} ms"
            pid = child(log, main)
            code = wait(pid, seconds)
            if code is None:
                kill(pid)
                code = -signal.SIGKILL
        if code not in (0, -signal.SIGKILL):
            raise AssertionError(f"a life ended with {code}: see {log}")
        self.deaths += code != 0


def main() -> int:
    """Kill the stores at many points, and the app at a tenth of them."""
    parser = argparse.ArgumentParser(description="The syscall killer for what is kept in RocksDB.")
    parser.add_argument("--directory", required=True, help="must not be there yet")
    parser.add_argument("--points", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    directory = os.path.abspath(options.directory)
    os.makedirs(directory)
    random = Random(options.seed)
    stores, app = Trap(directory, random, STORE_CALLS, 0.1), Trap(directory, random, APP_CALLS, 0.5)
    kill_stores(f"{directory}/stores", stores, options.points)
    for number in range(options.points // 10):
        kill_app(f"{directory}/app-{number}", app, 3)
    how = "at system calls" if stores.is_exact else "by the clock"
    print(f"{stores.deaths} deaths of bare stores and {app.deaths} of apps, {how}, seed {options.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
