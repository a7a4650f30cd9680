"""The names of ``aiokafka.coordinator.assignors.abstract``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.consumer.assignors.abstract import AbstractPartitionAssignor

__all__ = ["AbstractPartitionAssignor"]
