"""Which partition a record goes to.

Owns: ``DefaultPartitioner``, Kafka's choice, callable as aiokafka calls partitioners.
Must not know: topics, producers.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from streamz_core.protocol.murmur2 import murmur2, partition_for

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DefaultPartitioner", "murmur2"]


class DefaultPartitioner:
    """A record with a key: by the key's murmur2 hash, as the Java client does. Without: any one.

    Any ``callable(key_bytes, all_partitions, available_partitions) -> partition`` can stand in its place.
    """

    def __call__(self, key: bytes | None, all_partitions: Sequence[int], available: Sequence[int]) -> int:
        """Choose; ``all_partitions`` is sorted."""
        if key is None:
            return random.choice(available or all_partitions)  # noqa: S311 - no secret
        return all_partitions[partition_for(key, len(all_partitions))]
