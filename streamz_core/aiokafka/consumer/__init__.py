"""The names of ``aiokafka.consumer``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.consumer.consumer import AIOKafkaConsumer

__all__ = ["AIOKafkaConsumer"]
