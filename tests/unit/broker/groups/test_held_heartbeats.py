"""Heartbeats that wait until there is something to tell: decisions, and the requests behind them."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from streamz_core.broker.groups.events import (
    AnswerHeartbeat,
    AwaitHeartbeat,
    Event,
    ExtendSession,
    SessionExpired,
)
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from streamz_core.protocol.messages.join_group import JoinGroupProtocol, JoinGroupRequest, JoinGroupResponse
from streamz_core.protocol.messages.leave_group import LeaveGroupRequest, MemberIdentity
from tests.unit.broker.groups.scene import Scene, beat, join, leave, stable


def held(member_id: str, generation_id: int, **changes: Any) -> Event:
    return msgspec.structs.replace(beat(member_id, generation_id, **changes), may_wait=True)


def told(scene: Scene) -> dict[str, ErrorCode]:
    return {member_id: a.error_code for member_id, a in scene.answers(AnswerHeartbeat).items()}


class TestDecisions:
    def test_a_heartbeat_waits_while_there_is_nothing_to_tell(self) -> None:
        scene = stable("a")

        assert scene.do(held("a", 1)) == [ExtendSession("a", 10_000), AwaitHeartbeat("a")]
        assert scene.reply(beat("a", 1)).error_code is ErrorCode.NONE

    def test_also_while_an_assignment_is_awaited(self) -> None:
        scene = Scene()
        scene.do(join("a"))

        assert scene.do(held("a", 1))[-1] == AwaitHeartbeat("a")

    def test_nothing_waits_that_has_something_to_be_told(self) -> None:
        scene = stable("a")
        assert scene.reply(held("a", 7)).error_code is ErrorCode.ILLEGAL_GENERATION
        assert scene.reply(held("x", 1)).error_code is ErrorCode.UNKNOWN_MEMBER_ID
        scene.do(join("b"))
        assert scene.reply(held("a", 1)).error_code is ErrorCode.REBALANCE_IN_PROGRESS

    @pytest.mark.parametrize(
        "event", [join("c"), join(member_id="a"), leave("b"), SessionExpired(member_id="b")]
    )
    def test_a_rebalance_is_told_to_everybody(self, event: Event) -> None:
        scene = stable("a", "b")

        scene.do(event)

        assert told(scene)["a"] is ErrorCode.REBALANCE_IN_PROGRESS

    def test_who_is_put_out_is_told_so(self) -> None:
        scene = stable("a", "b")

        scene.do(leave("a"))

        assert told(scene) == {
            "a": ErrorCode.UNKNOWN_MEMBER_ID,
            "b": ErrorCode.REBALANCE_IN_PROGRESS,
        }

    def test_who_is_replaced_is_told_so(self) -> None:
        scene = Scene()
        scene.do(join("a1", group_instance_id="a"))

        scene.do(join("a2", group_instance_id="a"))

        assert scene.of(AnswerHeartbeat)[0] == AnswerHeartbeat(
            "a1", HeartbeatResponse(error_code=ErrorCode.FENCED_INSTANCE_ID)
        )


class TestRequests:
    """With a broker and a clock."""

    async def member(self, talk: Any) -> JoinGroupResponse:
        response: JoinGroupResponse = await talk.broker.handle(
            JoinGroupRequest(
                group_id="g",
                session_timeout_ms=10_000,
                protocols=[JoinGroupProtocol(name="range", metadata=b"")],
            )
        )
        return response

    def beat(self, talk: Any, member: JoinGroupResponse, max_wait_ms: int) -> asyncio.Task[HeartbeatResponse]:
        request = HeartbeatRequest(
            group_id="g",
            generation_id=member.generation_id,
            member_id=member.member_id,
            max_wait_ms=max_wait_ms,
        )
        return asyncio.create_task(talk.broker.handle(request))

    async def test_it_is_answered_when_its_time_is_up_and_not_before(self, talk: Any) -> None:
        beating = self.beat(talk, await self.member(talk), 3_000)
        await talk.clock.advance(2_999)
        assert not beating.done()

        await talk.clock.advance(1)

        assert beating.result().error_code is ErrorCode.NONE

    async def test_who_does_not_ask_to_wait_is_answered_at_once(self, talk: Any) -> None:
        beating = self.beat(talk, await self.member(talk), 0)
        await talk.clock.settle()

        assert beating.result().error_code is ErrorCode.NONE

    async def test_it_is_answered_when_another_comes_or_it_goes_itself(self, talk: Any) -> None:
        member = await self.member(talk)
        beating = self.beat(talk, member, 3_000)
        joining = asyncio.create_task(self.member(talk))
        await talk.clock.settle()
        assert beating.result().error_code is ErrorCode.REBALANCE_IN_PROGRESS

        leaving = LeaveGroupRequest(group_id="g", members=[MemberIdentity(member_id=member.member_id)])
        await talk.broker.handle(leaving)
        beating = self.beat(talk, await joining, 3_000)
        await talk.clock.settle()
        assert not beating.done()
        other = MemberIdentity(member_id=(await joining).member_id)
        await talk.broker.handle(LeaveGroupRequest(group_id="g", members=[other]))
        await talk.clock.settle()
        assert beating.result().error_code is ErrorCode.UNKNOWN_MEMBER_ID

    async def test_waiting_does_not_make_a_session_longer(self, talk: Any) -> None:
        beating = self.beat(talk, await self.member(talk), 60_000)
        await talk.clock.advance(9_999)
        assert not beating.done()

        await talk.clock.advance(1)

        assert beating.result().error_code is ErrorCode.UNKNOWN_MEMBER_ID

    @pytest.mark.parametrize("ending", ["close", "abandon"])
    async def test_it_is_sent_away_when_the_broker_ends(self, talk: Any, ending: str) -> None:
        beating = self.beat(talk, await self.member(talk), 60_000)
        await talk.clock.settle()

        await getattr(talk.broker, ending)()

        assert (await beating).error_code is ErrorCode.COORDINATOR_NOT_AVAILABLE

    async def test_one_that_is_given_up_leaves_nothing_behind(self, talk: Any) -> None:
        member = await self.member(talk)
        beating = self.beat(talk, member, 60_000)
        await talk.clock.settle()
        beating.cancel()
        await talk.clock.settle()

        assert member.member_id not in talk.broker.groups.get("g")._heartbeats
