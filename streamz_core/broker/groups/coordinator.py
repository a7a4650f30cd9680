"""All groups of a broker.

Owns: the table of groups, their loading and their end, and the answers to the group APIs.
Must not know: how a group decides (``transitions``), handlers, other coordinators.
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, TypeAlias

from streamz_core.broker.groups import events, migration, offsets_log
from streamz_core.broker.groups.consumer.answers import heartbeat_answer
from streamz_core.broker.groups.consumer.classic_members import downgraded, is_left_to_classic, upgraded
from streamz_core.broker.groups.consumer.heartbeats import Refused, heartbeat_of, refuse_request
from streamz_core.broker.groups.consumer.records import changes, key_bytes
from streamz_core.broker.groups.consumer.state import ConsumerGroup, ConsumerRules
from streamz_core.broker.groups.consumer.topics import Topics
from streamz_core.broker.groups.live_consumer_group import LiveConsumerGroup
from streamz_core.broker.groups.live_group import LiveGroup
from streamz_core.broker.groups.offsets_log import OffsetsLog
from streamz_core.broker.groups.rebalance import refused_join
from streamz_core.broker.groups.records import group_key, group_value, is_valid_group_id
from streamz_core.broker.groups.state import Group, Rules
from streamz_core.broker.internal_topics import OFFSETS_TOPIC
from streamz_core.broker.log_failures import LOG_FAILURES, code_of
from streamz_core.broker.record_fields import is_writable
from streamz_core.errors import ErrorCode
from streamz_core.model import TopicPartition
from streamz_core.protocol.messages.consumer_group_heartbeat import (
    JOINING_EPOCH,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from streamz_core.protocol.messages.join_group import LOCAL_HOSTS, JoinGroupRequest, JoinGroupResponse
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity
from streamz_core.protocol.messages.sync_group import SyncGroupRequest, SyncGroupResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamz_core.broker.services import BrokerServices

_log = logging.getLogger(__name__)


def random_member_id(client_id: str) -> str:
    """A member id nobody had before, told apart by its client's name."""
    return f"{client_id or 'member'}-{uuid.uuid4()}"


AnyGroup: TypeAlias = LiveGroup | LiveConsumerGroup


class GroupCoordinator:
    """The groups of one broker; ``load`` before use."""

    def __init__(
        self, services: BrokerServices, *, new_member_id: Callable[[str], str] = random_member_id
    ) -> None:
        """``new_member_id`` makes a member id from a client id; deterministic tests hand in their own."""
        config = services.config
        self.offsets_log = OffsetsLog(services)
        self.services = services
        self._new_member_id = new_member_id
        self._rules = Rules(
            initial_rebalance_delay_ms=config.group_initial_rebalance_delay_ms,
            session_timeout_min_ms=config.group_min_session_timeout_ms,
            session_timeout_max_ms=config.group_max_session_timeout_ms,
        )
        self._consumer_rules = ConsumerRules(
            session_timeout_ms=config.group_consumer_session_timeout_ms,
            heartbeat_interval_ms=config.group_consumer_heartbeat_interval_ms,
        )
        self._topics = Topics({})
        self._groups: dict[str, AnyGroup] = {}
        self._holders: dict[int, dict[str, None]] = {}
        """Producer id to the groups whose offsets its open transaction holds."""

    async def load(self) -> None:
        """Read ``__consumer_offsets`` and take its groups up.

        Members that lived in the process that ended are gone with it, and so are those on its local socket, which
        begin anew when it closes; members on the network may come back within their session timeout.
        """
        found = offsets_log.load(self.services)
        for group_id, loaded in found.groups.items():
            live: AnyGroup
            if isinstance(loaded.group, ConsumerGroup):
                live = self._take_up_consumer(loaded.group)
                live.offsets = loaded.offsets
                live.resume()
                live.lose(
                    *[m.member_id for m in loaded.group.members.values() if m.client_host in LOCAL_HOSTS]
                )
            else:
                live = self._take_up(loaded.group)
                live.offsets = loaded.offsets
                live.resume()
                local = _local_members(loaded.group)
                if local:
                    live.tell(events.Leave(members=local))
            for producer_id in loaded.offsets.pending_producers:
                self._holders.setdefault(producer_id, {})[group_id] = None
        self.services.marker_listeners.append(self._marker_written)

    async def close(self) -> None:
        """Send away whoever waits; every later request of a group must find the broker closed."""
        self.stop()

    def stop(self) -> None:
        """As ``close``, for a broker that stops as in a crash."""
        for live in self._groups.values():
            live.stop()

    def get(self, group_id: str) -> AnyGroup | None:
        """The group, if there is one."""
        return self._groups.get(group_id)

    def get_or_create(self, group_id: str) -> AnyGroup:
        """The group; a new one is empty and leaves no trace before something is stored of it."""
        return self._groups.get(group_id) or self._take_up(Group(group_id=group_id))

    def groups(self) -> list[AnyGroup]:
        """Every group, in the order they came."""
        return list(self._groups.values())

    def _take_up(self, group: Group) -> LiveGroup:
        live = LiveGroup(self.services, self.offsets_log, self._rules, group, self._group_died)
        self._groups[group.group_id] = live
        return live

    def _take_up_consumer(self, group: ConsumerGroup) -> LiveConsumerGroup:
        rules = self._consumer_rules
        live = LiveConsumerGroup(
            self.services, self.offsets_log, rules, group, self._group_died, self._members_went
        )
        self._groups[group.group_id] = live
        return live

    @property
    def topics(self) -> Topics:
        """The topics there are now."""
        if self._topics.entries is not self.services.directory.topics:
            self._topics = Topics(self.services.directory.topics)
        return self._topics

    async def join(self, request: JoinGroupRequest) -> JoinGroupResponse:
        """JoinGroup: answered when the generation begins."""
        if not is_valid_group_id(request.group_id):
            return refused_join(ErrorCode.INVALID_GROUP_ID, request.member_id)
        if not _is_writable(request):
            return refused_join(ErrorCode.INVALID_REQUEST, request.member_id)
        live = self.get(request.group_id)
        if isinstance(live, LiveConsumerGroup) and live.group.members:
            new_member_id = self._new_member_id(request.group_instance_id or request.client_id)
            return await migration.join(live, request, self.topics, new_member_id)
        if live is None or isinstance(live, LiveConsumerGroup):
            if request.member_id:
                return refused_join(ErrorCode.UNKNOWN_MEMBER_ID, request.member_id)
            try:
                live = self._to_join(request.group_id, live)
            except LOG_FAILURES as failure:
                return refused_join(code_of(failure), request.member_id)
        event = events.Join(
            member_id=request.member_id,
            group_instance_id=request.group_instance_id,
            new_member_id=self._new_member_id(request.group_instance_id or request.client_id),
            requires_known_member_id=request.requires_known_member_id,
            client_id=request.client_id,
            client_host=request.client_host,
            session_timeout_ms=request.session_timeout_ms,
            rebalance_timeout_ms=request.rebalance_timeout_ms,
            protocol_type=request.protocol_type,
            protocols=tuple((protocol.name, protocol.metadata) for protocol in request.protocols),
        )
        response: JoinGroupResponse = await live.ask(event)
        self.drop_if_unused(live)
        return response

    def _to_join(self, group_id: str, live: LiveConsumerGroup | None) -> LiveGroup:
        return self._take_up(Group(group_id=group_id)) if live is None else self._turned_to_classic(live)

    def _turned_to_classic(self, live: LiveConsumerGroup) -> LiveGroup:
        """An empty group of the consumer protocol, as one of the classic. Raises what an append raises."""
        group = live.group
        self._end_kind(live)
        turned = self._take_up(
            Group(group_id=group.group_id, generation_id=group.epoch, state_since_ms=group.changed_ms)
        )
        turned.offsets = live.offsets
        return turned

    def _turned_to_consumer(self, live: LiveGroup, group: ConsumerGroup) -> LiveConsumerGroup:
        """A group of the classic protocol, as one of the consumer protocol. Raises what an append raises."""
        records = changes(ConsumerGroup(group_id=group.group_id), group)
        self._end_kind(live, {key_bytes(key): value for key, value in records.items()})
        turned = self._take_up_consumer(group)
        turned.offsets = live.offsets
        turned.resume()
        return turned

    def _members_went(self, live: LiveConsumerGroup) -> None:
        """A group that is left to members of the classic protocol is theirs again."""
        if not is_left_to_classic(live.group) or self._groups.get(live.group.group_id) is not live:
            return
        group = downgraded(live.group, self.topics.name_of)
        try:
            self._end_kind(live, {group_key(group.group_id): group_value(group)})
        except LOG_FAILURES as failure:
            _log.error("group %r stays of the consumer protocol: %s", group.group_id, failure)
            return
        turned = self._take_up(group)
        turned.offsets = live.offsets
        turned.resume()
        turned.rebalance()

    def _end_kind(self, live: AnyGroup, following: Mapping[bytes, bytes | None] = {}) -> None:
        """Take back what was kept of the group but its offsets, and keep what follows: another protocol begins."""
        gone = [] if live.is_unused else live.removal_keys()
        records = {**dict.fromkeys(gone), **following}
        if records:
            self.offsets_log.write_records(live.group.group_id, records)
        live.hand_over()

    async def consumer_heartbeat(
        self, request: ConsumerGroupHeartbeatRequest
    ) -> ConsumerGroupHeartbeatResponse:
        """ConsumerGroupHeartbeat: answered when what it changed is durable."""
        refused = refuse_request(request)
        if refused is None and not is_valid_group_id(request.group_id):
            refused = Refused(ErrorCode.INVALID_GROUP_ID, f"{request.group_id!r} is no group id")
        live = self._for_heartbeat(request) if refused is None else refused
        if isinstance(live, Refused):
            return ConsumerGroupHeartbeatResponse(error_code=live.code, error_message=live.message)
        member_id = request.member_id or self._new_member_id(request.instance_id or request.client_id)
        step = await live.beat(heartbeat_of(request, member_id), self.topics)
        self.drop_if_unused(live)
        if isinstance(step, Refused):
            return ConsumerGroupHeartbeatResponse(error_code=step.code, error_message=step.message)
        return heartbeat_answer(step, member_id, self._consumer_rules.heartbeat_interval_ms)

    def _for_heartbeat(self, request: ConsumerGroupHeartbeatRequest) -> LiveConsumerGroup | Refused:
        """The group that the member is in, or joins; one of the classic protocol without members is turned."""
        live = self.get(request.group_id)
        if isinstance(live, LiveConsumerGroup):
            return live
        if request.member_epoch != JOINING_EPOCH:
            message = f"group {request.group_id!r} has no member {request.member_id!r}: join again"
            return Refused(ErrorCode.UNKNOWN_MEMBER_ID, message)
        if live is None:
            return self._take_up_consumer(ConsumerGroup(group_id=request.group_id))
        group = upgraded(live.group, self.topics)
        if group is None:
            message = f"group {request.group_id!r} has members that are no consumers: stop them first"
            return Refused(ErrorCode.GROUP_ID_NOT_FOUND, message)
        try:
            return self._turned_to_consumer(live, group)
        except LOG_FAILURES as failure:
            return Refused(code_of(failure), str(failure))

    async def sync(self, request: SyncGroupRequest) -> SyncGroupResponse:
        """SyncGroup: answered when the leader's assignment is durable."""
        live = self.get(request.group_id)
        if live is None:
            return SyncGroupResponse(error_code=_unknown(request.group_id))
        if isinstance(live, LiveConsumerGroup):
            return migration.sync(live, request, self.topics)
        event = events.Sync(
            generation_id=request.generation_id,
            member_id=request.member_id,
            group_instance_id=request.group_instance_id,
            protocol_type=request.protocol_type,
            protocol_name=request.protocol_name,
            assignments={a.member_id: a.assignment for a in request.assignments},
        )
        response: SyncGroupResponse = await live.ask(event)
        return response

    async def heartbeat(self, request: HeartbeatRequest) -> HeartbeatResponse:
        """Heartbeat: answered at once, or when there is something to tell and ``max_wait_ms`` at most."""
        live = self._groups.get(request.group_id)
        if live is None:
            return HeartbeatResponse(error_code=_unknown(request.group_id))
        if isinstance(live, LiveConsumerGroup):
            return await migration.heartbeat(live, request, lambda: self.topics)
        event = events.Heartbeat(
            generation_id=request.generation_id,
            member_id=request.member_id,
            group_instance_id=request.group_instance_id,
            may_wait=request.max_wait_ms > 0,
        )
        return await live.beat(event, request.max_wait_ms)

    async def leave(self, request: LeaveGroupRequest) -> LeaveGroupResponse:
        """LeaveGroup: the others are asked to rebalance at once."""
        live = self.get(request.group_id)
        if live is None:
            return LeaveGroupResponse(error_code=_unknown(request.group_id), members=[])
        if isinstance(live, LiveConsumerGroup):
            return await migration.leave(live, request, self.topics)
        response: LeaveGroupResponse = live.tell(events.Leave(members=tuple(request.members)))
        self.drop_if_unused(live)
        return response

    def offsets_partition(self, group_id: str) -> TopicPartition:
        """Where the group's offsets live: what a transaction that commits them takes part in."""
        log = self.offsets_log.partition_log(group_id)
        return TopicPartition(log.topic, log.partition)

    def hold_for(self, producer_id: int, group_id: str) -> None:
        """The producer's open transaction holds offsets of the group."""
        self._holders.setdefault(producer_id, {})[group_id] = None

    def _group_died(self, live: AnyGroup) -> None:
        live.stop()
        if self._groups.get(live.group.group_id) is live:
            del self._groups[live.group.group_id]

    def drop_if_unused(self, live: AnyGroup) -> None:
        """A group that was only asked about leaves nothing behind: names cost no memory."""
        if live.is_unused and live.offsets.is_empty:
            self._group_died(live)

    def _marker_written(
        self, partition: TopicPartition, producer_id: int, producer_epoch: int, is_committed: bool
    ) -> None:
        if partition.topic != OFFSETS_TOPIC:
            return
        for group_id in list(self._holders.get(producer_id, ())):
            if self.offsets_partition(group_id) != partition:
                continue
            del self._holders[producer_id][group_id]
            live = self._groups.get(group_id)
            if live is not None:
                live.offsets.resolve(producer_id, is_committed=is_committed)
        if not self._holders.get(producer_id, True):
            del self._holders[producer_id]


def _is_writable(request: JoinGroupRequest) -> bool:
    names = [request.client_id, request.client_host, request.group_instance_id or "", request.protocol_type]
    names += (protocol.name for protocol in request.protocols)
    return all(is_writable(name) for name in names)


def _unknown(group_id: str) -> ErrorCode:
    return ErrorCode.UNKNOWN_MEMBER_ID if is_valid_group_id(group_id) else ErrorCode.INVALID_GROUP_ID


def _local_members(group: Group) -> tuple[MemberIdentity, ...]:
    """Those that lived in the process that is no more, or were connected to it by its socket."""
    return tuple(
        MemberIdentity(member_id=member.member_id)
        for member in group.members.values()
        if member.client_host in LOCAL_HOSTS
    )
