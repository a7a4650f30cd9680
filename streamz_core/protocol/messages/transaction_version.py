"""Which form of the transaction protocol a client speaks.

Owns: ``TransactionVersion``; over TCP it follows from the version of the request.
Must not know: what a broker does about it.

Source: KIP-890; the values are the levels of Kafka's feature ``transaction.version``.
"""

from __future__ import annotations

from enum import IntEnum


class TransactionVersion(IntEnum):
    """Kafka's levels 0 and 1 are the same to a client, and are ``V1`` here."""

    V1 = 1
    """Partitions are announced (AddPartitionsToTxn, AddOffsetsToTxn); one epoch serves many transactions.

    Clients before Kafka 4.0: Produce below 12, TxnOffsetCommit below 5, EndTxn below 5.
    """
    V2 = 2
    """Partitions join by being written to; every end of a transaction gives its producer a new epoch."""
