"""``TaskAssignor``: shares tasks and standbys out by the group's own protocol.

Owns: the way of ``task_assignment``'s values through subscriptions and assignments; ``EndpointRange`` has next to none.
Must not know: how tasks are shared out, how a standby works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from streamz_core.client.consumer.assignors.abstract import AbstractPartitionAssignor, subscribers
from streamz_core.client.consumer.assignors.range import RangePartitionAssignor
from streamz_core.model import TopicPartition
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
    grouped,
)
from streamz_core.streams.bound_topology import bound
from streamz_core.streams.runtime.task import task_id
from streamz_core.streams.runtime.task_assignment import MemberState, share_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streamz_core.client.metadata import ClusterMetadata
    from streamz_core.streams.topology import SubTopology, Topology

VERSION: Final = 0


class TaskAssignor(AbstractPartitionAssignor):
    """One per runtime. ``state`` tells what it has, ``on_standbys`` hears for which tasks to stand by."""

    name = "streamz-tasks"

    def __init__(
        self,
        topology: Topology,
        app_id: str,
        standbys: int,
        state: Callable[[], MemberState],
        on_standbys: Callable[[list[str]], None],
    ) -> None:
        self._topology = topology
        self._app_id = app_id
        self._standbys = standbys
        self._state = state
        self._on_standbys = on_standbys
        self._running: list[str] = []
        self._generation = -1

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Whole tasks: the same partition of all topics that a sub-topology reads."""
        states = {member: MemberState.from_json(told.user_data) for member, told in members.items()}
        parts = self._parts(cluster, self._known(members, states))
        tasks = {
            task: sorted(
                m for m, told in members.items() if _can_run(part, set(told.subscription), states[m])
            )
            for task, (part, _) in parts.items()
        }
        shares = share_out(
            tasks,
            [task for task, (part, _) in parts.items() if part.stores],
            states,
            self._standbys,
        )
        partitions = self._of_others(cluster, members)
        for member, active in shares.active.items():
            for task in active:
                partitions[member] += parts[task][1]
        return {
            member: ConsumerProtocolMemberAssignment(
                VERSION, grouped(sorted(found)), msgspec.json.encode(shares.standby[member])
            )
            for member, found in partitions.items()
        }

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """The topics, and what this member has of tasks."""
        state = msgspec.structs.replace(
            self._state(),
            running=self._running,
            generation=self._generation,
            patterns=[pattern.text for pattern in self._topology.patterns],
        )
        return ConsumerProtocolMemberMetadata(VERSION, sorted(topics), state.to_json())

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Remember the tasks for the next rebalance; pass the standbys on."""
        owned = set(assignment.partitions())
        topology = bound(self._topology, {partition.topic for partition in owned}, self._app_id)
        self._running = sorted(
            {
                task_id(part, partition.partition)
                for part in topology.subtopologies
                for partition in owned
                if partition.topic in part.topics
            }
        )
        self._on_standbys(msgspec.json.decode(assignment.user_data or b"[]", type=list[str]))

    def on_generation_assignment(self, generation: int) -> None:
        """Remember the generation they are of."""
        self._generation = generation

    def _known(
        self, members: Mapping[str, ConsumerProtocolMemberMetadata], states: Mapping[str, MemberState]
    ) -> set[str]:
        """The topics that all know of who read by the same patterns.

        One that some have not found yet waits for them: they join again when they do, and no task moves twice.
        """
        patterns = {pattern.text for pattern in self._topology.patterns}
        found = [
            set(told.subscription)
            for member, told in members.items()
            if patterns <= set(states[member].patterns)
        ]
        return set.intersection(*found) if found else set()

    def _parts(
        self, cluster: ClusterMetadata, known: set[str]
    ) -> dict[str, tuple[SubTopology, list[TopicPartition]]]:
        """By task: its sub-topology and its partitions."""
        found: dict[str, tuple[SubTopology, list[TopicPartition]]] = {}
        for part in bound(self._topology, known, self._app_id).subtopologies:
            for topic in part.topics:
                for index in sorted(cluster.partitions_for_topic(topic) or ()):
                    found.setdefault(task_id(part, index), (part, []))[1].append(TopicPartition(topic, index))
        return found

    def _of_others(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, list[TopicPartition]]:
        """Partitions of topics that only other versions of the app read."""
        found: dict[str, list[TopicPartition]] = {member: [] for member in members}
        for topic, readers in subscribers(members).items():
            matches = any(pattern.matches(topic) for pattern in self._topology.patterns)
            if topic not in self._topology.named_topics and not matches:
                for index in sorted(cluster.partitions_for_topic(topic) or ()):
                    found[readers[index % len(readers)]].append(TopicPartition(topic, index))
        return found


class EndpointRange(RangePartitionAssignor):
    """Ranges, by members that tell where they can be asked."""

    def __init__(self, endpoint: str) -> None:
        self._told = MemberState(endpoint=endpoint).to_json()

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """The topics, and where this member can be asked."""
        return ConsumerProtocolMemberMetadata(self.version, sorted(topics), self._told)


def _can_run(part: SubTopology, subscribed: set[str], state: MemberState) -> bool:
    """Whether a member reads all that a part does: it may be of another version of the app."""
    return subscribed >= set(part.named_topics) and {p.text for p in part.patterns} <= set(state.patterns)
