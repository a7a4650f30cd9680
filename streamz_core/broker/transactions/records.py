"""Kafka's record formats of ``__transaction_state``.

Owns: key (version 0) and value (written as version 1; 0 and 1 are read) of a transactional id.
Must not know: the log, or what the coordinator does with them.

Source: the message definitions of Apache Kafka's transaction coordinator (TransactionLogKey,
TransactionLogValue); status 7 exists there in memory only.
"""

from __future__ import annotations

from typing import Final

from streamz_core.broker.record_fields import FieldReader, FieldWriter
from streamz_core.broker.transactions.state import NO_PRODUCER, Transaction, TransactionState
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.transaction_version import TransactionVersion

_PREVIOUS_PRODUCER_ID: Final = 0
_NEXT_PRODUCER_ID: Final = 1
_CLIENT_TRANSACTION_VERSION: Final = 2


def transaction_key(transactional_id: str) -> bytes:
    """The key of a transactional id, version 0."""
    return FieldWriter().int16(0).string(transactional_id).take()


def transaction_value(transaction: Transaction) -> bytes:
    """The value of a transactional id, version 1."""
    writer = FieldWriter().int16(1)
    writer.int64(transaction.producer_id).int16(transaction.producer_epoch)
    writer.int32(transaction.timeout_ms).int8(transaction.state)
    _write_partitions(writer, transaction)
    writer.int64(transaction.updated_ms).int64(transaction.started_ms)
    tagged = {_CLIENT_TRANSACTION_VERSION: transaction.transaction_version.to_bytes(2)}
    if transaction.previous_producer_id != NO_PRODUCER:
        tagged[_PREVIOUS_PRODUCER_ID] = transaction.previous_producer_id.to_bytes(8)
    if transaction.next_producer_id != NO_PRODUCER:
        tagged[_NEXT_PRODUCER_ID] = transaction.next_producer_id.to_bytes(8)
    return writer.tagged_fields(tagged).take()


def _write_partitions(writer: FieldWriter, transaction: Transaction) -> None:
    if transaction.state is TransactionState.EMPTY:
        writer.uvarint(0)  # null, as Kafka has it
        return
    by_topic: dict[str, list[int]] = {}
    for partition in sorted(transaction.partitions):
        by_topic.setdefault(partition.topic, []).append(partition.partition)
    writer.uvarint(len(by_topic) + 1)
    for topic, indexes in by_topic.items():
        writer.compact_string(topic).uvarint(len(indexes) + 1)
        for index in indexes:
            writer.int32(index)
        writer.tagged_fields({})


def read_key(key: bytes) -> str | None:
    """The transactional id a record is about; None for a kind that is not known here."""
    reader = FieldReader(key, "__transaction_state key")
    return reader.string() if reader.int16() == 0 else None


def read_transaction(transactional_id: str, value: bytes) -> Transaction:
    """A transactional id as it was stored, versions 0 and 1."""
    reader = FieldReader(value, f"state of transactional id {transactional_id!r}")
    version = reader.int16()
    if version not in (0, 1):
        raise reader.corrupt(f"version {version} is not known")
    producer_id, producer_epoch = reader.int64(), reader.int16()
    timeout_ms, status = reader.int32(), reader.int8()
    if not TransactionState.EMPTY <= status <= TransactionState.DEAD:
        raise reader.corrupt(f"status {status} is not known")
    partitions = _read_partitions(reader, is_flexible=version == 1)
    updated_ms, started_ms = reader.int64(), reader.int64()
    tagged = reader.tagged_fields() if version == 1 else {}
    return Transaction(
        transactional_id=transactional_id,
        state=TransactionState(status),
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        previous_producer_id=_tagged_id(tagged, _PREVIOUS_PRODUCER_ID),
        next_producer_id=_tagged_id(tagged, _NEXT_PRODUCER_ID),
        timeout_ms=timeout_ms,
        transaction_version=_transaction_version(tagged),
        partitions=partitions,
        started_ms=started_ms,
        updated_ms=updated_ms,
    )


def _transaction_version(tagged: dict[int, bytes]) -> TransactionVersion:
    level = int.from_bytes(tagged.get(_CLIENT_TRANSACTION_VERSION, b""))
    return TransactionVersion.V2 if level >= TransactionVersion.V2 else TransactionVersion.V1


def _tagged_id(tagged: dict[int, bytes], tag: int) -> int:
    return int.from_bytes(tagged[tag], signed=True) if tag in tagged else NO_PRODUCER


def _read_partitions(reader: FieldReader, *, is_flexible: bool) -> frozenset[TopicPartition]:
    partitions: list[TopicPartition] = []
    for _ in range(reader.compact_count() if is_flexible else reader.count()):
        topic = reader.compact_string() if is_flexible else reader.string()
        count = reader.compact_count() if is_flexible else reader.count()
        partitions += [TopicPartition(topic, reader.int32()) for _ in range(count)]
        if is_flexible:
            reader.tagged_fields()
    return frozenset(partitions)
