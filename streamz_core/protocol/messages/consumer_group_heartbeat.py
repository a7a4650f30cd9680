"""ConsumerGroupHeartbeat (API key 68): join, live, change, take partitions over and leave, in one request.

Source: https://kafka.apache.org/protocol#The_Messages_ConsumerGroupHeartbeat, KIP-848
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final
from uuid import UUID

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.request import Message, Request

JOINING_EPOCH: Final = 0
"""The member epoch of who joins."""
LEAVING_EPOCH: Final = -1
"""The member epoch of who leaves for good."""
LEAVING_FOR_NOW_EPOCH: Final = -2
"""The member epoch of a static member that will come back within its session timeout."""


class ConsumerGroupTopicPartitions(Message, frozen=True, kw_only=True):
    """Partitions of one topic."""

    topic_id: UUID
    partitions: Sequence[int]


class ConsumerGroupAssignment(Message, frozen=True, kw_only=True):
    """All the partitions a member is to have."""

    topic_partitions: Sequence[ConsumerGroupTopicPartitions] = ()


class ConsumerGroupHeartbeatResponse(Message, frozen=True, kw_only=True):
    """Where the member stands; ``assignment`` None where it is what the member was told before."""

    error_code: ErrorCode = ErrorCode.NONE
    error_message: str | None = None
    member_id: str | None = None
    member_epoch: int = 0
    heartbeat_interval_ms: int = 0
    assignment: ConsumerGroupAssignment | None = None
    throttle_time_ms: int = 0


class ConsumerGroupHeartbeatRequest(Request[ConsumerGroupHeartbeatResponse], frozen=True, kw_only=True):
    """None, -1 for the timeout, means "as before"; everything is given by who joins."""

    api_key: ClassVar[int] = 68
    group_id: str
    member_id: str = ""
    """Chosen by the member from version 1 on; before, an empty one is answered with one to use."""
    member_epoch: int
    instance_id: str | None = None
    rack_id: str | None = None
    rebalance_timeout_ms: int = -1
    subscribed_topic_names: Sequence[str] | None = None
    subscribed_topic_regex: str | None = None
    """A regular expression of RE2's; an empty one ends the subscription by regular expression."""
    server_assignor: str | None = None
    topic_partitions: Sequence[ConsumerGroupTopicPartitions] | None = None
    """The partitions the member owns."""
    client_id: str = ""
    client_host: str = ""
    """Where the request came from, as the listener saw it; empty within the broker's own process."""
    requires_member_id: bool = False
    """Whether an empty member id is an error: it is from version 1 on (KIP-1082)."""
    may_describe: Callable[[str], bool] | None = None
    """Not on the wire: which topics the member may know of, as its listener judges; None: all."""
