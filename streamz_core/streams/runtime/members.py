"""``Members``: which process of an app works on which task, for asking the right one about a key.

Owns: reading that from the group's own description.
Must not know: how processes ask each other, how tasks are shared out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from streamz_core.client.errors import error_for
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
    MalformedMembership,
)
from streamz_core.protocol.messages.describe_groups import DescribeGroupsRequest
from streamz_core.streams.runtime.store_parts import StoreUnavailable
from streamz_core.streams.runtime.task import task_id
from streamz_core.streams.runtime.task_assignment import MemberState
from streamz_core.streams.runtime.task_assignor import TaskAssignor

if TYPE_CHECKING:
    from streamz_core.client.request import Requests
    from streamz_core.protocol.messages.describe_groups import DescribedGroup, DescribedGroupMember
    from streamz_core.streams.topology import SubTopology

_STABLE: Final = "Stable"


@dataclass(frozen=True, slots=True)
class KeyQueryMetadata:
    """Where a key of a store is. Kafka Streams' value of this name.

    Processes are told by what their setting ``application_server`` says, or by their member ids where it says nothing.
    """

    partition: int
    active: str
    """Who works on it, and answers with what is committed."""
    standbys: tuple[str, ...] = ()
    """Who has copies, to be read with ``stale``."""
    is_here: bool = False
    """Whether this process is the active one."""


@dataclass(frozen=True, slots=True)
class StreamsMetadata:
    """A process of an app, and what it has of a store. Kafka Streams' value of this name."""

    host: str
    """As ``KeyQueryMetadata`` tells processes."""
    partitions: tuple[int, ...]
    """Those it works on: it answers with what is committed."""
    standby_partitions: tuple[int, ...] = ()
    """Those it has copies of, to be read with ``stale``."""
    is_here: bool = False
    """Whether this is the process that asks."""


class Members:
    """The processes of one app, as their group has them."""

    def __init__(self, requests: Requests, group: str) -> None:
        """``requests`` reaches the broker."""
        self._requests = requests
        self._group = group

    async def holding(self, part: SubTopology, partition: int, me: str) -> KeyQueryMetadata:
        """Who has a partition of a part's stores; ``me`` is this process's member id.

        Raises ``StoreUnavailable`` while tasks are shared out anew.
        """
        group = await self._described()
        task = task_id(part, partition)
        active = next((one for one in group.members if self._works_on(one, part, partition)), None)
        if group.group_state != _STABLE or active is None:
            raise StoreUnavailable(f"task {task} of app {self._group!r} is changing hands; ask again")
        copies = group.protocol_data == TaskAssignor.name
        standbys = (_host(one) for one in group.members if copies and task in _copies(one))
        return KeyQueryMetadata(partition, _host(active), tuple(standbys), active.member_id == me)

    async def having(self, part: SubTopology, me: str) -> list[StreamsMetadata]:
        """What each process has of a part's stores, those that have something; raises as ``holding``."""
        group = await self._described()
        if group.group_state != _STABLE:
            raise StoreUnavailable(f"the tasks of app {self._group!r} are changing hands; ask again")
        copies = group.protocol_data == TaskAssignor.name
        found = []
        for one in group.members:
            active = {partition for topic, partition in _assigned(one).partitions() if topic in part.topics}
            names = _copies(one) if copies else []
            standby = {
                int(partition)
                for name, _, partition in (task.rpartition("_") for task in names)
                if name == part.name
            }
            if active or standby:
                found.append(
                    StreamsMetadata(
                        _host(one), tuple(sorted(active)), tuple(sorted(standby)), one.member_id == me
                    )
                )
        return found

    async def _described(self) -> DescribedGroup:
        request = DescribeGroupsRequest(groups=[self._group])
        (group,) = (await self._requests.send(request, f"describing group {self._group!r}")).groups
        if group.error_code:
            raise error_for(group.error_code, f"group {self._group!r}: {group.error_message or ''}")
        return group

    def _works_on(self, member: DescribedGroupMember, part: SubTopology, partition: int) -> bool:
        owned = set(_assigned(member).partitions())
        return any((topic, partition) in owned for topic in part.topics)


def _assigned(member: DescribedGroupMember) -> ConsumerProtocolMemberAssignment:
    try:
        return ConsumerProtocolMemberAssignment.decode(member.member_assignment)
    except MalformedMembership:
        return ConsumerProtocolMemberAssignment()  # it has nothing yet


def _copies(member: DescribedGroupMember) -> list[str]:
    return msgspec.json.decode(_assigned(member).user_data or b"[]", type=list[str])


def _host(member: DescribedGroupMember) -> str:
    try:
        told = ConsumerProtocolMemberMetadata.decode(member.member_metadata)
    except MalformedMembership:
        return member.member_id
    return MemberState.from_json(told.user_data or b"").endpoint or member.member_id
