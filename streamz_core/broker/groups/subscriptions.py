"""What the members of a group subscribe to, as far as the broker can tell.

Owns: reading topics out of the subscriptions of consumers.
Must not know: how a group decides. To the broker subscriptions are bytes; only those of the "consumer" protocol
type have topics, and only offsets and static members make it look at them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.broker.groups.consumer.state import ConsumerGroup
from streamz_core.protocol.consumer_protocol import (
    PROTOCOL_TYPE,
    ConsumerProtocolMemberMetadata,
    MalformedMembership,
)

if TYPE_CHECKING:
    from streamz_core.broker.groups.state import Group, Protocols


def subscribed_topics(group: Group | ConsumerGroup) -> frozenset[str] | None:
    """The topics that the members read together; None where that cannot be told."""
    if isinstance(group, ConsumerGroup):
        return _read_topics(group)
    if group.protocol_type != PROTOCOL_TYPE or group.protocol_name is None:
        return None
    topics: frozenset[str] = frozenset()
    for member in group.members.values():
        found = _topics(member.subscription(group.protocol_name))
        if found is None:
            return None
        topics |= found
    return topics


def _read_topics(group: ConsumerGroup) -> frozenset[str] | None:
    if not group.subscribed and any(member.regex for member in group.members.values()):
        return None  # read back from the log: no heartbeat has looked yet what the expressions mean
    return frozenset(group.subscribed).union(*(member.topics for member in group.members.values()))


def subscribe_alike(protocol_type: str | None, before: Protocols, after: Protocols) -> bool:
    """Whether two subscriptions name the same assignors and topics, in whatever words.

    What else consumers put there (the partitions they own, their generation) is new at each start.
    """
    if before == after:
        return True
    if protocol_type != PROTOCOL_TYPE or [name for name, _ in before] != [name for name, _ in after]:
        return False
    topics = [(_topics(old), _topics(new)) for (_, old), (_, new) in zip(before, after, strict=True)]
    return all(old is not None and old == new for old, new in topics)


def _topics(encoded: bytes) -> frozenset[str] | None:
    try:
        return frozenset(ConsumerProtocolMemberMetadata.decode(encoded).subscription)
    except MalformedMembership:
        return None
