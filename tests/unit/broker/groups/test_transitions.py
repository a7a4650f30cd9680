"""The group protocol, decision by decision, without a broker."""

from __future__ import annotations

from itertools import product
from typing import Any

import msgspec
import pytest

from streamz_core.broker.groups.events import (
    AnswerJoin,
    AnswerSync,
    AwaitJoin,
    AwaitSync,
    ClearTimer,
    Decision,
    Delete,
    EndSession,
    Event,
    ExtendSession,
    Forget,
    PhaseTimeout,
    SessionExpired,
    SetTimer,
    Store,
    Stored,
)
from streamz_core.broker.groups.state import LEGAL_PREDECESSORS, Group, GroupState, Rules, move
from streamz_core.broker.groups.transitions import TABLE, commit_error, decide
from streamz_core.errors import ErrorCode
from tests.unit.broker.groups.scene import NOW, RULES, Scene, beat, join, leave, stable, sync


def test_every_event_is_decided_in_every_state() -> None:
    assert set(TABLE) == set(product(GroupState, Event.__subclasses__()))


def test_states_only_follow_their_predecessors() -> None:
    for before, after in product(GroupState, GroupState):
        group = Group(group_id="g", state=before)
        if before in LEGAL_PREDECESSORS[after]:
            assert move(group, after, NOW).state is after
        else:
            with pytest.raises(AssertionError, match="no transition"):
                move(group, after, NOW)


def test_the_first_member_leads_a_generation_of_its_own_at_once() -> None:
    scene = Scene()

    effects = scene.do(join("a"))

    assert isinstance(effects[0], AwaitJoin)
    answer = scene.answers(AnswerJoin)["a"]
    assert (answer.error_code, answer.generation_id, answer.leader) == (ErrorCode.NONE, 1, "a")
    assert [m.member_id for m in answer.members] == ["a"]
    assert scene.group.state is GroupState.COMPLETING_REBALANCE


def test_nobody_gets_an_assignment_before_it_is_stored() -> None:
    scene = Scene()
    scene.do(join("a"))

    effects = scene.do(sync("a", 1, assignments={"a": b"all"}))

    assert [type(e) for e in effects] == [AwaitSync, Store]
    assert scene.group.state is GroupState.COMPLETING_REBALANCE

    scene.do(Stored(generation_id=1, error_code=ErrorCode.NONE))

    assert scene.answers(AnswerSync)["a"].assignment == b"all"
    assert scene.group.state is GroupState.STABLE
    assert scene.of(ClearTimer)


def test_a_failed_store_asks_everybody_to_join_again() -> None:
    scene = Scene()
    scene.do(join("a"))
    scene.do(sync("a", 1, assignments={"a": b"all"}))

    scene.do(Stored(generation_id=1, error_code=ErrorCode.KAFKA_STORAGE_ERROR))

    assert scene.answers(AnswerSync)["a"].error_code is ErrorCode.KAFKA_STORAGE_ERROR
    assert scene.group.state is GroupState.PREPARING_REBALANCE
    assert scene.group.members["a"].assignment == b""


def test_a_store_overtaken_by_a_rebalance_changes_nothing() -> None:
    scene = Scene()
    scene.do(join("a"))
    scene.do(sync("a", 1, assignments={"a": b"all"}))
    scene.do(join("b"))

    assert scene.answers(AnswerSync)["a"].error_code is ErrorCode.REBALANCE_IN_PROGRESS

    before = scene.group
    assert scene.do(Stored(generation_id=1, error_code=ErrorCode.NONE)) == []
    assert scene.group == before


def test_a_second_member_waits_for_the_first_to_join_again() -> None:
    scene = stable("a")

    scene.do(join("b"))

    assert scene.answers(AnswerJoin) == {}
    assert scene.reply(beat("a", 1)).error_code is ErrorCode.REBALANCE_IN_PROGRESS

    scene.do(join(member_id="a"))

    answers = scene.answers(AnswerJoin)
    assert {m: a.generation_id for m, a in answers.items()} == {"a": 2, "b": 2}
    assert answers["a"].leader == answers["b"].leader == "a"
    assert answers["b"].members == []


def test_who_does_not_join_in_time_is_out() -> None:
    scene = stable("a", "b")
    scene.do(join("c"))
    scene.do(join(member_id="b"))

    scene.do(PhaseTimeout())

    assert set(scene.group.members) == {"b", "c"}
    assert scene.of(EndSession) == [EndSession("a")]
    assert scene.group.leader == "b"
    assert scene.group.state is GroupState.COMPLETING_REBALANCE


def test_a_generation_without_members_is_empty_and_counts() -> None:
    scene = stable("a")

    scene.do(leave("a"))

    assert scene.group.state is GroupState.EMPTY
    assert scene.group.generation_id == 2
    assert scene.of(Store) == [Store(is_awaited=False)]


def test_who_does_not_take_its_assignment_in_time_is_out() -> None:
    scene = stable("a")
    scene.do(join("b"))
    scene.do(join(member_id="a"))
    scene.do(sync("a", 2, assignments={"a": b"1", "b": b"2"}))
    scene.do(Stored(generation_id=2, error_code=ErrorCode.NONE))
    assert scene.group.state is GroupState.STABLE
    assert not scene.of(ClearTimer)

    scene.do(PhaseTimeout())

    assert set(scene.group.members) == {"a"}
    assert scene.group.state is GroupState.PREPARING_REBALANCE


def test_taking_the_last_assignment_stops_the_timer() -> None:
    scene = stable("a")
    scene.do(join("b"))
    scene.do(join(member_id="a"))
    scene.do(sync("a", 2, assignments={"a": b"1", "b": b"2"}))
    scene.do(Stored(generation_id=2, error_code=ErrorCode.NONE))

    assert scene.reply(sync("b", 2)).assignment == b"2"
    assert scene.of(ClearTimer)
    assert scene.do(PhaseTimeout()) == []


def test_the_protocol_most_members_want_is_chosen_among_those_all_know() -> None:
    scene = Scene(Rules(initial_rebalance_delay_ms=100))
    both = (("sticky", b"s"), ("range", b"r"))
    scene.do(join("a", protocols=(("range", b"r"), ("sticky", b"s"))))
    scene.do(join("b", protocols=both))
    scene.do(join("c", protocols=(("new", b"n"), *both)))
    scene.do(PhaseTimeout())
    scene.do(PhaseTimeout())

    assert scene.group.protocol_name == "sticky"
    assert [m.metadata for m in scene.answers(AnswerJoin)["a"].members] == [b"s", b"s", b"s"]


@pytest.mark.parametrize(
    "changes",
    [
        {"protocols": (("other", b""),)},
        {"protocol_type": "connect"},
        {"protocols": ()},
        {"protocol_type": ""},
    ],
)
def test_members_that_cannot_agree_are_refused(changes: dict[str, Any]) -> None:
    scene = stable("a")
    before = scene.group

    response = scene.reply(join("b", **changes))

    assert response.error_code is ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    assert scene.group == before


def test_the_only_member_may_change_its_protocols() -> None:
    scene = stable("a")

    scene.do(join(member_id="a", protocols=(("other", b""),)))

    assert scene.answers(AnswerJoin)["a"].protocol_name == "other"


@pytest.mark.parametrize("timeout_ms", [0, 101])
def test_session_timeouts_are_bounded(timeout_ms: int) -> None:
    scene = Scene(Rules(session_timeout_max_ms=100))

    response = scene.reply(join("a", session_timeout_ms=timeout_ms))

    assert response.error_code is ErrorCode.INVALID_SESSION_TIMEOUT


def test_an_id_is_handed_out_first_where_it_is_asked_for() -> None:
    scene = Scene()

    response = scene.reply(join("a", requires_known_member_id=True))

    assert (response.error_code, response.member_id) == (ErrorCode.MEMBER_ID_REQUIRED, "a")
    assert scene.of(ExtendSession) == [ExtendSession("a", 10_000)]
    assert scene.group.members == {}

    scene.do(join(member_id="a"))

    assert scene.answers(AnswerJoin)["a"].generation_id == 1
    assert scene.group.pending_ids == frozenset()


def test_a_rebalance_waits_for_ids_handed_out_until_they_expire() -> None:
    scene = stable("a")
    scene.do(join("b", requires_known_member_id=True))
    scene.do(join("c"))
    scene.do(join(member_id="a"))
    assert scene.group.state is GroupState.PREPARING_REBALANCE

    scene.do(SessionExpired(member_id="b"))

    assert set(scene.answers(AnswerJoin)) == {"a", "c"}


def test_an_id_handed_out_can_be_given_back() -> None:
    scene = stable("a")
    scene.do(join("b", requires_known_member_id=True))

    response = scene.reply(leave("b"))

    assert response.members[0].error_code is ErrorCode.NONE
    assert scene.group.pending_ids == frozenset()
    assert scene.group.state is GroupState.STABLE


def test_the_initial_delay_is_prolonged_while_members_come() -> None:
    scene = Scene(Rules(initial_rebalance_delay_ms=100))
    scene.do(join("a", rebalance_timeout_ms=250))
    assert scene.of(SetTimer) == [SetTimer(100)]
    scene.do(join("b"))
    assert scene.answers(AnswerJoin) == {}

    scene.do(PhaseTimeout())
    assert scene.of(SetTimer) == [SetTimer(100)]
    scene.do(PhaseTimeout())

    assert set(scene.answers(AnswerJoin)) == {"a", "b"}
    assert scene.group.generation_id == 1


def test_a_repeated_join_of_this_generation_gets_the_same_answer() -> None:
    scene = Scene()
    scene.do(join("a"))

    response = scene.reply(join(member_id="a"))

    assert (response.generation_id, response.leader, len(response.members)) == (1, "a", 1)
    assert scene.group.state is GroupState.COMPLETING_REBALANCE


def test_a_follower_that_joins_again_unchanged_disturbs_nobody() -> None:
    scene = stable("a", "b")

    response = scene.reply(join(member_id="b"))

    assert (response.error_code, response.generation_id) == (ErrorCode.NONE, 2)
    assert scene.group.state is GroupState.STABLE


@pytest.mark.parametrize("changes", [{"member_id": "a"}, {"member_id": "b", "protocols": (("range", b"x"),)}])
def test_a_leader_or_a_new_subscription_begins_a_rebalance(changes: dict[str, Any]) -> None:
    scene = stable("a", "b")

    scene.do(join(**changes))

    assert scene.group.state is GroupState.PREPARING_REBALANCE


def test_an_expired_session_frees_its_partitions() -> None:
    scene = stable("a", "b")

    scene.do(SessionExpired(member_id="a"))

    assert set(scene.group.members) == {"b"}
    assert scene.group.leader is None
    assert scene.group.state is GroupState.PREPARING_REBALANCE


def test_leaving_while_others_wait_completes_the_rebalance() -> None:
    scene = stable("a", "b")
    scene.do(join("c"))
    scene.do(join(member_id="b"))

    response = scene.reply(leave("a", "nobody"))

    assert [m.error_code for m in response.members] == [ErrorCode.NONE, ErrorCode.UNKNOWN_MEMBER_ID]
    assert set(scene.answers(AnswerJoin)) == {"b", "c"}


def test_who_leaves_while_its_request_waits_is_answered() -> None:
    scene = stable("a")
    scene.do(join("b"))

    scene.do(leave("b"))

    assert scene.answers(AnswerJoin)["b"].error_code is ErrorCode.UNKNOWN_MEMBER_ID


STRANGERS = [
    (beat("x", 1), ErrorCode.UNKNOWN_MEMBER_ID),
    (beat("a", 7), ErrorCode.ILLEGAL_GENERATION),
    (sync("x", 1), ErrorCode.UNKNOWN_MEMBER_ID),
    (sync("a", 7), ErrorCode.ILLEGAL_GENERATION),
    (sync("a", 1, protocol_name="other"), ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
    (sync("a", 1, protocol_type="other"), ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
    (join(member_id="x"), ErrorCode.UNKNOWN_MEMBER_ID),
]


@pytest.mark.parametrize(("event", "error"), STRANGERS)
@pytest.mark.parametrize("state", ["completing", "stable", "preparing"])
def test_strangers_and_zombies_are_refused(event: Event, error: ErrorCode, state: str) -> None:
    scene = Scene()
    scene.do(join("a"))
    if state != "completing":
        scene = stable("a")
    if state == "preparing":
        scene.do(join("b"))
    before = scene.group

    assert scene.reply(event).error_code is error
    assert scene.group == before


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (sync("a", 1), ErrorCode.UNKNOWN_MEMBER_ID),
        (beat("a", 1), ErrorCode.UNKNOWN_MEMBER_ID),
        (join(member_id="a"), ErrorCode.UNKNOWN_MEMBER_ID),
    ],
)
def test_an_empty_group_knows_nobody(event: Event, error: ErrorCode) -> None:
    assert Scene().reply(event).error_code is error


def test_only_an_empty_group_can_be_deleted() -> None:
    scene = stable("a")
    assert scene.reply(Delete()) is ErrorCode.NON_EMPTY_GROUP

    scene.do(leave("a"))

    assert scene.reply(Delete()) is ErrorCode.NONE
    assert scene.of(Forget)
    assert scene.reply(Delete()) is ErrorCode.GROUP_ID_NOT_FOUND
    for event in (join("b"), sync("a", 1), beat("a", 1), leave("a")):
        assert scene.reply(event).error_code is ErrorCode.COORDINATOR_NOT_AVAILABLE
    for quiet in (
        PhaseTimeout(),
        SessionExpired(member_id="a"),
        Stored(generation_id=1, error_code=ErrorCode.NONE),
    ):
        assert scene.do(quiet) == []


def test_syncing_while_others_join_is_asked_to_join_too() -> None:
    scene = stable("a")
    scene.do(join("b"))

    assert scene.reply(sync("a", 1)).error_code is ErrorCode.REBALANCE_IN_PROGRESS


class TestCommits:
    def error(self, group: Group, generation_id: int, member_id: str, **changes: Any) -> ErrorCode | None:
        fields: dict[str, Any] = {"group_instance_id": None, "is_transactional": False}
        return commit_error(group, generation_id=generation_id, member_id=member_id, **{**fields, **changes})

    def test_a_member_commits_in_its_generation_until_the_next_begins(self) -> None:
        scene = stable("a")
        assert self.error(scene.group, 1, "a") is None

        scene.do(join("b"))
        assert self.error(scene.group, 1, "a") is None

        scene.do(join(member_id="a"))
        assert self.error(scene.group, 1, "a") is ErrorCode.ILLEGAL_GENERATION
        assert self.error(scene.group, 2, "a") is ErrorCode.REBALANCE_IN_PROGRESS
        assert self.error(scene.group, 2, "a", is_transactional=True) is None

    def test_a_member_that_is_out_cannot_commit(self) -> None:
        scene = stable("a", "b")
        scene.do(SessionExpired(member_id="a"))

        assert self.error(scene.group, 2, "a") is ErrorCode.UNKNOWN_MEMBER_ID
        assert self.error(scene.group, 2, "a", is_transactional=True) is ErrorCode.UNKNOWN_MEMBER_ID

    def test_without_a_generation_only_an_empty_group_takes_offsets(self) -> None:
        scene = stable("a")
        assert self.error(scene.group, -1, "") is ErrorCode.UNKNOWN_MEMBER_ID
        assert self.error(scene.group, -1, "", is_transactional=True) is None
        assert self.error(scene.group, -1, "a") is ErrorCode.ILLEGAL_GENERATION

        scene.do(leave("a"))
        assert self.error(scene.group, -1, "") is None

    def test_a_dead_group_takes_none(self) -> None:
        scene = Scene()
        scene.do(Delete())

        assert self.error(scene.group, -1, "") is ErrorCode.COORDINATOR_NOT_AVAILABLE


def test_decisions_change_nothing_in_place() -> None:
    scene = stable("a", "b")
    frozen = msgspec.json.encode(scene.group)

    for event in (join("c"), leave("a"), beat("a", 2), SessionExpired(member_id="b"), PhaseTimeout()):
        decision = decide(scene.group, event, NOW, RULES)
        assert isinstance(decision, Decision)

    assert msgspec.json.encode(scene.group) == frozen
