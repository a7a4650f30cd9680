"""What is to be done about transactions that a crash left open.

Owns: comparing what ``__transaction_state`` says with what each partition's own log says.
Must not know: how it is carried out.

A partition that is not in the noted transaction may well hold records of it: notes are not synced, and
only the first partition is noted at all. So the logs are asked; nobody's last stable offset may hang.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from streamz_core.broker.transactions.state import (
    EPOCH_MAX,
    SETTLED,
    Transaction,
    TransactionState,
    change,
    move,
)
from streamz_core.model import TopicPartition


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
    owners = {t.producer_id: t.transactional_id for t in stored.values()}
    owners |= {
        t.previous_producer_id: t.transactional_id
        for t in stored.values()
        if t.previous_producer_id not in owners
    }
    leftovers: list[Leftover] = []
    for opened in found:
        owner = transactions.get(owners.get(opened.producer_id, ""))
        if owner is None:
            leftovers.append(_nobodys(opened))
        elif _is_present(owner, opened):
            transactions[owner.transactional_id] = _with_partition(owner, opened.partition, now_ms)
        elif opened.partition not in owner.partitions:
            leftovers.append(_overdue(owner, opened))
    return Recovered(transactions, leftovers)


def _is_present(owner: Transaction, opened: OpenInLog) -> bool:
    is_its = opened.producer_id == owner.producer_id and opened.producer_epoch == owner.producer_epoch
    return is_its and (owner.state in SETTLED or owner.state is TransactionState.ONGOING)


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
