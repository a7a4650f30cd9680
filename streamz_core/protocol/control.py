"""Control batches: the markers that end a transaction in each of its partitions.

Owns: the marker's key and value bytes and the batch around them.
Must not know: transactions as such, or who decided this one's outcome.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct, error
from typing import Final

from streamz_core.protocol.corrupt import CorruptBatch
from streamz_core.protocol.record_batch import encode

_KEY: Final = Struct(">hh")
_VALUE: Final = Struct(">hi")
_VERSION: Final = 0


class Marker(IntEnum):
    """How a transaction ended, numbered as in a control record's key."""

    ABORT = 0
    COMMIT = 1


def end_txn_marker(
    *, committed: bool, producer_id: int, producer_epoch: int, timestamp: int, coordinator_epoch: int = 0
) -> bytes:
    """A whole control batch that ends the producer's open transaction; ``timestamp`` in milliseconds."""
    marker = Marker.COMMIT if committed else Marker.ABORT
    return encode(
        [_KEY.pack(_VERSION, marker)],
        [_VALUE.pack(_VERSION, coordinator_epoch)],
        [timestamp],
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        transactional=True,
        control=True,
    )


def read_marker(key: bytes | None) -> Marker:
    """The outcome that a control record's key names; raises ``CorruptBatch`` if it names none."""
    try:
        version, kind = _KEY.unpack_from(key or b"")
    except error:
        raise CorruptBatch(0, f"a control record with the key {key!r}") from None
    if version < 0 or kind not in (Marker.ABORT, Marker.COMMIT):
        raise CorruptBatch(0, f"a control record of version {version}, type {kind} ends no transaction")
    return Marker(kind)


def read_coordinator_epoch(value: bytes | None) -> int:
    """The epoch of the coordinator that decided, as a marker's value has it; -1 where it has none."""
    try:
        _, epoch = _VALUE.unpack_from(value or b"")
    except error:
        return -1
    return int(epoch)
