"""aiokafka's names, so that a program changes its import and its address and nothing else.

Owns: nothing; ``streamz_core.aiokafka`` and the modules below it re-export ``streamz_core.client``
under the module names of aiokafka 0.14.
Must not know: anything the client does not offer.
"""

from streamz_core.client.compatible_client import AIOKafkaClient
from streamz_core.client.consumer.consumer import AIOKafkaConsumer
from streamz_core.client.consumer.listener import ConsumerRebalanceListener
from streamz_core.client.errors import ConsumerStoppedError, IllegalOperation
from streamz_core.client.producer.producer import AIOKafkaProducer
from streamz_core.model import ConsumerRecord, OffsetAndMetadata, OffsetAndTimestamp, TopicPartition

__version__ = "0.14.0"
"""The release of aiokafka whose interface this is."""

__all__ = [
    "AIOKafkaClient",
    "AIOKafkaConsumer",
    "AIOKafkaProducer",
    "ConsumerRebalanceListener",
    "ConsumerRecord",
    "ConsumerStoppedError",
    "IllegalOperation",
    "OffsetAndMetadata",
    "OffsetAndTimestamp",
    "TopicPartition",
]
