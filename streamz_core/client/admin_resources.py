"""What an admin client is asked about.

Owns: aiokafka's argument classes, ``NewTopic`` and its like.
Must not know: links, requests, answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamz_core.client.admin_arguments import dict_of, one_of
from streamz_core.client.errors import IllegalArgumentError
from streamz_core.protocol.messages.configs import ConfigResourceType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ConfigResource", "ConfigResourceType", "NewPartitions", "NewTopic", "RecordsToDelete"]


class NewTopic:
    """A topic to create; -1 partitions or replicas means the broker's default (KIP-464).

    ``replica_assignments`` (partition to its nodes) stands in place of both numbers.
    """

    def __init__(
        self,
        name: str,
        num_partitions: int,
        replication_factor: int,
        replica_assignments: Mapping[int, list[int]] | None = None,
        topic_configs: Mapping[str, Any] | None = None,
    ) -> None:
        if replica_assignments and -1 not in (num_partitions, replication_factor):
            raise IllegalArgumentError(
                f"topic {name!r}: replica_assignments stand in place of num_partitions and replication_factor; "
                "give -1 for those, or leave replica_assignments out"
            )
        self.name = one_of(str, "name", name)
        self.num_partitions = one_of(int, f"topic {name!r}: num_partitions", num_partitions)
        self.replication_factor = one_of(int, f"topic {name!r}: replication_factor", replication_factor)
        self.replica_assignments = dict_of(
            int, list, f"topic {name!r}: replica_assignments", replica_assignments or {}
        )
        self.topic_configs = dict_of(str, object, f"topic {name!r}: topic_configs", topic_configs or {})


class NewPartitions:
    """How many partitions a topic shall have in all; ``new_assignments`` has the nodes of each added one."""

    def __init__(self, total_count: int, new_assignments: list[list[int]] | None = None) -> None:
        self.total_count = one_of(int, "total_count", total_count)
        self.new_assignments = new_assignments


class RecordsToDelete:
    """Delete the records before an offset; -1 means all there are."""

    def __init__(self, before_offset: int) -> None:
        self.before_offset = one_of(int, "before_offset", before_offset)


class ConfigResource:
    """A topic's or a broker's configuration: by type (or "topic", "broker") and name.

    ``configs`` has the values to set, or the names to describe; None describes all.
    """

    def __init__(
        self,
        resource_type: ConfigResourceType | str,
        name: str | int,
        configs: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(resource_type, ConfigResourceType):
            try:
                resource_type = ConfigResourceType[str(resource_type).upper()]
            except KeyError:
                raise IllegalArgumentError(
                    f"resource_type={resource_type!r}: must be 'topic' or 'broker', or a ConfigResourceType"
                ) from None
        self.resource_type = resource_type
        self.name = name
        self.configs = configs
