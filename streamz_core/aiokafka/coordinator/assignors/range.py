"""The names of ``aiokafka.coordinator.assignors.range``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.consumer.assignors.range import RangePartitionAssignor

__all__ = ["RangePartitionAssignor"]
