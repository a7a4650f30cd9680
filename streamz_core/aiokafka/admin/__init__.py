"""The names of ``aiokafka.admin``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.admin import AIOKafkaAdminClient
from streamz_core.client.admin_resources import NewPartitions, NewTopic, RecordsToDelete

__all__ = ["AIOKafkaAdminClient", "NewPartitions", "NewTopic", "RecordsToDelete"]
