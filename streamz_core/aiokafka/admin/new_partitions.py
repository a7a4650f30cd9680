"""The names of ``aiokafka.admin.new_partitions``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.admin_resources import NewPartitions

__all__ = ["NewPartitions"]
