"""A heartbeat as a value, and what may be wrong with it by itself.

Owns: ``Heartbeat``, its way from a request, and what a request must say when.
Must not know: groups: whether the member is one, and in which epoch, others decide.

Source: KIP-848, KIP-1082 (member ids are the member's own)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from streamz_core.broker.groups.consumer.assignors import ASSIGNORS
from streamz_core.broker.groups.consumer.state import ClassicProtocol, Partitions, TopicIdPartition
from streamz_core.broker.groups.consumer.visible_topics import MayDescribe
from streamz_core.broker.record_fields import is_writable
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.consumer_group_heartbeat import (
    JOINING_EPOCH,
    LEAVING_EPOCH,
    LEAVING_FOR_NOW_EPOCH,
    ConsumerGroupHeartbeatRequest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.protocol.messages.consumer_group_heartbeat import ConsumerGroupTopicPartitions


class Refused(NamedTuple):
    """Why a heartbeat is not taken."""

    code: ErrorCode
    message: str


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """What a member says; None means that it is as before, or that it does not say."""

    member_id: str
    epoch: int
    instance_id: str | None = None
    rack_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    rebalance_timeout_ms: int | None = None
    topics: frozenset[str] | None = None
    regex: str | None = None
    assignor: str | None = None
    owned: Partitions | None = None
    classic: ClassicProtocol | None = None
    """It is a JoinGroup of the classic protocol."""
    may_describe: MayDescribe | None = None
    """Which topics its regular expression may mean; None: any."""

    @property
    def is_full(self) -> bool:
        """Whether it says everything, as a member does that joins or does not know whether it was heard."""
        subscribes = self.topics is not None or self.regex is not None
        return self.rebalance_timeout_ms is not None and subscribes and self.owned is not None


def heartbeat_of(request: ConsumerGroupHeartbeatRequest, member_id: str) -> Heartbeat:
    """What the request says, under this member id."""
    names = request.subscribed_topic_names
    return Heartbeat(
        member_id=member_id,
        epoch=request.member_epoch,
        instance_id=request.instance_id,
        rack_id=request.rack_id,
        client_id=request.client_id,
        client_host=request.client_host,
        rebalance_timeout_ms=None if request.rebalance_timeout_ms == -1 else request.rebalance_timeout_ms,
        topics=None if names is None else frozenset(names),
        regex=request.subscribed_topic_regex,
        assignor=request.server_assignor,
        owned=None if request.topic_partitions is None else _partitions(request.topic_partitions),
        may_describe=request.may_describe,
    )


def _partitions(topics: Iterable[ConsumerGroupTopicPartitions]) -> Partitions:
    return frozenset(
        TopicIdPartition(topic.topic_id.bytes, index) for topic in topics for index in topic.partitions
    )


def refuse_request(request: ConsumerGroupHeartbeatRequest) -> Refused | None:
    """What is wrong with the request, whatever group it is for."""
    found = _wrong(request)
    if found is not None:
        return Refused(ErrorCode.INVALID_REQUEST, found)
    assignor = request.server_assignor
    if assignor is not None and assignor not in ASSIGNORS:
        message = f"there is no server assignor {assignor!r}; there are {', '.join(ASSIGNORS)}"
        return Refused(ErrorCode.UNSUPPORTED_ASSIGNOR, message)
    return None


def _wrong(request: ConsumerGroupHeartbeatRequest) -> str | None:
    epoch = request.member_epoch
    if epoch < LEAVING_FOR_NOW_EPOCH:
        return f"member epoch {epoch} means nothing"
    if not request.member_id and (request.requires_member_id or epoch != JOINING_EPOCH):
        return "the member has no id"
    for name, text in (("instance id", request.instance_id), ("rack id", request.rack_id)):
        if text == "":
            return f"the {name} is empty: leave it out"
    if epoch == LEAVING_FOR_NOW_EPOCH and request.instance_id is None:
        return "only a static member leaves for now: it has an instance id"
    if not all(is_writable(text) for text in _texts(request)):
        return "a name in it is too long, or no text"
    if epoch in (LEAVING_EPOCH, LEAVING_FOR_NOW_EPOCH):
        return None
    if request.rebalance_timeout_ms < -1 or request.rebalance_timeout_ms == 0:
        return f"the rebalance timeout is {request.rebalance_timeout_ms} ms"
    return _wrong_joining(request) if epoch == JOINING_EPOCH else None


def _wrong_joining(request: ConsumerGroupHeartbeatRequest) -> str | None:
    if request.rebalance_timeout_ms == -1:
        return "who joins says its rebalance timeout"
    if request.subscribed_topic_names is None and request.subscribed_topic_regex is None:
        return "who joins says what it subscribes to"
    if request.topic_partitions is None or request.topic_partitions:
        return "who joins owns no partitions, and says so"
    return None


def _texts(request: ConsumerGroupHeartbeatRequest) -> Iterable[str]:
    yield from (request.member_id, request.client_id, request.client_host)
    yield from (request.instance_id or "", request.rack_id or "", request.subscribed_topic_regex or "")
    yield from request.subscribed_topic_names or ()
