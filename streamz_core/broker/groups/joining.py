"""What a JoinGroup request does in every state.

Owns: admission of new, returning, pending and static members.
Must not know: how a rebalance chooses leader and protocol.
"""

from __future__ import annotations

import msgspec

from streamz_core.broker.groups import rebalance
from streamz_core.broker.groups.events import (
    AnswerHeartbeat,
    AnswerJoin,
    AnswerSync,
    AwaitJoin,
    Decision,
    Effect,
    EndSession,
    ExtendSession,
    Join,
    Reply,
    Store,
)
from streamz_core.broker.groups.state import Group, GroupState, Member, Rules, change
from streamz_core.broker.groups.subscriptions import subscribe_alike
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.heartbeat import HeartbeatResponse
from streamz_core.protocol.messages.sync_group import SyncGroupResponse


def join(group: Group, event: Join, now_ms: int, rules: Rules) -> Decision:
    """Admit the member, or say why not."""
    error = _inadmissible(group, event, rules)
    if error is not None:
        return _refuse(group, error, event.member_id)
    if event.member_id:
        return _join_known(group, event, now_ms, rules)
    if event.group_instance_id is not None:
        held = group.static_member(event.group_instance_id)
        if held is not None:
            return _replace_static(group, held, event, now_ms, rules)
    elif event.requires_known_member_id:
        return _hand_out_id(group, event)
    return _add(group, event.new_member_id, event, now_ms, rules)


def _refuse(group: Group, error: ErrorCode, member_id: str) -> Decision:
    return Decision(group, [Reply(rebalance.refused_join(error, member_id))])


def _inadmissible(group: Group, event: Join, rules: Rules) -> ErrorCode | None:
    if not rules.session_timeout_min_ms <= event.session_timeout_ms <= rules.session_timeout_max_ms:
        return ErrorCode.INVALID_SESSION_TIMEOUT
    if not event.protocol_type or not event.protocols:
        return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    others = [m for m in group.members.values() if m.member_id != event.member_id]
    if event.group_instance_id is not None:
        others = [m for m in others if m.group_instance_id != event.group_instance_id]
    if not others:
        return None
    common = rebalance.common_protocols(others)
    if event.protocol_type != group.protocol_type or not any(n in common for n, _ in event.protocols):
        return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    return None


def _member(member_id: str, event: Join, assignment: bytes = b"") -> Member:
    return Member(
        member_id=member_id,
        group_instance_id=event.group_instance_id,
        client_id=event.client_id,
        client_host=event.client_host,
        session_timeout_ms=event.session_timeout_ms,
        rebalance_timeout_ms=max(event.rebalance_timeout_ms, 0) or event.session_timeout_ms,
        protocols=event.protocols,
        assignment=assignment,
        has_joined=True,
    )


def _hand_out_id(group: Group, event: Join) -> Decision:
    """KIP-394: the client learns its id first, so that a lost answer leaves no member behind."""
    member_id = event.new_member_id
    group = change(group, pending_ids=group.pending_ids | {member_id})
    refusal = rebalance.refused_join(ErrorCode.MEMBER_ID_REQUIRED, member_id)
    return Decision(group, [ExtendSession(member_id, event.session_timeout_ms), Reply(refusal)])


def _add(group: Group, member_id: str, event: Join, now_ms: int, rules: Rules) -> Decision:
    group = change(
        group.with_member(_member(member_id, event)),
        pending_ids=group.pending_ids - {member_id},
        protocol_type=event.protocol_type,
        has_grown=True,
    )
    return _rebalance(group, member_id, now_ms, rules)


def _rebalance(group: Group, member_id: str, now_ms: int, rules: Rules) -> Decision:
    """Let a member that has just joined wait for the others."""
    if group.state is GroupState.PREPARING_REBALANCE:
        group, effects = rebalance.complete_if_all_joined(group, now_ms)
    else:
        group, effects = rebalance.prepare(group, now_ms, rules)
    return Decision(group, [AwaitJoin(member_id), *effects])


def _join_known(group: Group, event: Join, now_ms: int, rules: Rules) -> Decision:
    """Somebody who says it has an id: pending, or a member that joins again."""
    if event.group_instance_id is not None:
        held = group.static_member(event.group_instance_id)
        if held is None:
            return _refuse(group, ErrorCode.UNKNOWN_MEMBER_ID, event.member_id)
        if held.member_id != event.member_id:
            return _refuse(group, ErrorCode.FENCED_INSTANCE_ID, event.member_id)
    if event.member_id in group.pending_ids:
        return _add(group, event.member_id, event, now_ms, rules)
    member = group.members.get(event.member_id)
    if member is None:
        return _refuse(group, ErrorCode.UNKNOWN_MEMBER_ID, event.member_id)
    if _keeps_generation(group, member, event):
        # It lost the answer to its last JoinGroup, or asks for nothing new: the generation stands.
        response = rebalance.joined_response(group, member.member_id)
        return Decision(group, [ExtendSession(member.member_id, member.session_timeout_ms), Reply(response)])
    group = group.with_member(_member(member.member_id, event, member.assignment))
    return _rebalance(group, member.member_id, now_ms, rules)


def _keeps_generation(group: Group, member: Member, event: Join) -> bool:
    if member.protocols != event.protocols:
        return False
    if group.state is GroupState.COMPLETING_REBALANCE:
        return True
    # A leader that joins a stable group again asks for a new assignment (its partitions changed).
    return group.state is GroupState.STABLE and member.member_id != group.leader


def _replace_static(group: Group, held: Member, event: Join, now_ms: int, rules: Rules) -> Decision:
    """A static member came back without its id: it takes its place over and fences the old holder."""
    member = _member(event.new_member_id, event, held.assignment)
    fenced = ErrorCode.FENCED_INSTANCE_ID
    refused_beat = HeartbeatResponse(error_code=fenced)
    effects: list[Effect] = [EndSession(held.member_id), AnswerHeartbeat(held.member_id, refused_beat)]
    if held.has_joined:
        effects.append(AnswerJoin(held.member_id, rebalance.refused_join(fenced, held.member_id)))
    if held.has_synced and group.state is GroupState.COMPLETING_REBALANCE:
        effects.append(AnswerSync(held.member_id, SyncGroupResponse(error_code=fenced)))
    is_leader = group.leader == held.member_id
    members = {m.member_id: m for m in (member if m is held else m for m in group.members.values())}
    group = change(group, members=members, leader=member.member_id if is_leader else group.leader)
    is_same = subscribe_alike(group.protocol_type, held.protocols, event.protocols)
    if group.state is GroupState.STABLE and is_same:
        settled = msgspec.structs.replace(member, has_joined=False, has_synced=held.has_synced)
        group = group.with_member(settled)
        response = rebalance.joined_response(group, member.member_id, skip_assignment=is_leader)
        extend = ExtendSession(member.member_id, member.session_timeout_ms)
        return Decision(group, [*effects, extend, Store(is_awaited=False), Reply(response)])
    group, more = _rebalance(group, member.member_id, now_ms, rules)
    return Decision(group, [*effects, *more])
