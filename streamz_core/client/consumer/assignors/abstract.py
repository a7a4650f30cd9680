"""What an assignor is.

Owns: ``AbstractPartitionAssignor``, aiokafka's interface for the program's own ones too.
Must not know: groups, requests.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

from streamz_core.client.consumer.membership import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamz_core.client.metadata import ClusterMetadata


class AbstractPartitionAssignor(abc.ABC):
    """Shares out the partitions of the subscribed topics among the members of a group.

    Methods may be class methods. A consumer that is given the class makes an instance of its own.
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


def grouped(partitions: Iterable[tuple[str, int]]) -> list[tuple[str, list[int]]]:
    """Partitions by topic, topics in the order they first occur."""
    by_topic: dict[str, list[int]] = {}
    for topic, partition in partitions:
        by_topic.setdefault(topic, []).append(partition)
    return list(by_topic.items())
