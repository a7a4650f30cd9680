"""What is to be done about transactions that a crash left open.

Owns: comparing what ``__transaction_state`` says with what each partition's own log says.
Must not know: how it is carried out.

A partition that is not in the noted transaction may well hold records of it: notes are not synced, and
only the first partition is noted at all. So the logs are asked; nobody's last stable offset may hang.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from streamz_core.broker.transactions.events import MarkersWritten
from streamz_core.broker.transactions.state import (
    DECIDED,
    EPOCH_MAX,
    NO_PRODUCER,
    Transaction,
    TransactionState,
    change,
    is_owner,
    move,
)
from streamz_core.broker.transactions.transitions import decide
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.transaction_version import TransactionVersion


class OpenInLog(NamedTuple):
    """A transaction that is open in one partition."""

    partition: TopicPartition
    producer_id: int
    producer_epoch: int


class Leftover(NamedTuple):
    """A marker that is missing in a partition, of a transaction that is over, or nobody's."""

    partition: TopicPartition
    producer_id: int
    producer_epoch: int
    is_committed: bool


class Recovered(NamedTuple):
    """The transactional ids as they really are, and markers to write besides."""

    transactions: dict[str, Transaction]
    leftovers: list[Leftover]


def reconcile(stored: Mapping[str, Transaction], found: Iterable[OpenInLog], now_ms: int) -> Recovered:
    """Give every open transaction in a log back to its transactional id, or an end."""
    transactions = dict(stored)
    owners = _owners(stored)
    leftovers: list[Leftover] = []
    for opened in found:
        transactional_id = owners.get(opened.producer_id)
        if transactional_id is None:
            leftovers.append(_nobodys(opened))
            continue
        owner = _with_known_end(transactions[transactional_id], opened, now_ms)
        if owner.state not in DECIDED and is_owner(owner, opened.producer_id, opened.producer_epoch):
            transactions[transactional_id] = _with_partition(owner, opened.partition, now_ms)
        elif opened.partition not in owner.partitions:
            leftovers.append(_overdue(stored[transactional_id], opened))
    return Recovered(transactions, leftovers)


def _owners(stored: Mapping[str, Transaction]) -> dict[int, str]:
    """Transactional ids by the producer ids they have, had, or are about to have."""
    owners: dict[int, str] = {}
    for owner in stored.values():
        owners.setdefault(owner.previous_producer_id, owner.transactional_id)
        owners[owner.next_producer_id] = owners[owner.producer_id] = owner.transactional_id
    owners.pop(NO_PRODUCER, None)
    return owners


def _with_known_end(owner: Transaction, opened: OpenInLog, now_ms: int) -> Transaction:
    """Completed, if these records show that it was.

    A producer is told its next identity only when every marker of the transaction before is durable; the
    note that says so is not synced, and may be gone. To write those markers again would end, as if it were
    the one before, the transaction that these records begin. (Where the epoch stays the next transaction
    begins with a durable announcement instead, so an end that is noted here as under way is.)
    """
    if owner.state not in DECIDED or owner.transaction_version is not TransactionVersion.V2:
        return owner
    completed = decide(owner, MarkersWritten(), now_ms).transaction
    return completed if is_owner(completed, opened.producer_id, opened.producer_epoch) else owner


def _with_partition(owner: Transaction, partition: TopicPartition, now_ms: int) -> Transaction:
    partitions = owner.partitions | {partition}
    if owner.state is TransactionState.ONGOING:
        return change(owner, partitions=partitions)
    return move(owner, TransactionState.ONGOING, now_ms, partitions=partitions, started_ms=now_ms)


def _nobodys(opened: OpenInLog) -> Leftover:
    return Leftover(opened.partition, opened.producer_id, opened.producer_epoch, is_committed=False)


def _overdue(owner: Transaction, opened: OpenInLog) -> Leftover:
    """Its transaction is over, or being ended, without this partition's marker having survived."""
    same_id = opened.producer_id == owner.producer_id
    epoch = owner.producer_epoch if same_id else min(opened.producer_epoch + 1, EPOCH_MAX)
    was_last = opened.producer_epoch + 1 == epoch if same_id else owner.producer_epoch == 0
    committed = owner.state in (TransactionState.COMPLETE_COMMIT, TransactionState.PREPARE_COMMIT)
    return Leftover(opened.partition, opened.producer_id, epoch, is_committed=was_last and committed)
