"""The compacted topics in which the coordinators keep what they know.

Owns: their names and settings, which of their partitions a key lives in, and reading one of them from
its start.
Must not know: what the records in them mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.protocol.record_batch import BatchHeader, Columns, decode, split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamz_core.broker.services import BrokerServices
    from streamz_core.log.partition_log import PartitionLog

OFFSETS_TOPIC: Final = "__consumer_offsets"
"""Groups and their committed offsets."""
TRANSACTIONS_TOPIC: Final = "__transaction_state"
"""Transactional ids and the outcome of their transactions."""
INTERNAL_TOPICS: Final = frozenset({OFFSETS_TOPIC, TRANSACTIONS_TOPIC})
"""Topics that only the broker writes to."""

_CONFIGS: Final = {
    "cleanup.policy": "compact",
    # Small segments: only closed ones are compacted, and opening the broker reads what is left.
    "segment.bytes": str(16 * 1024 * 1024),
    "max.message.bytes": str(8 * 1024 * 1024),
    "compression.type": "producer",
    # Commits are small, each is synced, and somebody waits.
    "preallocate": "true",
}
_READ_BYTES: Final = 1024 * 1024


def partition_for(key: str, partitions: int) -> int:
    """The partition in which a group or transactional id lives, as Kafka computes it."""
    if partitions == 1:
        return 0
    encoded = key.encode("utf-16-be", "surrogatepass")
    hashed = 0
    for high, low in zip(encoded[::2], encoded[1::2], strict=True):
        hashed = (31 * hashed + (high << 8 | low)) & 0xFFFFFFFF
    return (hashed & 0x7FFFFFFF) % partitions


def log_for(services: BrokerServices, topic: str, key: str, partitions: int) -> PartitionLog:
    """The log in which ``key`` lives; creates the topic, with ``partitions``, on first use."""
    entry = services.ensure_internal_topic(topic, partitions, _CONFIGS)
    log = services.log(topic, partition_for(key, entry.partitions))
    assert log is not None, f"{topic} has no partition for {key!r}"
    return log


def existing_logs(services: BrokerServices, topic: str) -> list[PartitionLog]:
    """The partitions of an internal topic, none where it was never used."""
    entry = services.directory.topics.get(topic)
    if entry is None:
        return []
    logs = (services.log(topic, index) for index in range(entry.partitions))
    return [log for log in logs if log is not None]


def replay(log: PartitionLog) -> Iterator[tuple[BatchHeader, Columns]]:
    """Every batch of a partition from its start, decoded; what is read was recovered, so it is durable.

    Raises what the partition failed with when it was opened: taken for empty, it would have nobody's offsets and
    nobody's transactions, and readers would begin anew.
    """
    if log.failure is not None:
        raise log.failure
    offset, end = log.log_start_offset, log.log_end_offset
    while offset < end:
        buffer = log.read(offset, _READ_BYTES, up_to=end)
        batches = split(buffer, check=False)  # the log has checked them
        if not batches:
            return
        for position, header in batches:
            yield header, decode(buffer, position, check=False)
            offset = max(offset, header.next_offset)
