"""Frozen values that every layer speaks.

Owns: topic-partitions, offsets and records as values; their field names and order are aiokafka's,
so that ``streamz_core.aiokafka.structs`` is these very classes.
Must not know: bytes, files, brokers, event loops.
"""

from __future__ import annotations

from dataclasses import make_dataclass
from enum import Enum
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

KT = TypeVar("KT")
VT = TypeVar("VT")

Header = tuple[str, bytes | None]
"""One record header; a key may occur more than once, order is kept."""


class TopicPartition(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int


class OffsetAndMetadata(NamedTuple):
    """A committed offset (the next to read) and the text its committer left beside it."""

    offset: int
    metadata: str = ""


class OffsetAndTimestamp(NamedTuple):
    """The first offset whose timestamp is at or after the one asked for."""

    offset: int
    timestamp: int | None


class BrokerMetadata(NamedTuple):
    """A broker as metadata names it; the embedded engine is node 0 at no address."""

    nodeId: int | str  # noqa: N815 - aiokafka's field name
    host: str
    port: int
    rack: str | None


class PartitionMetadata(NamedTuple):
    """What metadata says of one partition."""

    topic: str
    partition: int
    leader: int
    replicas: list[int]
    isr: list[int]
    error: Exception | None


class RecordMetadata(NamedTuple):
    """Where a sent record went."""

    topic: str
    partition: int
    topic_partition: TopicPartition
    offset: int
    timestamp: int | None
    timestamp_type: int
    log_start_offset: int | None


class ConsumerRecord(msgspec.Struct, Generic[KT, VT]):
    """One record as the consumer hands it out. Times are milliseconds since the Unix epoch.

    A ``msgspec.Struct``, because making one costs a fifth of what a dataclass of eleven fields does;
    ``dataclasses.replace``, ``asdict`` and ``fields`` work on it as on aiokafka's.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: KT | None
    value: VT | None
    checksum: int | None
    serialized_key_size: int
    serialized_value_size: int
    headers: tuple[tuple[str, Any], ...]


# What the functions of ``dataclasses`` look for.
ConsumerRecord.__dataclass_fields__ = make_dataclass(  # type: ignore[attr-defined]
    "ConsumerRecord", ConsumerRecord.__struct_fields__
).__dataclass_fields__


class Durability(Enum):
    """What an acknowledged record survives (``docs/contract.md``)."""

    SYNC = "sync"
    """Power loss and ``kill -9``: a group-committed fdatasync comes before the acknowledgement."""
    OS = "os"
    """``kill -9`` of the process: the write to the operating system comes before it."""
    NONE = "none"
    """Nothing is promised."""
