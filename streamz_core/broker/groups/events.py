"""What can happen to a group, and what its decisions ask to be done.

Owns: events (in) and effects (out) of ``transitions.decide``, as values.
Must not know: how effects are carried out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from streamz_core.broker.groups.state import Group, Protocols
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.heartbeat import HeartbeatResponse
from streamz_core.protocol.messages.join_group import JoinGroupResponse
from streamz_core.protocol.messages.leave_group import LeaveGroupResponse, MemberIdentity
from streamz_core.protocol.messages.sync_group import SyncGroupResponse


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a group."""


class Join(Event, frozen=True, kw_only=True):
    """A JoinGroup request. ``new_member_id`` is what to call the member if it has no id yet."""

    member_id: str
    group_instance_id: str | None
    new_member_id: str
    requires_known_member_id: bool
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocol_type: str
    protocols: Protocols


class Sync(Event, frozen=True, kw_only=True):
    """A SyncGroup request; only the leader's ``assignments`` count."""

    generation_id: int
    member_id: str
    group_instance_id: str | None
    protocol_type: str | None
    protocol_name: str | None
    assignments: Mapping[str, bytes]


class Heartbeat(Event, frozen=True, kw_only=True):
    """A Heartbeat request; one that ``may_wait`` is answered when there is something to tell."""

    generation_id: int
    member_id: str
    group_instance_id: str | None
    may_wait: bool = False


class Leave(Event, frozen=True, kw_only=True):
    """A LeaveGroup request."""

    members: tuple[MemberIdentity, ...]


class SessionExpired(Event, frozen=True, kw_only=True):
    """A member was not heard of for its session timeout."""

    member_id: str


class PhaseTimeout(Event, frozen=True, kw_only=True):
    """The timer set by ``SetTimer`` fired: the phase under way has waited long enough."""


class Stored(Event, frozen=True, kw_only=True):
    """A ``Store`` with ``is_awaited`` is durable, or failed."""

    generation_id: int
    error_code: ErrorCode


class Delete(Event, frozen=True, kw_only=True):
    """A DeleteGroups request, or the last offset of an empty group expired."""


class Effect(msgspec.Struct, frozen=True):
    """Something to be done because of a decision."""


class Reply(Effect, frozen=True):
    """Answer the request that this decision is about."""

    response: JoinGroupResponse | SyncGroupResponse | HeartbeatResponse | LeaveGroupResponse | ErrorCode


class AwaitJoin(Effect, frozen=True):
    """The request waits for ``AnswerJoin`` to this member."""

    member_id: str


class AwaitSync(Effect, frozen=True):
    """The request waits for ``AnswerSync`` to this member."""

    member_id: str


class AwaitHeartbeat(Effect, frozen=True):
    """The request waits for ``AnswerHeartbeat`` to this member, or until its own time is up."""

    member_id: str


class AnswerJoin(Effect, frozen=True):
    """Answer whoever waits for this member's JoinGroup."""

    member_id: str
    response: JoinGroupResponse


class AnswerSync(Effect, frozen=True):
    """Answer whoever waits for this member's SyncGroup."""

    member_id: str
    response: SyncGroupResponse


class AnswerHeartbeat(Effect, frozen=True):
    """Answer whoever waits with this member's Heartbeat."""

    member_id: str
    response: HeartbeatResponse


class ExtendSession(Effect, frozen=True):
    """The member lives: its session ends ``timeout_ms`` from now, unless extended again."""

    member_id: str
    timeout_ms: int


class EndSession(Effect, frozen=True):
    """The member is gone: forget its session."""

    member_id: str


class SetTimer(Effect, frozen=True):
    """Send ``PhaseTimeout`` after this delay; replaces the timer set before."""

    delay_ms: int


class ClearTimer(Effect, frozen=True):
    """No ``PhaseTimeout`` any more."""


class Store(Effect, frozen=True):
    """Write the group's metadata record; if awaited, send ``Stored`` when it is durable."""

    is_awaited: bool


class NoteGeneration(Effect, frozen=True):
    """Write down that this generation has begun, so that none after a restart is called the same.

    Without members: until their assignment is stored there is nothing of them to take up again.
    """


class Forget(Effect, frozen=True):
    """Write tombstones for the group and every offset it holds."""


class Decision(NamedTuple):
    """The group after an event, and what to do, in order."""

    group: Group
    effects: list[Effect]
