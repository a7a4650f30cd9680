"""How many copies of a partition may be asked for, and where: one, on the one broker there is.

Owns: the answers of a cluster of one broker to replication factors and replica assignments.
Must not know: requests, topics' settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamz_core.broker.topic_rules import Refusal
from streamz_core.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NODE_ID: Final = 0
"""The broker's id."""
COPIES: Final = 1
_DEFAULT: Final = -1


def refuse_copies(topic: str, replication_factor: int) -> Refusal | None:
    """Why there cannot be so many copies; -1 asks for as many as there are brokers to hold them."""
    if replication_factor in (_DEFAULT, COPIES):
        return None
    why = "is below 1" if replication_factor < 1 else "is larger than the number of brokers: 1"
    message = (
        f"topic {topic!r}: replication factor {replication_factor} {why}; ask for 1, or -1 (the default)"
    )
    return Refusal(ErrorCode.INVALID_REPLICATION_FACTOR, message)


def refuse_assignments(
    topic: str, assignments: Mapping[int, list[int]], num_partitions: int, replication_factor: int
) -> Refusal | None:
    """Why a new topic's partitions cannot lie where they are asked to."""
    if num_partitions != _DEFAULT or replication_factor != _DEFAULT:
        message = f"topic {topic!r}: with assignments, partitions and replication factor are to be -1"
        return Refusal(ErrorCode.INVALID_REQUEST, message)
    if sorted(assignments) != list(range(len(assignments))):
        message = f"topic {topic!r}: partitions {sorted(assignments)} are assigned; they are to run from 0"
        return Refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message)
    return refuse_brokers(topic, assignments.values())


def refuse_brokers(topic: str, assignments: Iterable[list[int]]) -> Refusal | None:
    """Why partitions cannot lie on these brokers."""
    for brokers in assignments:
        if brokers != [NODE_ID]:
            message = (
                f"topic {topic!r}: a partition on brokers {brokers}; the one broker there is has id {NODE_ID}"
            )
            return Refusal(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message)
    return None
