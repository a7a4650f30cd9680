"""What is known of a cluster: its brokers, and who leads and coordinates what.

Owns: ``Topology``, taken from answers.
Must not know: connections, requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamz_core.client.tcp.endpoint import Endpoint
from streamz_core.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.protocol.messages.find_coordinator import CoordinatorType
    from streamz_core.protocol.messages.metadata import MetadataResponse

NO_NODE = -1


class Topology:
    """A cluster as last heard of. ``is_stale``: something of it turned out to be wrong."""

    def __init__(self) -> None:
        self.is_stale = False
        self.controller: int | None = None
        self._brokers: dict[int, Endpoint] = {}
        self._leaders: dict[str, dict[int, int]] = {}
        self._coordinators: dict[tuple[CoordinatorType, str], int] = {}
        self._entrance: Endpoint | None = None
        self._had_several = False

    @property
    def has_several(self) -> bool:
        """Whether it makes a difference which broker is asked; so it stays when all but one of them are gone."""
        return self._had_several

    @property
    def node_ids(self) -> list[int]:
        """Of the brokers there are."""
        return list(self._brokers)

    @property
    def endpoints(self) -> list[Endpoint]:
        """Where they listen; of a single one, where it was found."""
        if not self.has_several:
            return [] if self._entrance is None else [self._entrance]
        return list(self._brokers.values())

    @property
    def any_endpoint(self) -> Endpoint | None:
        """Where whatever any broker can answer is asked."""
        return next(iter(self.endpoints), None)

    @property
    def topics(self) -> set[str]:
        """Those whose leaders are known."""
        return set(self._leaders)

    def endpoint_of(self, node_id: int | None) -> Endpoint | None:
        """Where a broker listens; None for one that is not known."""
        return None if node_id is None else self._brokers.get(node_id)

    def knows(self, topic: str) -> bool:
        """Whether it was told of the topic."""
        return topic in self._leaders

    def leader_of(self, topic: str, partition: int) -> int | None:
        """The broker that leads a partition; None where it is not known, or there is none now."""
        return self._leaders.get(topic, {}).get(partition)

    def coordinator_of(self, kind: CoordinatorType, key: str) -> int | None:
        """The broker that coordinates a group or a transactional id."""
        return self._coordinators.get((kind, key))

    def learn(self, answer: MetadataResponse, via: Endpoint | None = None) -> None:
        """Take in what a broker says, which was found at ``via``."""
        self._entrance = via or self._entrance
        self._brokers = {one.node_id: Endpoint(one.host, one.port) for one in answer.brokers}
        self._had_several = self._had_several or len(self._brokers) > 1
        self.controller = answer.controller_id if answer.controller_id in self._brokers else None
        for topic in answer.topics:
            if topic.error_code is ErrorCode.NONE:
                leaders = {one.partition_index: one.leader_id for one in topic.partitions}
                self._leaders[topic.name] = {key: node for key, node in leaders.items() if node != NO_NODE}
            elif topic.error_code is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
                self._leaders.pop(topic.name, None)

    def set_coordinator(self, kind: CoordinatorType, key: str, node_id: int, endpoint: Endpoint) -> None:
        """Note who coordinates ``key``."""
        self._brokers.setdefault(node_id, endpoint)
        self._coordinators[kind, key] = node_id

    def forget_coordinators(self, kind: CoordinatorType, keys: Iterable[str]) -> None:
        """They coordinate these no more."""
        for key in keys:
            self._coordinators.pop((kind, key), None)

    def forget_all_coordinators(self) -> None:
        """A broker is gone, and with it whatever it coordinated."""
        self._coordinators.clear()
