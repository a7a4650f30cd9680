"""A history, indexed: who sent which value, how it ended, where it was seen.

Owns: ``Facts``, one pass over a history, and the outcome of each send and transaction.
Must not know: what is an anomaly.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import Enum

from tests.chaos.operations import (
    AnyOperation,
    Begun,
    Bounds,
    Declared,
    Deleting,
    Ended,
    Ending,
    History,
    Kind,
    OffsetsAdded,
    Partition,
    Polled,
    SendFailed,
    Sending,
    Sent,
    Trimming,
)


class Outcome(Enum):
    """How something ended."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Send:
    """One call that sent values."""

    number: int
    call: Sending
    outcome: Outcome = Outcome.UNKNOWN
    offsets: tuple[int, ...] = ()


@dataclass(slots=True)
class Transaction:
    """One transaction."""

    name: str
    producer: str
    number: int
    sends: list[Send] = field(default_factory=list)
    offsets: list[OffsetsAdded] = field(default_factory=list)
    committing: int | None = None
    """The number of the operation that asked for the commit."""
    outcome: Outcome = Outcome.UNKNOWN

    @property
    def is_aborted(self) -> bool:
        """Whether it must not be visible: its abort was asked for, or its commit never was."""
        return self.committing is None

    @property
    def is_committed(self) -> bool:
        """Whether its commit was acknowledged."""
        return self.committing is not None and self.outcome is Outcome.DONE


@dataclass(slots=True)
class Log:
    """What was seen of one partition."""

    values: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    """By offset, the values seen there, each with the number of the operation that saw it first."""
    offsets: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    """By value, the offsets it was seen at."""
    committed: dict[int, int] = field(default_factory=dict)
    """The offsets that readers of committed records were given, with the first operation to do so."""
    polls: list[tuple[int, Polled]] = field(default_factory=list)
    trims: list[tuple[int, int]] = field(default_factory=list)
    """Number of the operation and offset: what may be gone since when."""
    bounds: list[tuple[int, Bounds]] = field(default_factory=list)

    @property
    def read_end(self) -> int:
        """The offset after the last that was read."""
        return max(self.values, default=-1) + 1

    @property
    def start(self) -> int:
        """Where the log was last seen to start."""
        return self.bounds[-1][1].start if self.bounds else 0

    @property
    def is_read(self) -> bool:
        """Whether the log was at last read to its end."""
        return bool(self.bounds) and bool(self.bounds[-1][1].reader)

    def final(self) -> dict[int, str]:
        """What the last reading from start to end found, by offset; empty where there was none."""
        if not self.is_read:
            return {}
        reader = self.bounds[-1][1].reader
        return {
            offset: value
            for _, polled in self.polls
            if polled.consumer == reader
            for offset, value in zip(polled.offsets, polled.values, strict=True)
        }

    def trimmed(self, number: int | None = None) -> int:
        """Below this offset records may be gone at operation ``number`` (None: at the end)."""
        return max((offset for at, offset in self.trims if number is None or at < number), default=0)


class Facts:
    """All that the checks ask for."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.sends: dict[str, Send] = {}
        self.sender: dict[tuple[Partition, str], tuple[Send, int]] = {}
        """By partition and value, the send and the place of the value in it."""
        self.transactions: dict[str, Transaction] = {}
        self.logs: dict[Partition, Log] = defaultdict(Log)
        self.topics: dict[str, Declared] = {}
        self.deleting: dict[str, int] = {}
        for number, operation in enumerate(history):
            self._take(number, operation)

    def kind(self, partition: Partition) -> Kind:
        """How records of the partition come and go."""
        declared = self.topics.get(partition.topic)
        return Kind.KEPT if declared is None else declared.kind

    def transaction_of(self, send: Send) -> Transaction | None:
        """The transaction a send belongs to."""
        return self.transactions.get(send.call.transaction)

    def is_visible(self, partition: Partition, offset: int, *, is_committed: bool) -> bool:
        """Whether the record that was seen there is for this kind of reader."""
        log = self.logs[partition]
        if not is_committed or offset in log.committed:
            return True
        for value in log.values[offset]:
            send, _ = self.sender.get((partition, value), (None, 0))
            transaction = None if send is None else self.transaction_of(send)
            if transaction is not None and not transaction.is_committed:
                return False
        return self.kind(partition) is not Kind.DERIVED

    def must_be_there(self, send: Send) -> bool:
        """Whether the values of ``send`` were promised to readers of committed records."""
        transaction = self.transaction_of(send)
        if transaction is not None:
            return transaction.is_committed and send.outcome is not Outcome.REFUSED
        return send.outcome is Outcome.DONE

    def _take(self, number: int, operation: AnyOperation) -> None:
        match operation:
            case Declared(topic=topic):
                self.topics[topic] = operation
            case Deleting(topic=topic):
                self.deleting[topic] = number
            case Trimming(partition=partition, offset=offset):
                self.logs[partition].trims.append((number, offset))
            case Bounds(partition=partition):
                self.logs[partition].bounds.append((number, operation))
            case Polled():
                self._take_polled(number, operation)
            case Sending() | Sent() | SendFailed():
                self._take_send(number, operation)
            case _:
                self._take_transaction(number, operation)

    def _take_send(self, number: int, operation: Sending | Sent | SendFailed) -> None:
        if isinstance(operation, Sending):
            send = self.sends[operation.call] = Send(number, operation)
            for place, value in enumerate(operation.values):
                self.sender[operation.partition, value] = (send, place)
            if operation.transaction:
                self.transactions[operation.transaction].sends.append(send)
            return
        send = self.sends[operation.call]
        if isinstance(operation, SendFailed):
            send.outcome = Outcome.REFUSED
        else:
            send.outcome, send.offsets = Outcome.DONE, operation.offsets

    def _take_transaction(self, number: int, operation: AnyOperation) -> None:
        match operation:
            case Begun(transaction=name, producer=producer):
                self.transactions[name] = Transaction(name, producer, number)
            case OffsetsAdded(transaction=name):
                self.transactions[name].offsets.append(operation)
            case Ending(transaction=name, commit=commit):
                # An abort after a refused commit is what counts.
                self.transactions[name].committing = number if commit else None
            case Ended(transaction=name):
                self.transactions[name].outcome = Outcome.DONE

    def _take_polled(self, number: int, polled: Polled) -> None:
        log = self.logs[polled.partition]
        for offset, value in zip(polled.offsets, polled.values, strict=True):
            log.values[offset].setdefault(value, number)
            log.offsets[value].setdefault(offset, number)
        log.polls.append((number, polled))
        if polled.is_committed:
            for offset in polled.offsets:
                log.committed.setdefault(offset, number)
