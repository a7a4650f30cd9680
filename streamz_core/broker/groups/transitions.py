"""The group protocol as a table: every event in every state has one decision.

Owns: ``decide``, and which function decides each (state, event).
Must not know: clocks, files, the event loop: a decision is a pure function of its arguments, and
``live_group`` carries out what it asks for.

Source: https://kafka.apache.org/protocol#The_Messages_JoinGroup and its neighbours; KIP-62 (timeouts),
KIP-345 (static members), KIP-394 (member ids before membership).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from streamz_core.broker.groups import rebalance
from streamz_core.broker.groups.events import (
    AnswerSync,
    AwaitHeartbeat,
    AwaitSync,
    ClearTimer,
    Decision,
    Delete,
    Effect,
    EndSession,
    Event,
    ExtendSession,
    Forget,
    Heartbeat,
    Join,
    Leave,
    PhaseTimeout,
    Reply,
    SessionExpired,
    Store,
    Stored,
    Sync,
)
from streamz_core.broker.groups.joining import join
from streamz_core.broker.groups.state import Group, GroupState, Member, Rules, change, move
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.heartbeat import HeartbeatResponse
from streamz_core.protocol.messages.leave_group import LeaveGroupResponse, MemberIdentity, MemberResponse
from streamz_core.protocol.messages.sync_group import SyncGroupResponse

Handler = Callable[[Group, Any, int, Rules], Decision]


def decide(group: Group, event: Event, now_ms: int, rules: Rules) -> Decision:
    """What the group becomes through an event, and what to do about it. ``now_ms`` is wall clock."""
    return TABLE[group.state, type(event)](group, event, now_ms, rules)


def identity_error(group: Group, member_id: str, group_instance_id: str | None) -> ErrorCode | None:
    """Why a member that speaks up is none of this group, or None."""
    if group_instance_id is not None:
        held = group.static_member(group_instance_id)
        if held is not None and held.member_id != member_id:
            return ErrorCode.FENCED_INSTANCE_ID
    return None if member_id in group.members else ErrorCode.UNKNOWN_MEMBER_ID


def commit_error(
    group: Group, *, generation_id: int, member_id: str, group_instance_id: str | None, is_transactional: bool
) -> ErrorCode | None:
    """Why an offset commit must be refused, or None: what fences zombies (KIP-447).

    Without generation and member only a group that has no members takes offsets (manual assignment);
    inside a transaction such a commit is taken too, as Kafka takes it from clients that know no
    generations: there the transactional id alone fences.
    """
    if group.state is GroupState.DEAD:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    if generation_id < 0 and not member_id and group_instance_id is None:
        accepts = group.state is GroupState.EMPTY or is_transactional
        return None if accepts else ErrorCode.UNKNOWN_MEMBER_ID
    error = identity_error(group, member_id, group_instance_id)
    if error is not None:
        return error
    if generation_id != group.generation_id:
        return ErrorCode.ILLEGAL_GENERATION
    if group.state is GroupState.COMPLETING_REBALANCE and not is_transactional:
        return ErrorCode.REBALANCE_IN_PROGRESS
    return None


def _ignore(group: Group, event: Event, now_ms: int, rules: Rules) -> Decision:
    return Decision(group, [])


def _refuse_join(error: ErrorCode) -> Handler:
    def refuse(group: Group, event: Join, now_ms: int, rules: Rules) -> Decision:
        return Decision(group, [Reply(rebalance.refused_join(error, event.member_id))])

    return refuse


def _refuse_sync(error: ErrorCode) -> Handler:
    def refuse(group: Group, event: Sync, now_ms: int, rules: Rules) -> Decision:
        return Decision(group, [Reply(SyncGroupResponse(error_code=error))])

    return refuse


def _refuse_heartbeat(error: ErrorCode) -> Handler:
    def refuse(group: Group, event: Heartbeat, now_ms: int, rules: Rules) -> Decision:
        return Decision(group, [Reply(HeartbeatResponse(error_code=error))])

    return refuse


def _refuse_leave(group: Group, event: Leave, now_ms: int, rules: Rules) -> Decision:
    return Decision(
        group, [Reply(LeaveGroupResponse(error_code=ErrorCode.COORDINATOR_NOT_AVAILABLE, members=[]))]
    )


def _refuse_delete(error: ErrorCode) -> Handler:
    def refuse(group: Group, event: Delete, now_ms: int, rules: Rules) -> Decision:
        return Decision(group, [Reply(error)])

    return refuse


def _delete(group: Group, event: Delete, now_ms: int, rules: Rules) -> Decision:
    ended: list[Effect] = [EndSession(member_id) for member_id in sorted(group.pending_ids)]
    dead = move(group, GroupState.DEAD, now_ms, pending_ids=frozenset())
    return Decision(dead, [*ended, ClearTimer(), Forget(), Reply(ErrorCode.NONE)])


_ALIVE: Final = HeartbeatResponse()


def _heartbeat(group: Group, event: Heartbeat, now_ms: int, rules: Rules) -> Decision:
    member_id = event.member_id
    error = identity_error(group, member_id, event.group_instance_id)
    if error is None and event.generation_id != group.generation_id:
        error = ErrorCode.ILLEGAL_GENERATION
    if error is not None:
        return Decision(group, [Reply(HeartbeatResponse(error_code=error))])
    lives = ExtendSession(member_id, group.members[member_id].session_timeout_ms)
    if group.state is GroupState.PREPARING_REBALANCE:
        return Decision(group, [lives, Reply(rebalance.REBALANCING)])
    return Decision(group, [lives, AwaitHeartbeat(member_id) if event.may_wait else Reply(_ALIVE)])


def _sync_error(group: Group, event: Sync) -> ErrorCode | None:
    error = identity_error(group, event.member_id, event.group_instance_id)
    if error is not None:
        return error
    if event.generation_id != group.generation_id:
        return ErrorCode.ILLEGAL_GENERATION
    if event.protocol_type is not None and event.protocol_type != group.protocol_type:
        return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    if event.protocol_name is not None and event.protocol_name != group.protocol_name:
        return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    return None


def _sync_completing(group: Group, event: Sync, now_ms: int, rules: Rules) -> Decision:
    """Followers wait; the leader's assignment is stored before anybody gets it."""
    error = _sync_error(group, event)
    if error is not None:
        return Decision(group, [Reply(SyncGroupResponse(error_code=error))])
    synced = msgspec.structs.replace(group.members[event.member_id], has_synced=True)
    group = group.with_member(synced)
    effects: list[Effect] = [AwaitSync(event.member_id)]
    if event.member_id == group.leader and not group.is_assigned:
        assigned = {
            m.member_id: msgspec.structs.replace(m, assignment=event.assignments.get(m.member_id, b""))
            for m in group.members.values()
        }
        group = change(group, members=assigned, is_assigned=True)
        effects.append(Store(is_awaited=True))
    return Decision(group, effects)


def _sync_stable(group: Group, event: Sync, now_ms: int, rules: Rules) -> Decision:
    error = _sync_error(group, event)
    if error is not None:
        return Decision(group, [Reply(SyncGroupResponse(error_code=error))])
    member = group.members[event.member_id]
    effects: list[Effect] = [ExtendSession(member.member_id, member.session_timeout_ms)]
    if not member.has_synced:
        group = group.with_member(msgspec.structs.replace(member, has_synced=True))
        effects += _clear_timer_if_all_synced(group)
    return Decision(group, [*effects, Reply(_assigned(group, member))])


def _assigned(group: Group, member: Member) -> SyncGroupResponse:
    return SyncGroupResponse(
        protocol_type=group.protocol_type, protocol_name=group.protocol_name, assignment=member.assignment
    )


def _clear_timer_if_all_synced(group: Group) -> list[Effect]:
    """While somebody has not fetched its assignment the timer stays: its partitions lie idle."""
    return [ClearTimer()] if all(m.has_synced for m in group.members.values()) else []


def _stored(group: Group, event: Stored, now_ms: int, rules: Rules) -> Decision:
    if event.generation_id != group.generation_id or not group.is_assigned:
        return Decision(group, [])  # a rebalance overtook it; who waited has been answered
    if event.error_code is not ErrorCode.NONE:
        refused = rebalance.refuse_syncs(group, event.error_code)
        idle = {
            m.member_id: msgspec.structs.replace(m, has_synced=False, assignment=b"")
            for m in group.members.values()
        }
        group, effects = rebalance.prepare(change(group, members=idle), now_ms, rules)
        return Decision(group, [*refused, *effects])
    group = move(group, GroupState.STABLE, now_ms)
    effects = []
    for member in group.members.values():
        if member.has_synced:
            effects.append(AnswerSync(member.member_id, _assigned(group, member)))
            effects.append(ExtendSession(member.member_id, member.session_timeout_ms))
    return Decision(group, [*effects, *_clear_timer_if_all_synced(group)])


def _leave(group: Group, event: Leave, now_ms: int, rules: Rules) -> Decision:
    responses: list[MemberResponse] = []
    going: list[str] = []
    pending = set(group.pending_ids)
    for identity in event.members:
        member_id, error = _who_leaves(group, identity)
        if member_id in pending:
            pending.discard(member_id)
            error = ErrorCode.NONE
        elif error is ErrorCode.NONE and member_id not in going:
            going.append(member_id)
        responses.append(
            MemberResponse(
                member_id=identity.member_id, group_instance_id=identity.group_instance_id, error_code=error
            )
        )
    ended: list[Effect] = [EndSession(member_id) for member_id in sorted(group.pending_ids - pending)]
    group = change(group, pending_ids=frozenset(pending))
    effects: list[Effect] = []
    if going:
        group, effects = rebalance.without(group, going, now_ms, rules)
    elif ended and group.state is GroupState.PREPARING_REBALANCE:
        group, effects = rebalance.complete_if_all_joined(group, now_ms)
    return Decision(group, [*ended, *effects, Reply(LeaveGroupResponse(members=responses))])


def _who_leaves(group: Group, identity: MemberIdentity) -> tuple[str, ErrorCode]:
    if identity.group_instance_id is None:
        known = identity.member_id in group.members
        return identity.member_id, ErrorCode.NONE if known else ErrorCode.UNKNOWN_MEMBER_ID
    held = group.static_member(identity.group_instance_id)
    if held is None:
        return identity.member_id, ErrorCode.UNKNOWN_MEMBER_ID
    if identity.member_id and identity.member_id != held.member_id:
        return identity.member_id, ErrorCode.FENCED_INSTANCE_ID
    return held.member_id, ErrorCode.NONE


def _session_expired(group: Group, event: SessionExpired, now_ms: int, rules: Rules) -> Decision:
    member_id = event.member_id
    if member_id in group.pending_ids:
        group = change(group, pending_ids=group.pending_ids - {member_id})
        if group.state is not GroupState.PREPARING_REBALANCE:
            return Decision(group, [EndSession(member_id)])
        group, effects = rebalance.complete_if_all_joined(group, now_ms)
        return Decision(group, [EndSession(member_id), *effects])
    if member_id not in group.members:
        return Decision(group, [EndSession(member_id)])
    return rebalance.without(group, [member_id], now_ms, rules)


def _joins_timed_out(group: Group, event: PhaseTimeout, now_ms: int, rules: Rules) -> Decision:
    return rebalance.gather_on(group, rules) or rebalance.complete(group, now_ms)


def _syncs_timed_out(group: Group, event: PhaseTimeout, now_ms: int, rules: Rules) -> Decision:
    """Whoever has not come for its assignment is no member any more (else its partitions lie idle)."""
    idle = [m.member_id for m in group.members.values() if not m.has_synced]
    return rebalance.without(group, idle, now_ms, rules) if idle else Decision(group, [])


_EMPTY, _PREPARING, _COMPLETING, _STABLE, _DEAD = GroupState
_UNAVAILABLE: Final = ErrorCode.COORDINATOR_NOT_AVAILABLE
_UNKNOWN: Final = ErrorCode.UNKNOWN_MEMBER_ID

_REBALANCING_SYNC: Final = _refuse_sync(ErrorCode.REBALANCE_IN_PROGRESS)


def _sync_preparing(group: Group, event: Sync, now_ms: int, rules: Rules) -> Decision:
    error = _sync_error(group, event)
    refuse = _REBALANCING_SYNC if error is None else _refuse_sync(error)
    return refuse(group, event, now_ms, rules)


TABLE: Final[Mapping[tuple[GroupState, type[Event]], Handler]] = {
    (_EMPTY, Join): join,
    (_EMPTY, Sync): _refuse_sync(_UNKNOWN),
    (_EMPTY, Heartbeat): _refuse_heartbeat(_UNKNOWN),
    (_EMPTY, Leave): _leave,
    (_EMPTY, SessionExpired): _session_expired,
    (_EMPTY, PhaseTimeout): _ignore,
    (_EMPTY, Stored): _ignore,
    (_EMPTY, Delete): _delete,
    (_PREPARING, Join): join,
    (_PREPARING, Sync): _sync_preparing,
    (_PREPARING, Heartbeat): _heartbeat,
    (_PREPARING, Leave): _leave,
    (_PREPARING, SessionExpired): _session_expired,
    (_PREPARING, PhaseTimeout): _joins_timed_out,
    (_PREPARING, Stored): _ignore,
    (_PREPARING, Delete): _refuse_delete(ErrorCode.NON_EMPTY_GROUP),
    (_COMPLETING, Join): join,
    (_COMPLETING, Sync): _sync_completing,
    (_COMPLETING, Heartbeat): _heartbeat,
    (_COMPLETING, Leave): _leave,
    (_COMPLETING, SessionExpired): _session_expired,
    (_COMPLETING, PhaseTimeout): _syncs_timed_out,
    (_COMPLETING, Stored): _stored,
    (_COMPLETING, Delete): _refuse_delete(ErrorCode.NON_EMPTY_GROUP),
    (_STABLE, Join): join,
    (_STABLE, Sync): _sync_stable,
    (_STABLE, Heartbeat): _heartbeat,
    (_STABLE, Leave): _leave,
    (_STABLE, SessionExpired): _session_expired,
    (_STABLE, PhaseTimeout): _syncs_timed_out,
    (_STABLE, Stored): _ignore,
    (_STABLE, Delete): _refuse_delete(ErrorCode.NON_EMPTY_GROUP),
    (_DEAD, Join): _refuse_join(_UNAVAILABLE),
    (_DEAD, Sync): _refuse_sync(_UNAVAILABLE),
    (_DEAD, Heartbeat): _refuse_heartbeat(_UNAVAILABLE),
    (_DEAD, Leave): _refuse_leave,
    (_DEAD, SessionExpired): _ignore,
    (_DEAD, PhaseTimeout): _ignore,
    (_DEAD, Stored): _ignore,
    (_DEAD, Delete): _refuse_delete(ErrorCode.GROUP_ID_NOT_FOUND),
}
"""The whole protocol: a pair that is missing here fails ``test_transitions``."""
