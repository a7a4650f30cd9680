"""The names of ``aiokafka.coordinator.protocol``.

Owns: nothing, it re-exports. Must not know: anything else.
"""

from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

__all__ = ["ConsumerProtocolMemberAssignment", "ConsumerProtocolMemberMetadata"]
