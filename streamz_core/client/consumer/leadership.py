"""What the leader of a group does for all: sharing the partitions out.

Owns: ``share_out`` and the check that a cooperative assignor takes nothing from under its owner.
Must not know: how partitions are shared out (``assignors``), who asks.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamz_core.client.errors import IllegalStateError
from streamz_core.protocol.consumer_protocol import ConsumerProtocolMemberMetadata, MalformedMembership

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.client.consumer.assignors.abstract import AbstractPartitionAssignor
    from streamz_core.client.metadata import MetadataCache
    from streamz_core.model import TopicPartition
    from streamz_core.protocol.consumer_protocol import ConsumerProtocolMemberAssignment

_log = logging.getLogger(__name__)


async def share_out(
    metadata: MetadataCache, assignor: AbstractPartitionAssignor, members: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The encoded assignment of each member; ``members`` are their encoded subscriptions.

    Raises ``IllegalStateError`` where a cooperative ``assignor`` gives a partition away that is still owned.
    """
    subscriptions = {member_id: _subscription(member_id, encoded) for member_id, encoded in members.items()}
    await metadata.refresh_topics({topic for one in subscriptions.values() for topic in one.subscription})
    assigned = assignor.assign(metadata.cluster, subscriptions)
    if getattr(assignor, "is_cooperative", False):
        _check_owners(str(assignor.name), subscriptions, assigned)
    # What an assignor made may be of aiokafka's own classes.
    return {member_id: bytes(share.encode()) for member_id, share in assigned.items()}


def _subscription(member_id: str, encoded: bytes) -> ConsumerProtocolMemberMetadata:
    try:
        return ConsumerProtocolMemberMetadata.decode(encoded)
    except MalformedMembership as error:
        # One member's bytes must not keep the others from their partitions.
        _log.error("member %r is assigned nothing: its subscription cannot be read: %s", member_id, error)
        return ConsumerProtocolMemberMetadata()


def _check_owners(
    name: str,
    subscriptions: Mapping[str, ConsumerProtocolMemberMetadata],
    assigned: Mapping[str, ConsumerProtocolMemberAssignment],
) -> None:
    owners: dict[TopicPartition, set[str]] = {}
    for member_id, subscription in subscriptions.items():
        for partition in subscription.owned():
            owners.setdefault(partition, set()).add(member_id)
    for member_id, share in assigned.items():
        for topic, index in share.partitions():
            holders = owners.get((topic, index), {member_id})  # type: ignore[call-overload]
            if member_id not in holders:
                raise IllegalStateError(
                    f"assignor {name!r} gave {topic}-{index} to {member_id!r} while {sorted(holders)} still "
                    "own it: a cooperative assignor leaves it out until its owner has given it up"
                )
