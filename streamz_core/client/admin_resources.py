"""What an admin client is asked about, and what it answers.

Owns: aiokafka's argument classes (``NewTopic`` and its like) and the answers whose shape programs
written for it rely on.
Must not know: links, requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamz_core.client.errors import error_for
from streamz_core.client.request import name_of
from streamz_core.protocol.messages.configs import ConfigResourceType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ConfigAnswer",
    "ConfigResource",
    "ConfigResourceType",
    "GroupsAnswer",
    "NewPartitions",
    "NewTopic",
    "RecordsToDelete",
    "TopicsAnswer",
]


class NewTopic:
    """A topic to create; -1 partitions or replicas means the broker's default."""

    def __init__(
        self,
        name: str,
        num_partitions: int,
        replication_factor: int,
        replica_assignments: Mapping[int, list[int]] | None = None,
        topic_configs: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.num_partitions = num_partitions
        self.replication_factor = replication_factor
        self.replica_assignments = replica_assignments or {}
        self.topic_configs = topic_configs or {}


class NewPartitions:
    """How many partitions a topic shall have in all."""

    def __init__(self, total_count: int, new_assignments: list[list[int]] | None = None) -> None:
        self.total_count = total_count
        self.new_assignments = new_assignments


class RecordsToDelete:
    """Delete the records before an offset; -1 means all there are."""

    def __init__(self, before_offset: int) -> None:
        self.before_offset = before_offset


class ConfigResource:
    """What a configuration belongs to, and for changes the values; names or a mapping."""

    def __init__(
        self, resource_type: ConfigResourceType | str, name: str, configs: Mapping[str, Any] | None = None
    ) -> None:
        if not isinstance(resource_type, ConfigResourceType):
            resource_type = ConfigResourceType[str(resource_type).upper()]
        self.resource_type = resource_type
        self.name = name
        self.configs = configs


@dataclass(frozen=True, slots=True)
class TopicsAnswer:
    """What became of each topic: (name, error code, message); code 0 is success.

    As in aiokafka a topic that could not be created or deleted does not raise by itself: look, or call
    ``raise_for_errors``.
    """

    topic_errors: list[tuple[str, int, str | None]]
    throttle_time_ms: int = 0

    @property
    def topic_error_codes(self) -> list[tuple[str, int]]:
        """Name and error code of each topic."""
        return [(name, code) for name, code, _ in self.topic_errors]

    def raise_for_errors(self) -> None:
        """Raise the first error there is, such as ``TopicAlreadyExistsError``."""
        for name, code, message in self.topic_errors:
            if code:
                raise error_for(code, f"topic {name!r}: {message or name_of(code)}")


@dataclass(frozen=True, slots=True)
class ConfigAnswer:
    """(error code, message, resource type, name) of each resource; when describing also its entries.

    An entry is (name, value, read only, source, sensitive, synonyms).
    """

    resources: list[tuple[Any, ...]]
    throttle_time_ms: int = 0


@dataclass(frozen=True, slots=True)
class GroupsAnswer:
    """(error code, group, state, protocol type, protocol, members) of each group.

    A member is (member id, client id, client host, encoded subscription, encoded assignment).
    """

    groups: list[tuple[Any, ...]]
    throttle_time_ms: int = 0
