"""Good histories: a log without fault in a few lines, used at random and killed at random.

Owns: ``good_history``, what clients of such a log would have written down.
Must not know: the checker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from tests.chaos.operations import (
    AnyOperation,
    Assigned,
    Begun,
    Bounds,
    Committed,
    CommittedSeen,
    Committing,
    Declared,
    Ended,
    Ending,
    History,
    OffsetsAdded,
    Opened,
    Opening,
    Partition,
    Polled,
    Positioned,
    SendFailed,
    Sending,
    Sent,
    Trimming,
)

PARTITIONS = tuple(Partition(topic, number) for topic in ("t", "u") for number in range(2))
COPIED = tuple(partition for partition in PARTITIONS if partition.topic == "t")
OUTPUTS = tuple(Partition("out", number) for number in range(2))
ACTIONS = (
    "send",
    "send",
    "refused",
    "transaction",
    "transaction",
    "poll",
    "poll",
    "poll",
    "commit",
    "copy",
    "trim",
    "crash",
)


@dataclass(slots=True)
class Entry:
    """A record, or a transaction's marker (``value`` is None)."""

    value: str | None
    transaction: str = ""


@dataclass(slots=True)
class World:
    """A log without fault, its clients, and what they write down."""

    random: Random
    history: list[AnyOperation] = field(default_factory=list)
    logs: dict[Partition, list[Entry]] = field(default_factory=dict)
    starts: dict[Partition, int] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    positions: dict[tuple[str, Partition], int] = field(default_factory=dict)
    offsets: dict[tuple[str, Partition], int] = field(default_factory=dict)
    names: int = 0
    life: int = 0

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def add(self, *operations: AnyOperation) -> None:
        self.history += operations

    def append(self, partition: Partition, values: tuple[str, ...], transaction: str = "") -> tuple[int, ...]:
        log = self.logs.setdefault(partition, [])
        first = len(log)
        log += [Entry(value, transaction) for value in values]
        return tuple(range(first, len(log)))

    def visible(self, partition: Partition, start: int, *, is_committed: bool) -> list[tuple[int, str]]:
        """Offset and value of what a reader at ``start`` is given."""
        found = []
        for offset, entry in enumerate(self.logs.get(partition, [])):
            state = self.state.get(entry.transaction, "committed")
            if is_committed and state == "open":
                break
            is_shown = entry.value is not None and (state == "committed" or not is_committed)
            if is_shown and offset >= max(start, self.starts.get(partition, 0)):
                found.append((offset, entry.value or ""))
        return found

    def send(
        self, producer: str, partition: Partition, values: tuple[str, ...], transaction: str = ""
    ) -> None:
        call = self.name()
        self.add(Sending(call, producer, partition, values, transaction=transaction))
        self.add(Sent(call, self.append(partition, values, transaction)))

    def fresh(self) -> tuple[str, ...]:
        return tuple(self.name() for _ in range(self.random.randint(1, 3)))

    def act(self, action: str) -> None:
        getattr(self, f"do_{action}")()

    def do_send(self) -> None:
        partition, values = self.random.choice(PARTITIONS), self.fresh()
        if self.random.random() < 0.1:
            # In flight at the kill: it got there or it did not, and nobody was told.
            self.add(Sending(self.name(), "p", partition, values))
            if self.random.random() < 0.5:
                self.append(partition, values)
            self.do_crash()
            return
        self.send(self.random.choice("pq"), partition, values)

    def do_refused(self) -> None:
        call = self.name()
        self.add(Sending(call, "p", self.random.choice(PARTITIONS), self.fresh()), SendFailed(call))

    def do_transaction(self) -> None:
        transaction = self.name()
        self.begin(transaction, "x")
        for partition in self.random.sample(PARTITIONS, self.random.randint(1, 3)):
            self.send("x", partition, self.fresh(), transaction)
        if self.random.random() < 0.3:
            self.do_poll()
        self.end(transaction, self.random.choice(("commit", "commit", "commit", "abort", "unknown", "left")))

    def begin(self, transaction: str, producer: str) -> None:
        self.add(Begun(transaction, producer))
        self.state[transaction] = "open"

    def end(self, transaction: str, how: str) -> bool:
        """End a transaction; whether it is committed."""
        if how in {"unknown", "left"}:
            is_committed = how == "unknown" and self.random.random() < 0.5
            if how == "unknown":
                self.add(Ending(transaction, True))
        else:
            is_committed = how == "commit"
            self.add(Ending(transaction, is_committed), Ended(transaction))
        self.state[transaction] = "committed" if is_committed else "aborted"
        for log in self.logs.values():
            if any(entry.transaction == transaction for entry in log):
                log.append(Entry(None))
        if how in {"unknown", "left"}:
            self.do_crash()
        return is_committed

    def do_poll(self) -> None:
        consumer = self.random.choice(("committed", "any"))
        partition = self.random.choice(PARTITIONS)
        self.poll(consumer, partition, is_committed=consumer == "committed")

    def poll(
        self, consumer: str, partition: Partition, *, is_committed: bool = True, group: str = ""
    ) -> list[tuple[int, str]]:
        reading = (f"{consumer}/{self.life}", partition)
        if reading not in self.positions or (not group and self.random.random() < 0.1):
            self.positions[reading] = self.offsets.get((group, partition), 0)
            self.add(Positioned(*reading, self.positions[reading]))
        found = self.visible(partition, self.positions[reading], is_committed=is_committed)
        found = found[: self.random.randint(1, 6)]
        if found:
            offsets, values = zip(*found, strict=True)
            self.add(Polled(*reading, offsets, values, is_committed=is_committed, group=group))
            self.positions[reading] = offsets[-1] + 1
        return found

    def do_commit(self) -> None:
        partition = self.random.choice(PARTITIONS)
        self.poll("member", partition, group="g")
        offset, call = self.positions[f"member/{self.life}", partition], self.name()
        self.add(Committing(call, f"member/{self.life}", "g", partition, offset, self.life))
        if self.random.random() < 0.9:
            self.offsets["g", partition] = offset
            self.add(Committed(call))
        else:
            if self.random.random() < 0.5:
                self.offsets["g", partition] = offset
            self.do_crash()
        self.add(CommittedSeen("g", partition, self.offsets.get(("g", partition))))

    def do_copy(self) -> None:
        partition, transaction = self.random.choice(COPIED), self.name()
        life = self.life
        found = self.poll("copier", partition, group="copies")
        if not found:
            return
        self.begin(transaction, "copier")
        for _, value in found:
            self.send("copier", self.random.choice(OUTPUTS), (f"{value}>{self.name()}",), transaction)
        offset = found[-1][0] + 1
        self.add(OffsetsAdded(transaction, "copies", partition, offset))
        how = self.random.choice(("commit", "commit", "commit", "abort", "unknown", "left"))
        if self.end(transaction, how):
            self.offsets["copies", partition] = offset
        elif self.life == life:
            self.positions.pop((f"copier/{life}", partition))  # the next poll begins where the group is

    def do_trim(self) -> None:
        partition = PARTITIONS[-1]  # not of the topic that is copied: who wants each copied keeps them
        start = self.random.randint(self.starts.get(partition, 0), len(self.logs.get(partition, [])))
        self.starts[partition] = start
        self.add(Trimming(partition, start))
        self.add(Bounds(partition, start, len(self.logs.get(partition, []))))

    def do_crash(self) -> None:
        self.state.update((name, "aborted") for name, state in self.state.items() if state == "open")
        self.life += 1
        self.add(Opening(self.life), Opened(()))
        self.add(Assigned(f"member/{self.life}", "g", self.life, PARTITIONS))

    def finish(self) -> None:
        """Read everything to its end."""
        self.do_crash()
        for partition in (*PARTITIONS, *OUTPUTS):
            found = self.visible(partition, 0, is_committed=True)
            start = self.starts.get(partition, 0)
            self.add(Positioned("last", partition, start))
            if found:
                offsets, values = zip(*found, strict=True)
                self.add(Polled("last", partition, offsets, values))
            self.add(Bounds(partition, start, len(self.logs.get(partition, [])), "last"))
            for group in ("g", "copies"):
                self.add(CommittedSeen(group, partition, self.offsets.get((group, partition))))


def good_history(random: Random, steps: int) -> History:
    """What ``steps`` actions on a log without fault leave behind."""
    world = World(random)
    world.add(Declared("out", source="t", group="copies"), Opening(0), Opened(()))
    for _ in range(steps):
        world.act(random.choice(ACTIONS))
    world.finish()
    return tuple(world.history)
