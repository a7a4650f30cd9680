"""What the leader of a group does for all: sharing the partitions out, and noticing that there are more.

Owns: ``Leadership``, and the check that a cooperative assignor takes nothing from under its owner.
Must not know: how partitions are shared out (``assignors``), requests, when the group rebalances.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamz_core.client.errors import IllegalStateError
from streamz_core.protocol.consumer_protocol import ConsumerProtocolMemberMetadata, MalformedMembership

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.client.consumer.assignors.abstract import AbstractPartitionAssignor
    from streamz_core.client.consumer.group_requests import Joined
    from streamz_core.client.metadata import MetadataCache
    from streamz_core.model import TopicPartition
    from streamz_core.protocol.consumer_protocol import ConsumerProtocolMemberAssignment

_log = logging.getLogger(__name__)


class Leadership:
    """What a member does as leader of its group; nothing while another one leads."""

    def __init__(self, metadata: MetadataCache) -> None:
        self._metadata = metadata
        self._counts: dict[str, int] = {}
        """How many partitions each topic of the group had when they were shared out."""

    async def share_out(self, joined: Joined, assignor: AbstractPartitionAssignor) -> dict[str, bytes]:
        """The encoded assignment of each member; empty where none is wanted of this one.

        Raises ``IllegalStateError`` where a cooperative ``assignor`` gives a partition away that is still owned.
        """
        self._counts = {}
        if not joined.is_leader:
            return {}
        subscriptions = {m: _subscription(m, encoded) for m, encoded in joined.members.items()}
        topics = {topic for subscription in subscriptions.values() for topic in subscription.subscription}
        await self._metadata.refresh_topics(topics)
        self._counts = self._count(topics)
        if not joined.assigns:
            return {}
        assigned = assignor.assign(self._metadata.cluster, subscriptions)
        if getattr(assignor, "is_cooperative", False):
            _check_owners(str(assignor.name), subscriptions, assigned)
        # What an assignor made may be of aiokafka's own classes.
        return {member_id: bytes(share.encode()) for member_id, share in assigned.items()}

    @property
    def is_outdated(self) -> bool:
        """Whether topics of the group have other partitions than those that were shared out."""
        return self._counts != self._count(self._counts)

    def _count(self, topics: Iterable[str]) -> dict[str, int]:
        return {topic: len(self._metadata.cluster.partitions_for_topic(topic) or ()) for topic in topics}


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
