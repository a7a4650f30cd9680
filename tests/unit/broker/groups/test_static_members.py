"""Static members (KIP-345), decision by decision."""

from __future__ import annotations

from streamz_core.broker.groups.events import (
    AnswerJoin,
    AnswerSync,
    Leave,
    PhaseTimeout,
    SetTimer,
    Store,
    Stored,
)
from streamz_core.broker.groups.state import GroupState
from streamz_core.broker.groups.transitions import commit_error
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.leave_group import MemberIdentity
from tests.unit.broker.groups.scene import Scene, beat, join, leave, sync


class TestStaticMembers:
    def scene(self) -> Scene:
        scene = Scene()
        scene.do(join("a1", group_instance_id="a"))
        scene.do(sync("a1", 1, group_instance_id="a", assignments={"a1": b"all"}))
        scene.do(Stored(generation_id=1, error_code=ErrorCode.NONE))
        return scene

    def test_a_restart_takes_its_place_over_without_a_rebalance(self) -> None:
        scene = self.scene()

        response = scene.reply(join("a2", group_instance_id="a"))

        assert (response.member_id, response.generation_id, response.leader) == ("a2", 1, "a2")
        assert response.skip_assignment
        assert scene.group.state is GroupState.STABLE
        assert scene.of(Store) == [Store(is_awaited=False)]
        assert scene.reply(sync("a2", 1, group_instance_id="a")).assignment == b"all"

    def test_the_old_holder_is_fenced(self) -> None:
        scene = self.scene()
        scene.do(join("a2", group_instance_id="a"))

        assert scene.reply(beat("a1", 1, "a")).error_code is ErrorCode.FENCED_INSTANCE_ID
        refused = scene.reply(join(member_id="a1", group_instance_id="a"))
        assert refused.error_code is ErrorCode.FENCED_INSTANCE_ID
        assert (
            commit_error(
                scene.group,
                generation_id=1,
                member_id="a1",
                group_instance_id="a",
                is_transactional=True,
            )
            is ErrorCode.FENCED_INSTANCE_ID
        )

    def test_a_restart_with_another_subscription_rebalances(self) -> None:
        scene = self.scene()

        scene.do(join("a2", group_instance_id="a", protocols=(("range", b"more"),)))

        assert scene.answers(AnswerJoin)["a2"].generation_id == 2

    def test_the_waiting_requests_of_the_old_holder_are_fenced(self) -> None:
        scene = self.scene()
        scene.do(join("b1", group_instance_id="b"))

        scene.do(join("b2", group_instance_id="b"))

        assert scene.answers(AnswerJoin)["b1"].error_code is ErrorCode.FENCED_INSTANCE_ID
        assert set(scene.group.members) == {"a1", "b2"}

    def test_the_waiting_sync_of_the_old_holder_is_fenced(self) -> None:
        scene = self.scene()
        scene.do(join("b1", group_instance_id="b"))
        scene.do(join(member_id="a1", group_instance_id="a"))
        scene.do(sync("b1", 2, group_instance_id="b"))

        scene.do(join("b2", group_instance_id="b"))

        assert scene.answers(AnswerSync)["b1"].error_code is ErrorCode.FENCED_INSTANCE_ID

    def test_it_keeps_its_place_while_it_is_away(self) -> None:
        scene = self.scene()
        scene.do(join("b"))

        scene.do(PhaseTimeout())

        assert set(scene.group.members) == {"a1", "b"}
        assert set(scene.answers(AnswerJoin)) == {"b"}
        assert scene.group.leader == "b"

    def test_nobody_there_at_all_is_waited_for(self) -> None:
        scene = self.scene()
        scene.do(join("b"))
        scene.do(leave("b"))

        scene.do(PhaseTimeout())

        assert scene.group.state is GroupState.PREPARING_REBALANCE
        assert scene.of(SetTimer) == [SetTimer(60_000)]

    def test_it_leaves_by_its_name(self) -> None:
        scene = self.scene()
        wrong = MemberIdentity(member_id="a9", group_instance_id="a")
        nobody = MemberIdentity(member_id="", group_instance_id="z")
        right = MemberIdentity(member_id="", group_instance_id="a")

        response = scene.reply(Leave(members=(wrong, nobody, right)))

        codes = [m.error_code for m in response.members]
        assert codes == [ErrorCode.FENCED_INSTANCE_ID, ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.NONE]
        assert scene.group.state is GroupState.EMPTY

    def test_an_unknown_name_with_an_id_is_refused(self) -> None:
        response = self.scene().reply(join(member_id="x", group_instance_id="x"))

        assert response.error_code is ErrorCode.UNKNOWN_MEMBER_ID
