"""The names of ``aiokafka.coordinator.assignors.roundrobin``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.consumer.assignors.roundrobin import RoundRobinPartitionAssignor

__all__ = ["RoundRobinPartitionAssignor"]
