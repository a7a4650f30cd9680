"""Beside the names of ``aiokafka.coordinator.assignors``: one it lacks.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.consumer.assignors.cooperative_sticky import CooperativeStickyPartitionAssignor

__all__ = ["CooperativeStickyPartitionAssignor"]
