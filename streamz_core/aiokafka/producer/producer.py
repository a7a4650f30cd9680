"""The names of ``aiokafka.producer.producer``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.producer.producer import AIOKafkaProducer

__all__ = ["AIOKafkaProducer"]
