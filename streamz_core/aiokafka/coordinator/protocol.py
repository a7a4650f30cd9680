"""The names of ``aiokafka.coordinator.protocol``.

Owns: ``ConsumerProtocol``, where assignors written for aiokafka look for the rest, which it re-exports.
Must not know: anything else.
"""

from streamz_core.protocol.consumer_protocol import (
    PROTOCOL_TYPE,
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

__all__ = ["ConsumerProtocol", "ConsumerProtocolMemberAssignment", "ConsumerProtocolMemberMetadata"]


class ConsumerProtocol:
    """The protocol type of consumer groups and its two messages."""

    PROTOCOL_TYPE = PROTOCOL_TYPE
    ASSIGNMENT_STRATEGIES = ("range", "roundrobin")
    METADATA = ConsumerProtocolMemberMetadata
    ASSIGNMENT = ConsumerProtocolMemberAssignment
