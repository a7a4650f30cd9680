"""The names of ``aiokafka.admin.client``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.admin import AIOKafkaAdminClient

__all__ = ["AIOKafkaAdminClient"]
