"""The names of ``aiokafka.cluster``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.metadata import ClusterMetadata

__all__ = ["ClusterMetadata"]
