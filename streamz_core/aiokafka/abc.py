"""The names of ``aiokafka.abc``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.client.consumer.listener import ConsumerRebalanceListener
from streamz_core.client.tls import AbstractTokenProvider

__all__ = ["AbstractTokenProvider", "ConsumerRebalanceListener"]
