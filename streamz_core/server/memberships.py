"""The groups that a local peer is in, which it leaves when its connection ends.

Owns: noting who joined and left over a connection, and the requests by which the rest leave.
Must not know: how groups work, connections.

A peer on the network may come back on another connection, so its members wait for their session timeout, as in
Kafka. The connection of a process of this machine ends when the process does: nobody has to wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.join_group import JoinGroupRequest
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from streamz_core.server.session import Membership

if TYPE_CHECKING:
    from streamz_core.protocol.messages.request import Request
    from streamz_core.server.session import Session

_REASON = "the connection of its process ended"


def note(session: Session, request: Request[Any], response: Any) -> None:
    """Remember what an answered request of a local peer says about its memberships.

    A static member (one with an instance id) is meant to come back, and is not noted.
    """
    if isinstance(request, JoinGroupRequest):
        joined = response.error_code in (ErrorCode.NONE, ErrorCode.MEMBER_ID_REQUIRED)
        if joined and request.group_instance_id is None:
            session.memberships.add(Membership(request.group_id, response.member_id))
    elif isinstance(request, LeaveGroupRequest):
        session.memberships -= {Membership(request.group_id, one.member_id) for one in request.members}


def leaving(session: Session) -> list[LeaveGroupRequest]:
    """The requests by which the peer leaves all its groups."""
    by_group: dict[str, list[MemberIdentity]] = {}
    for group_id, member_id in sorted(session.memberships):
        by_group.setdefault(group_id, []).append(MemberIdentity(member_id=member_id, reason=_REASON))
    return [LeaveGroupRequest(group_id=group_id, members=members) for group_id, members in by_group.items()]
