"""The client without ``await``, for programs that have no event loop: scripts, threads, a Python prompt.

Owns: nothing; it names the three clients.
Must not know: anything that the asynchronous client does not offer.
"""

from streamz_core.blocking.kafka_admin_client import KafkaAdminClient
from streamz_core.blocking.kafka_consumer import KafkaConsumer
from streamz_core.blocking.kafka_producer import KafkaProducer

__all__ = ["KafkaAdminClient", "KafkaConsumer", "KafkaProducer"]
