"""What a heartbeat, a silence and a farewell do to a group.

Owns: who is a member, in which epoch; when the group enters its next one.
Must not know: clocks, files, the event loop: a step is a pure function of its arguments, and
``live_consumer_group`` carries it out.

Source: KIP-848; KIP-345 (static members)
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from streamz_core.broker.groups.consumer.heartbeats import Heartbeat, Refused
from streamz_core.broker.groups.consumer.reconciliation import reconcile
from streamz_core.broker.groups.consumer.state import (
    AWAY_EPOCH,
    NONE,
    ConsumerGroup,
    ConsumerMember,
    MemberState,
    Partitions,
    change_group,
    change_member,
)
from streamz_core.broker.groups.consumer.targets import refreshed, retargeted
from streamz_core.broker.patterns.syntax import InvalidPattern
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.consumer_group_heartbeat import JOINING_EPOCH, LEAVING_EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.broker.groups.consumer.topics import ReadTopics


class Step(msgspec.Struct, frozen=True):
    """The group after a heartbeat, and what the member is told."""

    group: ConsumerGroup
    epoch: int
    assignment: Partitions | None = None
    """None where it is what the member was told before."""
    gone: tuple[str, ...] = ()
    """Members that are members no more."""


def beat(
    group: ConsumerGroup,
    heartbeat: Heartbeat,
    topics: ReadTopics,
    now_ms: int,
    *,
    reads_anew: bool = False,
) -> Step | Refused:
    """What the group becomes through a heartbeat of who joins, or is a member.

    ``reads_anew``: what the member asks for means something else than when it was last heard of.
    """
    found = _member_of(group, heartbeat)
    if isinstance(found, Refused):
        return found
    before, gone = found
    member = _updated(before, heartbeat)
    if member.regex and member.regex != before.regex:
        try:
            topics.matching(member.regex)
        except InvalidPattern as wrong:
            return Refused(ErrorCode.INVALID_REGULAR_EXPRESSION, str(wrong))
    after = _taken_in(group, before, member, gone, now_ms)
    after = refreshed(after, topics)
    if reads_anew and after.epoch == group.epoch:
        after = change_group(after, epoch=after.epoch + 1)
    after = retargeted(after, topics)
    member = _reconciled(after, member, heartbeat)
    if after.members[member.member_id] != member:
        after = after.with_member(member)
    is_behind = heartbeat.epoch != before.epoch  # it has missed an answer
    is_told = (
        heartbeat.epoch == JOINING_EPOCH
        or is_behind
        or heartbeat.is_full
        or member.assigned != before.assigned
    )
    return Step(after, member.epoch, member.assigned if is_told else None, gone)


def _reconciled(group: ConsumerGroup, member: ConsumerMember, heartbeat: Heartbeat) -> ConsumerMember:
    target = group.target.get(member.member_id, NONE)
    others = partial(group.held_by_others, member.member_id)
    moved = reconcile(member, target, group.target_epoch, heartbeat.owned, others)
    if heartbeat.classic is None or moved.state is not MemberState.UNREVOKED_PARTITIONS:
        return moved
    # Who joins by the classic protocol is about to take nothing: what it does not own it has given up.
    return reconcile(moved, target, group.target_epoch, heartbeat.owned, others)


def leave(group: ConsumerGroup, heartbeat: Heartbeat, now_ms: int) -> Step | Refused:
    """What the group becomes when a member says that it goes, for good or, a static one, for now."""
    if heartbeat.instance_id is None:
        member = group.members.get(heartbeat.member_id)
    else:
        member = group.static_member(heartbeat.instance_id)
        if member is not None and member.member_id != heartbeat.member_id:
            return _fenced_instance(heartbeat.instance_id, member)
    if member is None:
        return _unknown(group, heartbeat)
    if heartbeat.epoch == LEAVING_EPOCH:
        return Step(
            group.without_members([member.member_id], now_ms), LEAVING_EPOCH, gone=(member.member_id,)
        )
    away = change_member(
        member, epoch=AWAY_EPOCH, previous_epoch=member.epoch, state=MemberState.STABLE, revoking=NONE
    )
    return Step(group.with_member(away), AWAY_EPOCH)


def lose(group: ConsumerGroup, member_ids: Iterable[str], now_ms: int) -> ConsumerGroup:
    """What the group becomes when members were not heard of in time, or did not give up in time."""
    gone = [member_id for member_id in member_ids if member_id in group.members]
    return group.without_members(gone, now_ms) if gone else group


def _member_of(
    group: ConsumerGroup, heartbeat: Heartbeat
) -> tuple[ConsumerMember, tuple[str, ...]] | Refused:
    """Who speaks, as it was before, and whose place it takes."""
    static = None if heartbeat.instance_id is None else group.static_member(heartbeat.instance_id)
    if heartbeat.epoch != JOINING_EPOCH:
        return _living(group, heartbeat, static)
    if static is not None and static.member_id != heartbeat.member_id:
        return _replaced(heartbeat, static)
    member = static or group.members.get(heartbeat.member_id)
    if member is None:
        return ConsumerMember(member_id=heartbeat.member_id, instance_id=heartbeat.instance_id), ()
    # A JoinGroup is also how a classic member goes one step further in its generation.
    return member if heartbeat.classic is not None and member.epoch > 0 else _joining(member), ()


def _replaced(heartbeat: Heartbeat, held: ConsumerMember) -> tuple[ConsumerMember, tuple[str, ...]] | Refused:
    """A static member came back under another id: it takes its place over, if the former holder has left it."""
    # Classic static members go without a word, and take their place over by joining again.
    is_free = held.epoch == AWAY_EPOCH or held.classic is not None or heartbeat.classic is not None
    if not is_free:
        message = f"instance id {heartbeat.instance_id!r} is held by member {held.member_id!r}, which lives"
        return Refused(ErrorCode.UNRELEASED_INSTANCE_ID, message)
    return change_member(_joining(held), member_id=heartbeat.member_id), (held.member_id,)


def _joining(member: ConsumerMember) -> ConsumerMember:
    """A member that joins again: it has given everything up, and nobody else has it yet."""
    return change_member(
        member,
        epoch=JOINING_EPOCH,
        previous_epoch=JOINING_EPOCH,
        state=MemberState.STABLE,
        revoking=NONE,
    )


def _living(
    group: ConsumerGroup, heartbeat: Heartbeat, static: ConsumerMember | None
) -> tuple[ConsumerMember, tuple[str, ...]] | Refused:
    if static is not None and static.member_id != heartbeat.member_id:
        return _fenced_instance(heartbeat.instance_id or "", static)
    member = group.members.get(heartbeat.member_id) if heartbeat.instance_id is None else static
    if member is None:
        return _unknown(group, heartbeat)
    if not _is_current(member, heartbeat):
        message = (
            f"group {group.group_id!r}: member {member.member_id!r} is in epoch {member.epoch}, "
            f"not {heartbeat.epoch}: give up all partitions and join again"
        )
        return Refused(ErrorCode.FENCED_MEMBER_EPOCH, message)
    return member, ()


def _is_current(member: ConsumerMember, heartbeat: Heartbeat) -> bool:
    """Whether the member knows its epoch, or has only missed the answer that told it a newer one."""
    if heartbeat.epoch == member.epoch:
        return True
    is_previous = heartbeat.epoch == member.previous_epoch and heartbeat.epoch < member.epoch
    return is_previous and heartbeat.owned is not None and heartbeat.owned <= member.assigned


def _updated(member: ConsumerMember, heartbeat: Heartbeat) -> ConsumerMember:
    changed = change_member(
        member,
        rack_id=member.rack_id if heartbeat.rack_id is None else heartbeat.rack_id,
        client_id=heartbeat.client_id,
        client_host=heartbeat.client_host,
        rebalance_timeout_ms=heartbeat.rebalance_timeout_ms or member.rebalance_timeout_ms,
        topics=member.topics if heartbeat.topics is None else heartbeat.topics,
        regex=member.regex if heartbeat.regex is None else heartbeat.regex or None,
        assignor=heartbeat.assignor or member.assignor,
        classic=heartbeat.classic,
    )
    return member if changed == member else changed


def _taken_in(
    group: ConsumerGroup,
    before: ConsumerMember,
    member: ConsumerMember,
    gone: tuple[str, ...],
    now_ms: int,
) -> ConsumerGroup:
    """The group with the member; in its next epoch if it is new, or asks for something else now."""
    if gone:  # it keeps the place, the partitions and the target of the one it replaces
        names = {gone[0]: member.member_id}
        group = change_group(
            group,
            members={names.get(k, k): (member if k in names else m) for k, m in group.members.items()},
            target={names.get(k, k): p for k, p in group.target.items()},
        )
    is_new = member.member_id not in group.members
    if group.members.get(member.member_id) is not member:
        group = group.with_member(member)
    if is_new or not member.subscribes_as(before):
        group = change_group(group, epoch=group.epoch + 1)
    return change_group(group, changed_ms=now_ms) if is_new else group


def _unknown(group: ConsumerGroup, heartbeat: Heartbeat) -> Refused:
    who = heartbeat.member_id if heartbeat.instance_id is None else heartbeat.instance_id
    message = f"group {group.group_id!r} has no member {who!r}: join again"
    return Refused(ErrorCode.UNKNOWN_MEMBER_ID, message)


def _fenced_instance(instance_id: str, holder: ConsumerMember) -> Refused:
    message = f"instance id {instance_id!r} is held by member {holder.member_id!r} now"
    return Refused(ErrorCode.FENCED_INSTANCE_ID, message)


def commit_error(
    group: ConsumerGroup, *, member_epoch: int, member_id: str, is_transactional: bool
) -> ErrorCode | None:
    """Why an offset commit must be refused, or None: what fences members that were left behind.

    Who names no member may commit while there is none; inside a transaction also otherwise, as Kafka lets
    clients that know no generations: there the transactional id alone fences.
    """
    if group.is_dead:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    if member_epoch < 0 and not member_id and (is_transactional or not group.members):
        return None
    return epoch_error(group, member_id, member_epoch)


def epoch_error(group: ConsumerGroup, member_id: str, member_epoch: int) -> ErrorCode | None:
    """Why who speaks is no member in this epoch, or None."""
    member = group.members.get(member_id)
    if member is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    if member.epoch == member_epoch:
        return None
    return ErrorCode.STALE_MEMBER_EPOCH if member.classic is None else ErrorCode.ILLEGAL_GENERATION
