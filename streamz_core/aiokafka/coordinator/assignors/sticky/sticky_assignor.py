"""The names of ``aiokafka.coordinator.assignors.sticky.sticky_assignor``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.consumer.assignors.sticky import StickyPartitionAssignor

__all__ = ["StickyPartitionAssignor"]
