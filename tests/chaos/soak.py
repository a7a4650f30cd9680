"""Harness H3, the kill soak: lives on one data directory, most of them ended by ``kill -9``.

Owns: how lives begin and end, when they are killed, the last two that work off what is left and read
everything, and the verdict. Run it by itself::

    python -m tests.chaos.soak --directory DIR --seed 1 --kills 60
    python -m tests.chaos.soak --directory DIR --seed 1 --seconds 3600

Must not know: what actors do.

A life is a forked child, so that it begins within milliseconds. It is killed by its pid, at a moment
drawn from the seed: while it opens and recovers, while it works, while it closes. What a failed run
leaves is enough to check it again (``python -m tests.chaos.checker DIR/history``).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Coroutine
from random import Random
from typing import Any, NamedTuple

from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.model import TopicPartition
from tests.chaos import churning, counting_app
from tests.chaos.checker import check, report, size
from tests.chaos.consuming import Member, consume_in_group, copy, read_freely
from tests.chaos.journal import Journal, load
from tests.chaos.life import Life, begin, note_bounds, note_committed
from tests.chaos.operations import Bounds, History, Positioned
from tests.chaos.producing import LOGS, produce, transact

GROUPS = {"readers": "log-a", "copies": "log-a", counting_app.GROUP: "views"}
LIFE_S_MAX = 60.0
"""A life that was to end by itself and has not by then is a failure, not a wait."""
DRAIN_S_MAX = 60.0


class Moment(NamedTuple):
    """When a life ends: by itself after ``stop_s``, or killed after ``kill_s``, whichever is first."""

    stop_s: float
    kill_s: float


def moment(random: Random) -> Moment:
    """Draw how a life ends."""
    kill_s = random.choice(
        (
            random.uniform(0.0, 0.03),  # opening
            random.uniform(0.03, 0.15),  # opening a larger directory, the first steps
            random.uniform(0.15, 0.8),  # working
            random.uniform(0.15, 0.8),
        )
    )
    # One in eight stops by itself, and may be killed while it closes.
    return (
        Moment(kill_s, kill_s + random.uniform(0.0, 0.2))
        if random.random() < 0.125
        else Moment(LIFE_S_MAX, kill_s)
    )


async def work(life: Life) -> None:
    """All actors, until the first fails."""
    acks_1 = {"acks": 1}
    idempotent = {"enable_idempotence": True}
    async with counting_app.counting_app(life.address), asyncio.TaskGroup() as tasks:
        actors = (
            produce(life, "producer", LOGS, **idempotent),
            produce(life, "writer", LOGS[:2], **acks_1),
            produce(
                life,
                "keeper",
                tuple(TopicPartition(topic, 0) for topic in ("trimmed", "retained", "latest", "latest")),
                **idempotent,
            ),
            transact(life),
            counting_app.view(life),
            consume_in_group(life, "reader-0", stays=True),
            consume_in_group(life, "reader-1", stays=False),
            copy(life, "copier-0", stays=True),
            copy(life, "copier-1", stays=False),
            read_freely(life),
            churning.churn(life),
        )
        for actor in actors:
            tasks.create_task(actor)


async def live(directory: str, number: int, seed: int, stop_s: float) -> None:
    """One life, from opening to a graceful end after ``stop_s``, should it come to that."""
    life = await begin(directory, Journal(f"{directory}/history", number), seed, GROUPS)
    if "log-a" not in life.topic_ids:
        await churning.prepare(life)
    try:
        async with asyncio.timeout(stop_s):
            await work(life)
    except TimeoutError:
        pass
    await life.link.close()


async def prepare(directory: str, number: int) -> None:
    """The first life, which nobody kills: it makes the topics."""
    life = await begin(directory, Journal(f"{directory}/history", number), 0, {})
    await churning.prepare(life)
    await life.link.close()


async def drain(directory: str, number: int, seed: int) -> None:
    """Let those who make topics from topics come to the end of their input, and stop gracefully."""
    life = await begin(directory, Journal(f"{directory}/history", number), seed, GROUPS)
    async with (
        counting_app.counting_app(life.address),
        AIOKafkaAdminClient(bootstrap_servers=life.link) as admin,
    ):
        # Its start ends what the last life left open, so that others can read on.
        transactor = asyncio.create_task(settle(life))
        copier = asyncio.create_task(copy(life, "copier-0", stays=True))
        other = asyncio.create_task(settle(life, "copier-1"))
        async with asyncio.timeout(DRAIN_S_MAX):
            for group, topic in (("copies", "log-a"), (counting_app.GROUP, "views")):
                await until_at_end(life, admin, group, topic, copier)
        copier.cancel()
        await asyncio.gather(copier, transactor, other, return_exceptions=True)
    await life.link.close()


async def settle(life: Life, transactional_id: str = "transactor") -> None:
    """Take over a transactional id, which ends the transaction a killed process left open."""
    from streamz_core.client.producer.producer import AIOKafkaProducer

    async with AIOKafkaProducer(bootstrap_servers=life.link, transactional_id=transactional_id):
        pass


async def until_at_end(
    life: Life, admin: AIOKafkaAdminClient, group: str, topic: str, copier: asyncio.Task[None]
) -> None:
    """Wait until no record of ``topic`` is left for ``group``."""
    member = Member(life, "lookout")
    async with member.consumer as consumer:
        while True:
            if copier.done():
                copier.result()
            left = 0
            for number in range(2):
                partition = TopicPartition(topic, number)
                committed = await note_committed(life, admin, group, [partition])
                consumer.assign([partition])
                consumer.seek(partition, committed[partition])
                given = await consumer.getcolumns(timeout_ms=100, max_records=1)
                left += sum(len(columns) for columns in given.values())
            if left == 0:
                return
            await asyncio.sleep(0.05)


async def read_everything(directory: str, number: int) -> None:
    """The last life: every log from start to end, and every group's offsets."""
    life = await begin(directory, Journal(f"{directory}/history", number), 0, GROUPS)
    topics = await life.learn_topics()
    partitions = [TopicPartition(topic, n) for topic, count in topics.items() for n in range(count)]
    async with AIOKafkaAdminClient(bootstrap_servers=life.link) as admin:
        bounds = await note_bounds(life, admin, partitions)
        for group, topic in GROUPS.items():
            await note_committed(life, admin, group, [p for p in partitions if p.topic == topic])
    for partition in partitions:
        await read_partition(life, partition, *bounds[partition])
    await life.link.close()


async def read_partition(life: Life, partition: TopicPartition, start: int, end: int) -> None:
    """Read one log from start to end."""
    member, at = Member(life, "last"), life.partition(partition)
    async with member.consumer as consumer:
        consumer.assign([partition])
        consumer.seek(partition, start)
        life.journal.write(Positioned(member.name, at, start))
        async with asyncio.timeout(DRAIN_S_MAX):
            while await consumer.position(partition) < end:
                await member.poll(timeout_ms=200, max_records=5_000)
    life.journal.write(Bounds(at, start, end, member.name))


def child(directory: str, number: int, main: Coroutine[Any, Any, None]) -> int:
    """Fork a child that runs ``main`` and ends with 0, or with 1 and the reason in its log; its pid."""
    pid = os.fork()
    if pid:
        main.close()
        return pid
    code = 1
    try:
        log = os.open(f"{directory}/logs/{number:06}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        asyncio.run(main)
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the parent reads it in the log
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def wait(pid: int, within_s: float) -> int | None:
    """Wait for a child; its exit code (below 0: the signal it died of), or None where it goes on."""
    ends = time.monotonic() + within_s
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        left = ends - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(left, 0.002))


class LifeFailed(AssertionError):
    """A life ended in a way it should not have."""


class Soak:
    """A run: its directory, its lives so far."""

    def __init__(self, directory: str, seed: int) -> None:
        self.directory = directory
        self.random = Random(seed)
        self.lives = 0
        self.kills = 0
        os.makedirs(f"{directory}/logs", exist_ok=True)

    def unharmed(self, make: Any, *more: Any) -> None:
        """A life that nobody kills."""
        self.lives += 1
        pid = child(self.directory, self.lives, make(self.directory, self.lives, *more))
        code = wait(pid, 2 * DRAIN_S_MAX)
        if code is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self._check(code)

    def killed(self) -> None:
        """A life that is killed, unless it ends by itself before."""
        self.lives += 1
        end = moment(self.random)
        seed = self.random.getrandbits(32)
        pid = child(self.directory, self.lives, live(self.directory, self.lives, seed, end.stop_s))
        code = wait(pid, end.kill_s)
        if code is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self.kills += 1
        else:
            self._check(code)

    def finish(self) -> History:
        """Work off what is left, read everything; the history of all lives."""
        self.unharmed(drain, self.random.getrandbits(32))
        self.unharmed(read_everything)
        return load(f"{self.directory}/history")

    def _check(self, code: int | None) -> None:
        if code == 0:
            return
        path = f"{self.directory}/logs/{self.lives:06}.txt"
        with open(path, encoding="utf-8", errors="replace") as file:
            told = file.read()[-6000:]
        how = "was still alive when it should long have ended" if code is None else f"ended with {code}"
        raise LifeFailed(f"life {self.lives} {how}; {path} says:\n{told}")


def verdict(history: History) -> list[Any]:
    """Everything that is wrong with the history of a soak."""
    return [*check(history), *counting_app.anomalies(history)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", required=True, help="must not be there yet")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0)
    options = parser.parse_args()
    os.makedirs(options.directory)
    soak = Soak(os.path.abspath(options.directory), options.seed)
    ends = time.monotonic() + options.seconds
    soak.unharmed(prepare)
    while soak.kills < options.kills or time.monotonic() < ends:
        soak.killed()
    history = soak.finish()
    found = verdict(history)
    print(f"{soak.kills} kills, seed {options.seed}: {size(history)}, {len(found)} anomalies", flush=True)
    if found:
        print(report(history, found))
        print(f"check it again: {sys.executable} -m tests.chaos.checker {soak.directory}/history")
        return 1
    shutil.rmtree(soak.directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
