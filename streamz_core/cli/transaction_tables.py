"""What ``streamz transactions`` prints: Kafka's columns, or the same as JSON.

Owns: titles, cells and the names of JSON fields.
Must not know: how any of it was found out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import click

from streamz_core.cli.table import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streamz_core.client.transaction_answers import (
        HangingTransaction,
        ProducerState,
        TransactionDescription,
        TransactionListing,
    )

_MINUTE_MS = 60_000


class Rows(NamedTuple):
    """A table; None is a cell that has no value."""

    titles: Sequence[str]
    cells: list[list[int | str | None]]


def show(rows: Rows, *, as_json: bool) -> None:
    """Print a table: as Kafka does, or as a list of objects."""
    if as_json:
        fields = [_field(title) for title in rows.titles]
        click.echo(json.dumps([dict(zip(fields, row, strict=True)) for row in rows.cells], indent=2))
        return
    # Kafka's word for what is not there.
    cells = [["None" if cell is None else cell for cell in row] for row in rows.cells]
    click.echo(table(rows.titles, cells))


def _field(title: str) -> str:
    """``ProducerId`` as ``producer_id``."""
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in title)
    return words.strip("_").replace("(min)", "_minutes")


def listings(listed: Iterable[TransactionListing], broker_id: int) -> Rows:
    """Of ``list``."""
    titles = ("TransactionalId", "Coordinator", "ProducerId", "TransactionState")
    return Rows(
        titles, [[one.transactional_id, broker_id, one.producer_id, one.state.value] for one in listed]
    )


def description(transactional_id: str, found: TransactionDescription, now_ms: int) -> Rows:
    """Of ``describe``."""
    titles = (
        "CoordinatorId",
        "TransactionalId",
        "ProducerId",
        "ProducerEpoch",
        "TransactionState",
        "TransactionTimeoutMs",
        "CurrentTransactionStartTimeMs",
        "TransactionDurationMs",
        "TopicPartitions",
    )
    start_ms = found.transaction_start_time_ms
    partitions = ",".join(f"{one.topic}-{one.partition}" for one in sorted(found.topic_partitions))
    row: list[int | str | None] = [
        found.coordinator_id,
        transactional_id,
        found.producer_id,
        found.producer_epoch,
        found.state.value,
        found.transaction_timeout_ms,
        start_ms,
        None if start_ms is None else now_ms - start_ms,
        partitions,
    ]
    return Rows(titles, [row])


def producers(found: Iterable[ProducerState]) -> Rows:
    """Of ``describe-producers``."""
    titles = (
        "ProducerId",
        "ProducerEpoch",
        "LatestCoordinatorEpoch",
        "LastSequence",
        "LastTimestamp",
        "CurrentTransactionStartOffset",
    )
    cells: list[list[int | str | None]] = [
        [
            one.producer_id,
            one.producer_epoch,
            _or_none(one.coordinator_epoch),
            one.last_sequence,
            one.last_timestamp,
            one.current_transaction_start_offset,
        ]
        for one in found
    ]
    return Rows(titles, cells)


def hanging(found: Iterable[HangingTransaction], now_ms: int) -> Rows:
    """Of ``find-hanging``."""
    titles = (
        "Topic",
        "Partition",
        "ProducerId",
        "ProducerEpoch",
        "CoordinatorEpoch",
        "StartOffset",
        "LastTimestamp",
        "Duration(min)",
    )
    cells: list[list[int | str | None]] = [
        [
            partition.topic,
            partition.partition,
            producer.producer_id,
            producer.producer_epoch,
            _or_none(producer.coordinator_epoch),
            producer.current_transaction_start_offset,
            producer.last_timestamp,
            (now_ms - producer.last_timestamp) // _MINUTE_MS,
        ]
        for partition, producer in found
    ]
    return Rows(titles, cells)


def _or_none(coordinator_epoch: int | None) -> int:
    """Kafka's number for no epoch."""
    return -1 if coordinator_epoch is None else coordinator_epoch
