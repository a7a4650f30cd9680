"""How a rebalance begins and completes.

Owns: asking members to join again, choosing leader and protocol of the next generation, its answers.
Must not know: which event set it off.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec

from streamz_core.broker.groups.events import (
    AnswerHeartbeat,
    AnswerJoin,
    AnswerSync,
    ClearTimer,
    Decision,
    Effect,
    EndSession,
    ExtendSession,
    NoteGeneration,
    SetTimer,
    Store,
)
from streamz_core.broker.groups.state import Group, GroupState, Member, Rules, change, move
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.heartbeat import HeartbeatResponse
from streamz_core.protocol.messages.join_group import JoinGroupMember, JoinGroupResponse
from streamz_core.protocol.messages.sync_group import SyncGroupResponse

_UNKNOWN: Final = HeartbeatResponse(error_code=ErrorCode.UNKNOWN_MEMBER_ID)
REBALANCING: Final = HeartbeatResponse(error_code=ErrorCode.REBALANCE_IN_PROGRESS)


def prepare(group: Group, now_ms: int, rules: Rules) -> Decision:
    """Ask every member to join again; with all of them already waiting, complete at once."""
    effects = [
        *refuse_syncs(group, ErrorCode.REBALANCE_IN_PROGRESS),
        *(AnswerHeartbeat(member_id, REBALANCING) for member_id in group.members),
    ]
    waits_ms = group.longest_rebalance_timeout_ms
    delay_ms = rules.initial_rebalance_delay_ms if group.state is GroupState.EMPTY else 0
    group = move(
        group,
        GroupState.PREPARING_REBALANCE,
        now_ms,
        members={m.member_id: msgspec.structs.replace(m, has_synced=False) for m in group.members.values()},
        is_assigned=False,
        is_gathering=delay_ms > 0,
        has_grown=False,
        gathering_left_ms=max(waits_ms - delay_ms, 0),
    )
    if delay_ms > 0:
        return Decision(group, [*effects, SetTimer(min(delay_ms, waits_ms) or delay_ms)])
    group, completed = complete_if_all_joined(group, now_ms)
    return Decision(group, [*effects, SetTimer(waits_ms), *completed])


def refuse_syncs(group: Group, error_code: ErrorCode) -> list[Effect]:
    """Answers for every member that waits for an assignment which will not come."""
    if group.state is not GroupState.COMPLETING_REBALANCE:
        return []
    refusal = SyncGroupResponse(error_code=error_code)
    return [AnswerSync(m.member_id, refusal) for m in group.members.values() if m.has_synced]


def complete_if_all_joined(group: Group, now_ms: int) -> Decision:
    """Complete the rebalance unless somebody is still waited for."""
    is_waiting = group.is_gathering or group.pending_ids
    if is_waiting or not all(m.has_joined for m in group.members.values()):
        return Decision(group, [])
    return complete(group, now_ms)


def gather_on(group: Group, rules: Rules) -> Decision | None:
    """Prolong the initial delay if somebody came meanwhile (and time is left), else None."""
    if not (group.is_gathering and group.has_grown and group.gathering_left_ms > 0):
        return None
    delay_ms = min(rules.initial_rebalance_delay_ms, group.gathering_left_ms)
    left_ms = group.gathering_left_ms - delay_ms
    return Decision(change(group, has_grown=False, gathering_left_ms=left_ms), [SetTimer(delay_ms)])


def complete(group: Group, now_ms: int) -> Decision:
    """Begin the next generation with those who joined.

    Dynamic members that did not join are removed. A static member that did not keeps its place until
    its session ends: that is what static membership is for.
    """
    late = [m.member_id for m in group.members.values() if not (m.has_joined or m.group_instance_id)]
    effects: list[Effect] = [EndSession(member_id) for member_id in late]
    group = change(group.without_members(late), is_gathering=False)
    joined = [m for m in group.members.values() if m.has_joined]
    if not group.members:
        return Decision(_emptied(group, now_ms), [*effects, ClearTimer(), Store(is_awaited=False)])
    if not joined:
        return Decision(group, [*effects, SetTimer(group.longest_rebalance_timeout_ms)])
    leader = group.leader if group.leader in {m.member_id for m in joined} else joined[0].member_id
    group = move(
        group,
        GroupState.COMPLETING_REBALANCE,
        now_ms,
        generation_id=group.generation_id + 1,
        leader=leader,
        protocol_name=choose_protocol(group),
        members={
            m.member_id: msgspec.structs.replace(m, has_joined=False, has_synced=False, assignment=b"")
            for m in group.members.values()
        },
    )
    effects.append(NoteGeneration())
    for member in joined:
        effects.append(AnswerJoin(member.member_id, joined_response(group, member.member_id)))
        effects.append(ExtendSession(member.member_id, member.session_timeout_ms))
    return Decision(group, [*effects, SetTimer(group.longest_rebalance_timeout_ms)])


def _emptied(group: Group, now_ms: int) -> Group:
    return move(
        group,
        GroupState.EMPTY,
        now_ms,
        generation_id=group.generation_id + 1,
        protocol_name=None,
        leader=None,
        is_assigned=False,
    )


def choose_protocol(group: Group) -> str:
    """The protocol all members know that most of them want most; earlier members break ties."""
    common = common_protocols(list(group.members.values()))
    assert common, f"group {group.group_id!r}: members without a common protocol were let in"
    votes = Counter(
        next(name for name, _ in member.protocols if name in common) for member in group.members.values()
    )
    return votes.most_common(1)[0][0]


def common_protocols(members: list[Member]) -> frozenset[str]:
    """The names of the protocols that every one of these members knows."""
    names = [frozenset(name for name, _ in member.protocols) for member in members]
    return frozenset.intersection(*names) if names else frozenset()


def joined_response(group: Group, member_id: str, *, skip_assignment: bool = False) -> JoinGroupResponse:
    """The current generation as one member is told it; only the leader sees the members."""
    members: list[JoinGroupMember] = []
    if member_id == group.leader:
        members = [
            JoinGroupMember(
                member_id=m.member_id,
                group_instance_id=m.group_instance_id,
                metadata=m.subscription(group.protocol_name),
            )
            for m in group.members.values()
        ]
    return JoinGroupResponse(
        generation_id=group.generation_id,
        protocol_type=group.protocol_type,
        protocol_name=group.protocol_name,
        leader=group.leader or "",
        skip_assignment=skip_assignment,
        member_id=member_id,
        members=members,
    )


def without(group: Group, member_ids: list[str], now_ms: int, rules: Rules) -> Decision:
    """Take members out and let the others share their partitions at once."""
    effects: list[Effect] = [EndSession(member_id) for member_id in member_ids]
    was_completing = group.state is GroupState.COMPLETING_REBALANCE
    for member_id in member_ids:
        effects.append(AnswerHeartbeat(member_id, _UNKNOWN))
        member = group.members[member_id]
        if member.has_joined:
            effects.append(AnswerJoin(member_id, refused_join(ErrorCode.UNKNOWN_MEMBER_ID, member_id)))
        if was_completing and member.has_synced:
            effects.append(AnswerSync(member_id, SyncGroupResponse(error_code=ErrorCode.UNKNOWN_MEMBER_ID)))
    group = group.without_members(member_ids)
    if group.state is GroupState.PREPARING_REBALANCE:
        group, more = complete_if_all_joined(group, now_ms)
    else:
        group, more = prepare(group, now_ms, rules)
    return Decision(group, [*effects, *more])


def refused_join(error_code: ErrorCode, member_id: str) -> JoinGroupResponse:
    """A JoinGroup answer that only says why not."""
    return JoinGroupResponse(error_code=error_code, member_id=member_id, members=[])
