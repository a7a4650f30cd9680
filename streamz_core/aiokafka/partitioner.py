"""The names of ``aiokafka.partitioner``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.partitioner import DefaultPartitioner, murmur2

__all__ = ["DefaultPartitioner", "murmur2"]
