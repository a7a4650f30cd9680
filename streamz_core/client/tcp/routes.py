"""Which broker of a cluster a request belongs to, and how one that belongs to several is taken apart.

Owns: the rule of every API (``destination_of``), taking apart by leader, coordinator or broker, and putting the
answers together.
Must not know: connections; who leads or coordinates what.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages import configs, consumer_group_describe, consumer_group_heartbeat
from streamz_core.protocol.messages.add_offsets_to_txn import AddOffsetsToTxnRequest
from streamz_core.protocol.messages.add_partitions_to_txn import AddPartitionsToTxnRequest
from streamz_core.protocol.messages.create_partitions import CreatePartitionsRequest
from streamz_core.protocol.messages.create_topics import CreateTopicsRequest
from streamz_core.protocol.messages.delete_groups import DeleteGroupsRequest
from streamz_core.protocol.messages.delete_records import DeleteRecordsRequest
from streamz_core.protocol.messages.delete_topics import DeleteTopicsRequest
from streamz_core.protocol.messages.describe_groups import DescribeGroupsRequest
from streamz_core.protocol.messages.describe_producers import DescribeProducersRequest
from streamz_core.protocol.messages.describe_transactions import DescribeTransactionsRequest
from streamz_core.protocol.messages.end_txn import EndTxnRequest
from streamz_core.protocol.messages.fetch import FetchRequest
from streamz_core.protocol.messages.find_coordinator import CoordinatorType
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
from streamz_core.protocol.messages.init_producer_id import InitProducerIdRequest
from streamz_core.protocol.messages.join_group import JoinGroupRequest
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest
from streamz_core.protocol.messages.list_groups import ListGroupsRequest
from streamz_core.protocol.messages.list_offsets import ListOffsetsRequest
from streamz_core.protocol.messages.list_transactions import ListTransactionsRequest
from streamz_core.protocol.messages.offset_commit import OffsetCommitRequest
from streamz_core.protocol.messages.offset_delete import OffsetDeleteRequest
from streamz_core.protocol.messages.offset_fetch import OffsetFetchRequest
from streamz_core.protocol.messages.offset_for_leader_epoch import OffsetForLeaderEpochRequest
from streamz_core.protocol.messages.produce import ProduceRequest
from streamz_core.protocol.messages.sync_group import SyncGroupRequest
from streamz_core.protocol.messages.txn_offset_commit import TxnOffsetCommitRequest
from streamz_core.protocol.messages.write_txn_markers import (
    WritableTxnMarker,
    WritableTxnMarkerTopic,
    WriteTxnMarkersRequest,
)

if TYPE_CHECKING:
    from streamz_core.protocol.messages.request import Request


class Destination(Enum):
    """Who has to be asked."""

    ANY = "whichever broker"
    CONTROLLER = "the broker that changes what the cluster consists of"
    LEADERS = "of each partition the broker that leads it"
    COORDINATORS = "of each group or transactional id the broker that coordinates it"
    BROKERS = "brokers that the request names"
    ALL = "every broker"


@dataclass(frozen=True, slots=True)
class ByPartition:
    """Where a request names partitions, and its answer: attributes of the message, its topics and their partitions.

    ``index`` None: partitions are plain numbers.
    """

    topics: str
    name: str
    partitions: str
    index: str | None
    answers: str
    answer_partitions: str


@dataclass(frozen=True, slots=True)
class ByKey:
    """Where a request names what is coordinated: a key, or a list of them (``key_of`` an element), and its answers."""

    kind: CoordinatorType
    keys: str
    answers: str | None = None
    key_of: Callable[[Any], str] = str


_BY_PARTITION: Final[dict[type, ByPartition]] = {
    ProduceRequest: ByPartition(
        "topic_data", "name", "partition_data", "index", "responses", "partition_responses"
    ),
    FetchRequest: ByPartition("topics", "topic", "partitions", "partition", "responses", "partitions"),
    ListOffsetsRequest: ByPartition(
        "topics", "name", "partitions", "partition_index", "topics", "partitions"
    ),
    DeleteRecordsRequest: ByPartition(
        "topics", "name", "partitions", "partition_index", "topics", "partitions"
    ),
    OffsetForLeaderEpochRequest: ByPartition(
        "topics", "topic", "partitions", "partition", "topics", "partitions"
    ),
    DescribeProducersRequest: ByPartition(
        "topics", "name", "partition_indexes", None, "topics", "partitions"
    ),
}
_GROUP, _TRANSACTION = CoordinatorType.GROUP, CoordinatorType.TRANSACTION
_BY_KEY: Final[dict[type, ByKey]] = {
    JoinGroupRequest: ByKey(_GROUP, "group_id"),
    SyncGroupRequest: ByKey(_GROUP, "group_id"),
    HeartbeatRequest: ByKey(_GROUP, "group_id"),
    LeaveGroupRequest: ByKey(_GROUP, "group_id"),
    consumer_group_heartbeat.ConsumerGroupHeartbeatRequest: ByKey(_GROUP, "group_id"),
    OffsetCommitRequest: ByKey(_GROUP, "group_id"),
    OffsetDeleteRequest: ByKey(_GROUP, "group_id"),
    TxnOffsetCommitRequest: ByKey(_GROUP, "group_id"),
    OffsetFetchRequest: ByKey(_GROUP, "groups", "groups", lambda group: str(group.group_id)),
    DescribeGroupsRequest: ByKey(_GROUP, "groups", "groups"),
    consumer_group_describe.ConsumerGroupDescribeRequest: ByKey(_GROUP, "group_ids", "groups"),
    DeleteGroupsRequest: ByKey(_GROUP, "groups_names", "results"),
    InitProducerIdRequest: ByKey(_TRANSACTION, "transactional_id"),
    AddPartitionsToTxnRequest: ByKey(_TRANSACTION, "transactional_id"),
    AddOffsetsToTxnRequest: ByKey(_TRANSACTION, "transactional_id"),
    EndTxnRequest: ByKey(_TRANSACTION, "transactional_id"),
    DescribeTransactionsRequest: ByKey(_TRANSACTION, "transactional_ids", "transaction_states"),
}
_ALL: Final[dict[type, tuple[str, ...]]] = {
    ListGroupsRequest: ("groups",),
    ListTransactionsRequest: ("transaction_states",),
}
"""Asked of every broker; the attributes of the answer that are put together."""
_CONFIGS: Final[dict[type, str]] = {
    configs.DescribeConfigsRequest: "results",
    configs.AlterConfigsRequest: "responses",
    configs.IncrementalAlterConfigsRequest: "responses",
}
_CHANGES: Final = (CreateTopicsRequest, DeleteTopicsRequest, CreatePartitionsRequest)

MOVED: Final = frozenset(
    {
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.LEADER_NOT_AVAILABLE,
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.REPLICA_NOT_AVAILABLE,
        ErrorCode.KAFKA_STORAGE_ERROR,
        ErrorCode.FENCED_LEADER_EPOCH,
        ErrorCode.UNKNOWN_LEADER_EPOCH,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
        ErrorCode.NOT_CONTROLLER,
    }
)
"""Errors of a broker that is not the right one any more."""

Part = tuple[Hashable, Any]
"""Whom to ask, and what."""


def destination_of(request: Request[Any]) -> Destination:
    """Who has to be asked."""
    kind = type(request)
    if kind in _BY_PARTITION or kind is WriteTxnMarkersRequest:
        return Destination.LEADERS
    if kind in _BY_KEY:
        has_key = getattr(request, _BY_KEY[kind].keys) is not None  # a producer may be idempotent alone
        return Destination.COORDINATORS if has_key else Destination.ANY
    if kind in _ALL:
        return Destination.ALL
    if kind in _CONFIGS:
        return Destination.BROKERS
    return Destination.CONTROLLER if isinstance(request, _CHANGES) else Destination.ANY


def partitions_of(request: Request[Any]) -> list[tuple[str, int]]:
    """The partitions that a request to leaders names."""
    if isinstance(request, WriteTxnMarkersRequest):
        topics = [topic for marker in request.markers for topic in marker.topics]
        return [(topic.name, index) for topic in topics for index in topic.partition_indexes]
    rule = _BY_PARTITION[type(request)]
    return [
        (getattr(topic, rule.name), _index(rule, part))
        for topic in getattr(request, rule.topics)
        for part in getattr(topic, rule.partitions)
    ]


def by_leader(request: Request[Any], leader_of: Callable[[str, int], Hashable]) -> list[Part]:
    """``request`` taken apart by the leaders of its partitions, in the order they first occur."""
    if isinstance(request, WriteTxnMarkersRequest):
        return by_leader_of_markers(request, leader_of)
    rule = _BY_PARTITION[type(request)]
    topics: dict[Hashable, list[Any]] = {}
    for topic in getattr(request, rule.topics):
        parts: dict[Hashable, list[Any]] = {}
        for part in getattr(topic, rule.partitions):
            leader = leader_of(getattr(topic, rule.name), _index(rule, part))
            parts.setdefault(leader, []).append(part)
        for leader, some in parts.items():
            topics.setdefault(leader, []).append(replace(topic, **{rule.partitions: some}))
    return [(leader, replace(request, **{rule.topics: some})) for leader, some in topics.items()]


def by_leader_of_markers(
    request: WriteTxnMarkersRequest, leader_of: Callable[[str, int], Hashable]
) -> list[Part]:
    """Markers taken apart by the leaders of the partitions they are for."""
    parts: dict[Hashable, list[WritableTxnMarker]] = {}
    for marker in request.markers:
        topics: dict[Hashable, list[WritableTxnMarkerTopic]] = {}
        for topic in marker.topics:
            for index in topic.partition_indexes:
                one = replace(topic, partition_indexes=[index])
                topics.setdefault(leader_of(topic.name, index), []).append(one)
        for leader, some in topics.items():
            parts.setdefault(leader, []).append(replace(marker, topics=some))
    return [(leader, replace(request, markers=some)) for leader, some in parts.items()]


def coordinated(request: Request[Any]) -> tuple[CoordinatorType, list[str]]:
    """What has to be coordinated."""
    rule = _BY_KEY[type(request)]
    keys = getattr(request, rule.keys)
    return rule.kind, [keys] if rule.answers is None else [rule.key_of(key) for key in keys]


def by_coordinator(request: Request[Any], coordinator_of: Callable[[str], Hashable]) -> list[Part]:
    """``request`` taken apart by the coordinators of its keys."""
    rule = _BY_KEY[type(request)]
    keys = getattr(request, rule.keys)
    if rule.answers is None:
        return [(coordinator_of(keys), request)]
    return _by(request, rule.keys, keys, lambda key: coordinator_of(rule.key_of(key)))


def by_broker(request: Request[Any], other: Hashable) -> list[Part]:
    """A request about configurations, those of brokers for these themselves and the rest for ``other``."""

    def broker_of(resource: Any) -> Hashable:
        is_broker = resource.resource_type == configs.ConfigResourceType.BROKER
        return int(resource.resource_name) if is_broker and resource.resource_name.isdecimal() else other

    return _by(request, "resources", request.resources, broker_of)  # type: ignore[attr-defined]


def together(request: Request[Any], answers: Sequence[Any]) -> Any:
    """One answer to ``request``, of those to its parts."""
    first = answers[0]
    if len(answers) == 1:
        return first
    kind = type(request)
    changes: dict[str, Any] = {}
    if kind in _BY_PARTITION:
        rule = _BY_PARTITION[kind]
        topics: list[Any] = [topic for answer in answers for topic in getattr(answer, rule.answers)]
        changes[rule.answers] = _merged(topics, rule)
    else:
        changes = {
            name: [one for answer in answers for one in getattr(answer, name)] for name in _listed(kind)
        }
    if "error_code" in first.__struct_fields__:
        codes = (answer.error_code for answer in answers)
        changes["error_code"] = next((code for code in codes if code != ErrorCode.NONE), ErrorCode.NONE)
    return replace(first, **changes)


def has_moved(answer: Any) -> bool:
    """Whether the answer, or anything in it, says that another broker should have been asked."""
    if getattr(answer, "error_code", ErrorCode.NONE) in MOVED:
        return True
    return any(
        has_moved(one)
        for name in getattr(answer, "__struct_fields__", ())
        if isinstance(many := getattr(answer, name), list)
        for one in many
        if hasattr(one, "__struct_fields__")
    )


def _listed(kind: type) -> Iterable[str]:
    """The lists of an answer that the parts share."""
    if kind in _BY_KEY:
        answers = _BY_KEY[kind].answers
        return () if answers is None else (answers,)
    return _ALL.get(kind) or (_CONFIGS.get(kind, "markers"),)


def _by(request: Request[Any], name: str, items: Iterable[Any], of: Callable[[Any], Hashable]) -> list[Part]:
    parts: dict[Hashable, list[Any]] = {}
    for item in items:
        parts.setdefault(of(item), []).append(item)
    return [(whom, replace(request, **{name: some})) for whom, some in parts.items()]


def _merged(topics: list[Any], rule: ByPartition) -> list[Any]:
    """Parts of one topic as one."""
    merged: dict[str, Any] = {}
    name = "topic" if topics and "topic" in topics[0].__struct_fields__ else "name"
    for topic in topics:
        known = merged.get(getattr(topic, name))
        if known is not None:
            both = [*getattr(known, rule.answer_partitions), *getattr(topic, rule.answer_partitions)]
            topic = replace(known, **{rule.answer_partitions: both})
        merged[getattr(topic, name)] = topic
    return list(merged.values())


def _index(rule: ByPartition, part: Any) -> int:
    index: int = part if rule.index is None else getattr(part, rule.index)
    return index
