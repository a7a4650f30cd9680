"""One group as it lives in the broker: carries out what the decisions ask for.

Owns: the group's present value, its sessions, timer, waiting requests and offsets.
Must not know: how decisions are made (``transitions``), which other groups there are.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from streamz_core.broker.groups import events
from streamz_core.broker.groups.offsets import GroupOffsets
from streamz_core.broker.groups.rebalance import prepare, refused_join
from streamz_core.broker.groups.records import group_key
from streamz_core.broker.groups.sessions import Sessions
from streamz_core.broker.groups.state import Group, GroupState, change
from streamz_core.broker.groups.transitions import decide
from streamz_core.broker.groups.waiters import Waiters
from streamz_core.broker.log_failures import LOG_FAILURES, code_of
from streamz_core.errors import ErrorCode
from streamz_core.model import Durability
from streamz_core.protocol.messages.heartbeat import HeartbeatResponse
from streamz_core.protocol.messages.sync_group import SyncGroupResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.broker.groups.offsets_log import OffsetsLog
    from streamz_core.broker.groups.state import Rules
    from streamz_core.broker.services import BrokerServices
    from streamz_core.clock import Cancellable
    from streamz_core.protocol.messages.join_group import JoinGroupResponse

_log = logging.getLogger(__name__)


class LiveGroup:
    """The shell around a ``Group`` value; everything here runs on the broker's event loop."""

    def __init__(
        self,
        services: BrokerServices,
        offsets_log: OffsetsLog,
        rules: Rules,
        group: Group,
        on_dead: Callable[[LiveGroup], None],
    ) -> None:
        """``on_dead`` is called once, when the group is deleted."""
        self.group = group
        self.offsets = GroupOffsets()
        self._services = services
        self._offsets_log = offsets_log
        self._rules = rules
        self._on_dead = on_dead
        self._joins: Waiters[JoinGroupResponse] = Waiters()
        self._syncs: Waiters[SyncGroupResponse] = Waiters()
        self._heartbeats: Waiters[HeartbeatResponse] = Waiters()
        self._sessions = Sessions(services.clock, self._session_expired)
        self._timer: Cancellable | None = None
        self._is_stopped = False

    def resume(self) -> None:
        """Take up a group read back from the log: its members have a session to be heard of again."""
        for member in self.group.members.values():
            self._sessions.extend(member.member_id, member.session_timeout_ms)

    def stop(self) -> None:
        """The broker closes: nothing fires any more, whoever waits is sent away."""
        self._send_away(ErrorCode.COORDINATOR_NOT_AVAILABLE)

    def hand_over(self) -> None:
        """The group goes on with another protocol: its members are to join again."""
        self._send_away(ErrorCode.REBALANCE_IN_PROGRESS)

    def _send_away(self, code: ErrorCode) -> None:
        self._is_stopped = True
        self._sessions.stop()
        self._clear_timer()
        # Who waits to join keeps its id and asks again; not every client takes another answer for that.
        self._joins.answer_all(refused_join(ErrorCode.COORDINATOR_NOT_AVAILABLE, ""))
        self._syncs.answer_all(SyncGroupResponse(error_code=code))
        self._heartbeats.answer_all(HeartbeatResponse(error_code=code))

    def heard_of(self, member_id: str) -> None:
        """A commit proves that the member lives, like a heartbeat."""
        member = self.group.members.get(member_id)
        if member is not None:
            self._sessions.extend(member_id, member.session_timeout_ms)

    def tell(self, event: events.Event) -> Any:
        """Decide on ``event``, carry the decision out; its response, or a future of it, or None."""
        return self._follow(decide(self.group, event, self._services.clock.now_ms(), self._rules))

    def rebalance(self) -> None:
        """Ask every member to join again, as where the group was taken over as it stands."""
        self._follow(prepare(self.group, self._services.clock.now_ms(), self._rules))

    def _follow(self, decision: events.Decision) -> Any:
        self.group = decision.group
        answer: Any = None
        for effect in decision.effects:
            match effect:
                case events.Reply(response):
                    answer = response
                case events.AwaitJoin(member_id):
                    answer = self._joins.add(member_id)
                case events.AwaitSync(member_id):
                    answer = self._syncs.add(member_id)
                case events.AwaitHeartbeat(member_id):
                    answer = self._heartbeats.add(member_id)
                case _:
                    self._carry_out(effect)
        return answer

    async def ask(self, event: events.Join | events.Sync) -> Any:
        """As ``tell``, but waits for the response."""
        answer = self.tell(event)
        if not isinstance(answer, asyncio.Future):
            return answer
        try:
            return await answer
        except asyncio.CancelledError:
            self._given_up(event, answer)
            raise

    async def beat(self, event: events.Heartbeat, max_wait_ms: float) -> HeartbeatResponse:
        """As ``tell``, but an answer that may wait is waited for, ``max_wait_ms`` at most."""
        answer: HeartbeatResponse | asyncio.Future[HeartbeatResponse] = self.tell(event)
        if not isinstance(answer, asyncio.Future):
            return answer
        waiting = answer
        time_up = self._services.clock.call_later(
            max_wait_ms, lambda: None if waiting.done() else waiting.set_result(HeartbeatResponse())
        )
        try:
            return await waiting
        finally:
            time_up.cancel()
            self._heartbeats.discard(event.member_id, waiting)

    def _given_up(self, event: events.Join | events.Sync, answer: asyncio.Future[Any]) -> None:
        """Nobody waits for the answer any more: from now on the member has to show that it lives."""
        member_id = event.member_id
        if isinstance(event, events.Join):
            member_id = member_id or event.new_member_id
        waiters: Waiters[Any] = self._joins if isinstance(event, events.Join) else self._syncs
        if waiters.discard(member_id, answer):
            self.heard_of(member_id)

    def _carry_out(self, effect: events.Effect) -> None:
        match effect:
            case events.ExtendSession(member_id, timeout_ms):
                self._sessions.extend(member_id, timeout_ms)
            case events.EndSession(member_id):
                self._sessions.end(member_id)
            case events.AnswerJoin(member_id, response):
                self._joins.answer(member_id, response)
            case events.AnswerSync(member_id, response):
                self._syncs.answer(member_id, response)
            case events.AnswerHeartbeat(member_id, response):
                self._heartbeats.answer(member_id, response)
            case events.SetTimer(delay_ms):
                self._clear_timer()
                self._timer = self._services.clock.call_later(delay_ms, self._timed_out)
            case events.ClearTimer():
                self._clear_timer()
            case events.Store(is_awaited):
                self._store(is_awaited=is_awaited)
            case events.NoteGeneration():
                self._note_generation()
            case events.Forget():
                self._clear_timer()
                self._on_dead(self)
            case _:
                raise AssertionError(f"nobody carries out {effect!r}")

    def _clear_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _timed_out(self) -> None:
        self._timer = None
        if not self._is_stopped:
            self.tell(events.PhaseTimeout())

    def _session_expired(self, member_id: str) -> None:
        if self._is_stopped:
            return
        if member_id in self._joins or member_id in self._syncs:
            # A member whose request waits here cannot send heartbeats, and needs none.
            self.heard_of(member_id)
            return
        _log.info("group %r: member %r was not heard of in time and is out", self.group.group_id, member_id)
        self.tell(events.SessionExpired(member_id=member_id))

    def _store(self, *, is_awaited: bool) -> None:
        """Write the group's metadata now; whoever awaits it is told later."""
        level = Durability.SYNC if is_awaited else Durability.OS
        generation_id = self.group.generation_id
        try:
            record_offset = self._offsets_log.write_group(self.group, level=level)
        except LOG_FAILURES as failure:
            _log.error("group %r could not be stored: %s", self.group.group_id, failure)
            if is_awaited:
                # After the effects of the decision under way, not among them.
                asyncio.get_running_loop().call_soon(self._stored, generation_id, code_of(failure))
            return
        if is_awaited:
            work = self._await_stored(generation_id, record_offset)
            self._services.spawn(work, name=f"store group {self.group.group_id!r}")

    def _note_generation(self) -> None:
        begun = change(self.group, members={}, leader=None, protocol_name=None)
        try:
            self._offsets_log.write_group(begun, level=Durability.OS)
        except LOG_FAILURES as failure:
            # The assignment, stored later in the same log, is what counts; without it nobody owns anything.
            _log.warning("group %r: its generation is not noted: %s", begun.group_id, failure)

    async def _await_stored(self, generation_id: int, record_offset: int) -> None:
        log = self._offsets_log.partition_log(self.group.group_id)
        error = ErrorCode.NONE
        try:
            await self._services.durable(log, record_offset + 1)
        except LOG_FAILURES as failure:
            _log.error("group %r could not be stored: %s", self.group.group_id, failure)
            error = code_of(failure)
        self._stored(generation_id, error)

    def _stored(self, generation_id: int, error_code: ErrorCode) -> None:
        if not self._is_stopped:
            self.tell(events.Stored(generation_id=generation_id, error_code=error_code))

    def die(self) -> ErrorCode:
        """The group's records are taken back: it is no more; an error if it has members."""
        error: ErrorCode = self.tell(events.Delete())
        return error

    def removal_keys(self) -> list[bytes]:
        """The keys of all records of the group but its offsets."""
        return [group_key(self.group.group_id)]

    @property
    def is_unused(self) -> bool:
        """Whether nothing of the group would be missed but its offsets."""
        group = self.group
        return group.generation_id == 0 and group.state is GroupState.EMPTY and not group.pending_ids

    @property
    def is_awaited(self) -> bool:
        """Whether somebody is about to join it."""
        return bool(self.group.pending_ids)

    @property
    def is_dead(self) -> bool:
        """Whether the group was deleted."""
        return self.group.state is GroupState.DEAD
