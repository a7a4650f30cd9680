"""What an assignor is.

Owns: ``AbstractPartitionAssignor``, aiokafka's interface for the program's own ones too.
Must not know: groups, requests.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, ClassVar

from streamz_core.model import TopicPartition
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.client.metadata import ClusterMetadata


class AbstractPartitionAssignor(abc.ABC):
    """Shares out the partitions of the subscribed topics among the members of a group.

    Methods may be class methods. A consumer that is given the class makes an instance of its own. One that
    has a method ``on_generation_assignment(generation)`` is told the generation after ``on_assignment``.
    """

    is_cooperative: ClassVar[bool] = False
    """Whether members keep their partitions while they rebalance (KIP-429).

    ``assign`` must then give no partition away that ``members`` says another member owns
    (``owned_partitions``, which the consumer fills in): its owner gives it up first, and joins again, and
    only then it is assigned. A consumer is cooperative if all its assignors are.
    """

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What the members of a group agree on; the name Kafka gives this assignor."""

    @abc.abstractmethod
    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """The assignment of every member, by member id. The leader of the group is asked."""

    @abc.abstractmethod
    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """This member's subscription, with what the assignor wants the leader to know."""

    @abc.abstractmethod
    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Called with this member's assignment after each rebalance."""


def subscribers(members: Mapping[str, ConsumerProtocolMemberMetadata]) -> dict[str, list[str]]:
    """Topic to the members that subscribe to it, both sorted."""
    by_topic: dict[str, list[str]] = {}
    for member_id in sorted(members):
        for topic in set(members[member_id].subscription):
            by_topic.setdefault(topic, []).append(member_id)
    return dict(sorted(by_topic.items()))


def candidates_of(
    cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
) -> dict[TopicPartition, list[str]]:
    """Every partition of a subscribed topic to the members that may be given it, both sorted."""
    return {
        TopicPartition(topic, partition): member_ids
        for topic, member_ids in subscribers(members).items()
        for partition in sorted(cluster.partitions_for_topic(topic) or ())
    }
