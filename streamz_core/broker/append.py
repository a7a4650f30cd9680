"""From a level of durability to what an append does and waits for.

Owns: the meaning of ``acks``, the cap that the broker's configuration sets on it, and which errors of
the log are an answer to the request rather than a fault of the broker.
Must not know: requests, coordinators, how a sync is done.
"""

from __future__ import annotations

from typing import Final

from streamz_core.log import errors
from streamz_core.model import Durability

LEVEL_OF_ACKS: Final = {-1: Durability.SYNC, 1: Durability.OS, 0: Durability.NONE}
"""What the ``acks`` of a produce request promise (``docs/contract.md``)."""

APPEND_REFUSALS: Final = (
    errors.InvalidRecords,
    errors.RecordTooLarge,
    errors.OutOfOrderSequence,
    errors.ProducerFenced,
    errors.InvalidTxnState,
    errors.StorageFailure,
    errors.PartitionFailed,
)
"""What an append may raise; each carries the ``code`` to answer with."""

READ_REFUSALS: Final = (
    errors.OffsetOutOfRange,
    errors.CorruptRecord,
    errors.StorageFailure,
    errors.PartitionFailed,
)
"""What a read may raise; each carries the ``code`` to answer with."""

_RANK: Final = {Durability.NONE: 0, Durability.OS: 1, Durability.SYNC: 2}


def capped(level: Durability, cap: Durability) -> Durability:
    """The weaker of the two."""
    return level if _RANK[level] <= _RANK[cap] else cap
