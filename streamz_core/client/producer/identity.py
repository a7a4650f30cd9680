"""Who an idempotent or transactional producer is to the broker.

Owns: ``ProducerIdentity``.
Must not know: how it is asked for.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class ProducerIdentity(NamedTuple):
    """Written into every batch; each (id, epoch) has its own sequence per partition, from 0."""

    producer_id: int
    epoch: int


NO_IDENTITY: Final = ProducerIdentity(-1, -1)
