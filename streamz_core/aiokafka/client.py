"""The names of ``aiokafka.client``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.compatible_client import AIOKafkaClient

__all__ = ["AIOKafkaClient"]
