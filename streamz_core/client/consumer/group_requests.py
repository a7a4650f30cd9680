"""The requests of a group member.

Owns: ``GroupRequests``: join, sync, heartbeat and leave, the member's id and generation, and what each
error code asks of the member.
Must not know: subscriptions, assignors.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamz_core.aio.deadline import sleep
from streamz_core.client.errors import FencedInstanceIdError, KafkaError, RebalanceInProgressError, error_for
from streamz_core.client.group_metadata import GroupMetadata
from streamz_core.client.request import is_repeatable, name_of
from streamz_core.errors import ErrorCode, Retriable
from streamz_core.protocol.consumer_protocol import PROTOCOL_TYPE
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest
from streamz_core.protocol.messages.join_group import JoinGroupProtocol, JoinGroupRequest
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from streamz_core.protocol.messages.sync_group import SyncGroupAssignment, SyncGroupRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamz_core.client.consumer.group_settings import GroupSettings
    from streamz_core.client.request import Requests

_log = logging.getLogger(__name__)


class Left(Retriable):
    """The coordinator no longer counts this member in; it has to join anew."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The generation a member joined; ``members`` (id to subscription) is for the leader only.

    ``assigns``: whether an assignment is wanted of this member. The leader's is not if it is a static member
    that came back to a generation that stands (KIP-814).
    """

    generation_id: int
    protocol: str
    is_leader: bool
    assigns: bool
    members: dict[str, bytes]


class GroupRequests:
    """Speaks with the coordinator of one group."""

    def __init__(self, requests: Requests, settings: GroupSettings) -> None:
        self._requests = requests
        self._settings = settings
        self._member_id = ""
        self._generation_id = -1

    @property
    def identity(self) -> GroupMetadata:
        """Group, generation, member."""
        return GroupMetadata(
            self._settings.group_id, self._generation_id, self._member_id, self._settings.group_instance_id
        )

    @property
    def outsider(self) -> GroupMetadata:
        """The group without a member: whoever commits where nobody subscribes."""
        return GroupMetadata(self._settings.group_id)

    @property
    def has_generation(self) -> bool:
        """Whether the coordinator counts this member in, as far as is known."""
        return self._generation_id >= 0

    def forget(self) -> None:
        """Be nobody in the group."""
        self._member_id = ""
        self._generation_id = -1

    async def join(self, protocols: Mapping[str, bytes], reason: str) -> Joined:
        """Join the next generation, once all members have.

        Raises ``Left`` where the coordinator does not know this member any more, and what makes joining useless
        as it is, such as ``InconsistentGroupProtocolError``.
        """
        settings = self._settings
        patience_ms = settings.rebalance_timeout_ms + self._requests.timeout_ms
        while True:
            request = JoinGroupRequest(
                group_id=settings.group_id,
                session_timeout_ms=settings.session_timeout_ms,
                rebalance_timeout_ms=settings.rebalance_timeout_ms,
                member_id=self._member_id,
                group_instance_id=settings.group_instance_id,
                protocols=[JoinGroupProtocol(name=name, metadata=data) for name, data in protocols.items()],
                reason=reason,
                client_id=settings.client_id,
                # Who knows its id can leave, also while it waits to join: nobody stays behind as a ghost.
                requires_known_member_id=True,
            )
            what = f"joining group {settings.group_id!r}"
            answer = await self._requests.send(request, what, timeout_ms=patience_ms)
            code = answer.error_code
            if code == ErrorCode.NONE:
                self._member_id = answer.member_id
                self._generation_id = answer.generation_id
                members = {member.member_id: member.metadata for member in answer.members}
                is_leader = answer.leader == answer.member_id
                assigns = is_leader and not answer.skip_assignment
                return Joined(answer.generation_id, answer.protocol_name or "", is_leader, assigns, members)
            if code == ErrorCode.MEMBER_ID_REQUIRED:
                self._member_id = answer.member_id
            elif is_repeatable(code) or code == ErrorCode.REBALANCE_IN_PROGRESS:
                await sleep(self._requests.clock, self._requests.retry_backoff_ms)
            else:
                raise self._error(code, what)

    async def sync(self, joined: Joined, shares: Mapping[str, bytes]) -> bytes:
        """Hand in the leader's ``shares`` and return this member's own, encoded.

        Raises ``Left`` or ``RebalanceInProgressError`` where the group has moved on already.
        """
        what = f"syncing with group {self._settings.group_id!r}"
        answer = await self._requests.send(
            SyncGroupRequest(
                group_id=self._settings.group_id,
                generation_id=self._generation_id,
                member_id=self._member_id,
                group_instance_id=self._settings.group_instance_id,
                protocol_type=PROTOCOL_TYPE,
                protocol_name=joined.protocol,
                assignments=[
                    SyncGroupAssignment(member_id=member_id, assignment=share)
                    for member_id, share in shares.items()
                ],
            ),
            what,
            timeout_ms=self._settings.rebalance_timeout_ms + self._requests.timeout_ms,
        )
        if answer.error_code != ErrorCode.NONE:
            raise self._error(answer.error_code, what)
        return answer.assignment

    async def heartbeat(self) -> str | None:
        """Say that the member lives; why it should join again, None if it need not. Raises ``Left``.

        A broker that can holds its answer until there is something to tell, ``heartbeat_interval_ms`` at most.
        """
        what = f"heartbeat to group {self._settings.group_id!r}"
        generation_id = self._generation_id
        request = HeartbeatRequest(
            group_id=self._settings.group_id,
            generation_id=generation_id,
            member_id=self._member_id,
            group_instance_id=self._settings.group_instance_id,
            max_wait_ms=self._settings.heartbeat_interval_ms,
        )
        patience_ms = self._settings.session_timeout_ms + self._settings.heartbeat_interval_ms
        answer = await self._requests.send(request, what, timeout_ms=patience_ms)
        code = answer.error_code
        if code == ErrorCode.NONE or generation_id != self._generation_id:
            return None  # a heartbeat of a generation that is over says nothing of this one
        if code == ErrorCode.REBALANCE_IN_PROGRESS:
            return "the group is rebalancing"
        raise self._error(code, what)

    async def leave(self, reason: str) -> None:
        """Leave the group; a static member is only forgotten here, its place is kept for its return."""
        member_id = self._member_id
        self.forget()
        if member_id and self._settings.group_instance_id is None:
            request = LeaveGroupRequest(
                group_id=self._settings.group_id, members=[MemberIdentity(member_id=member_id, reason=reason)]
            )
            try:
                await self._requests.send(request, f"leaving group {self._settings.group_id!r}")
            except KafkaError as error:
                _log.warning("the group will notice by its session timeout: %s", error)

    def _error(self, code: ErrorCode, what: str) -> Exception:
        if code in (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.ILLEGAL_GENERATION):
            self.forget()
            return Left(f"{what}: {name_of(code)}")
        if code == ErrorCode.REBALANCE_IN_PROGRESS:
            return RebalanceInProgressError(f"{what}: the group is rebalancing again")
        if code == ErrorCode.FENCED_INSTANCE_ID:
            self.forget()
            return FencedInstanceIdError(
                f"{what}: another consumer uses group_instance_id {self._settings.group_instance_id!r}; "
                "instance ids must be unique in a group"
            )
        return error_for(code, f"{what}: {name_of(code)}")
