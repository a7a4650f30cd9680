"""Tasks and standbys, shared out: evenly, to where the stores are, never twice to the same files."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from streamz_core.streams.runtime.task_assignment import NOWHERE, MemberState, share_out

TASKS = [f"count_{number}" for number in range(6)]


def shared(members: dict[str, MemberState], standbys: int = 0, tasks: list[str] = TASKS, stateful=None):
    able = {task: sorted(members) for task in tasks}
    return share_out(able, tasks if stateful is None else stateful, members, standbys)


def test_all_members_get_about_as_many():
    shares = shared({"a": MemberState(home="a"), "b": MemberState(home="b"), "c": MemberState(home="c")})

    assert [len(tasks) for tasks in shares.active.values()] == [2, 2, 2]
    assert sorted(task for tasks in shares.active.values() for task in tasks) == TASKS


def test_each_gets_its_part_of_every_sub_topology():
    tasks = [f"{name}_{number}" for name in ("users", "views") for number in range(4)]
    members = {"a": MemberState(home="a", generation=1, running=tasks), "b": MemberState(home="b")}

    shares = shared(members, tasks=tasks)

    for active in shares.active.values():
        assert Counter(task.partition("_")[0] for task in active) == {"users": 2, "views": 2}


def test_a_task_stays_where_it_was():
    before = {"a": TASKS[3:], "b": TASKS[:3]}
    members = {
        member: MemberState(home=member, generation=4, running=tasks) for member, tasks in before.items()
    }

    assert shared(members).active == before


def test_one_that_comes_takes_no_more_than_its_part():
    members = {
        "a": MemberState(home="a", generation=1, running=TASKS[:3]),
        "b": MemberState(home="b", generation=1, running=TASKS[3:]),
        "c": MemberState(home="c"),
    }

    shares = shared(members)

    assert [len(tasks) for tasks in shares.active.values()] == [2, 2, 2]
    assert set(shares.active["a"]) < set(TASKS[:3])
    assert set(shares.active["b"]) < set(TASKS[3:])


def test_when_one_goes_its_tasks_go_to_those_that_stood_by():
    members = {
        "a": MemberState(home="a", generation=7, running=TASKS[:2], standing_by={TASKS[4]: 10, TASKS[5]: 90}),
        "b": MemberState(home="b", generation=7, running=TASKS[2:4], standing_by={TASKS[4]: 80, TASKS[5]: 5}),
    }

    assert shared(members).active == {"a": [*TASKS[:2], TASKS[5]], "b": [*TASKS[2:4], TASKS[4]]}


def test_the_latest_generation_is_believed():
    members = {
        "a": MemberState(home="a", generation=3, running=[TASKS[0]]),
        "b": MemberState(home="b", generation=5, running=[TASKS[0]]),
    }

    assert shared(members, tasks=TASKS[:1]).active == {"a": [], "b": TASKS[:1]}


def test_files_of_a_former_life_are_better_than_nothing():
    members = {"a": MemberState(home="a"), "b": MemberState(home="b", on_disk=[TASKS[0]])}

    assert shared(members, tasks=TASKS[:1]).active["b"] == TASKS[:1]


def test_standbys_are_elsewhere_and_share_no_files():
    members = {
        "a": MemberState(home="x"),
        "b": MemberState(home="x"),
        "c": MemberState(home="y"),
        "d": MemberState(home=NOWHERE),
    }

    shares = shared(members, standbys=2)

    assert shares.standby["d"] == []
    for member, tasks in shares.standby.items():
        for task in tasks:
            owner = next(one for one, active in shares.active.items() if task in active)
            assert members[owner].home != members[member].home
    copies = Counter(task for tasks in shares.standby.values() for task in tasks)
    # Those of "d" have copies in both homes, all others in the one that is not theirs.
    assert all(copies[task] == (2 if task in shares.active["d"] else 1) for task in TASKS)


def test_tasks_without_stores_have_no_standbys():
    members = {"a": MemberState(home="a"), "b": MemberState(home="b")}

    assert shared(members, standbys=1, stateful=TASKS[:1]).standby in (
        {"a": TASKS[:1], "b": []},
        {"a": [], "b": TASKS[:1]},
    )


def test_members_that_share_everything_have_none():
    members = {"a": MemberState(home="x"), "b": MemberState(home="x")}

    assert shared(members, standbys=1).standby == {"a": [], "b": []}


def test_what_a_member_tells_comes_through():
    state = MemberState("host:/x", 3, ["count_0"], {"count_1": 7}, ["count_2"])

    assert MemberState.from_json(state.to_json()) == state
    assert MemberState.from_json(b"\x00\x01") == MemberState()


states = st.builds(
    MemberState,
    home=st.sampled_from(["x", "y", "z", NOWHERE]),
    generation=st.integers(-1, 3),
    running=st.lists(st.sampled_from(TASKS), unique=True),
    standing_by=st.dictionaries(st.sampled_from(TASKS), st.integers(0, 9)),
    on_disk=st.lists(st.sampled_from(TASKS), unique=True),
)


@given(st.dictionaries(st.sampled_from("abcde"), states, min_size=1), st.integers(1, 4), st.integers(0, 5))
def test_all_are_even_over_sub_topologies_and_in_each(members, first, second):
    tasks = (
        [f"count_{n}" for n in range(6)]
        + [f"a_{n}" for n in range(first)]
        + [f"b_{n}" for n in range(second)]
    )

    active = shared(members, tasks=tasks).active

    for name in ("count", "a", "b"):
        counts = [sum(task.startswith(name) for task in found) for found in active.values()]
        assert max(counts) - min(counts) <= 1
    totals = [len(found) for found in active.values()]
    assert max(totals) - min(totals) <= 1


@given(
    st.dictionaries(st.sampled_from("abcde"), states, min_size=1),
    st.integers(0, 3),
    st.sets(st.sampled_from(TASKS)),
)
def test_whatever_members_tell_each_task_has_one_owner_and_all_are_even(members, standbys, stateful):
    shares = shared(members, standbys, stateful=sorted(stateful))

    active = [task for tasks in shares.active.values() for task in tasks]
    assert sorted(active) == TASKS
    counts = [len(shares.active[member]) for member in members]
    assert max(counts) - min(counts) <= 1
    owner = {task: member for member, tasks in shares.active.items() for task in tasks}
    for task in TASKS:
        holders = [member for member, tasks in shares.standby.items() if task in tasks]
        homes = [members[member].home for member in [owner[task], *holders]]
        assert len(set(homes)) == len(homes)
        assert len(holders) <= standbys
        others = {state.home for state in members.values()} - {NOWHERE, members[owner[task]].home}
        assert len(holders) == (min(standbys, len(others)) if task in stateful else 0)


@given(st.dictionaries(st.sampled_from("abcde"), states, min_size=1), st.integers(0, 2))
def test_sharing_out_again_moves_nothing(members, standbys):
    first = shared(members, standbys)
    again = {
        member: MemberState(
            home=state.home,
            generation=9,
            running=first.active[member],
            standing_by=dict.fromkeys(first.standby[member], 1),
        )
        for member, state in members.items()
    }

    second = shared(again, standbys)

    assert second.active == first.active
    assert {m: set(tasks) for m, tasks in second.standby.items()} == {
        m: set(tasks) for m, tasks in first.standby.items()
    }


def test_only_those_that_read_its_topics_work_on_a_task():
    members = {"old": MemberState(home="o"), "new": MemberState(home="n")}

    shares = share_out({"a_0": ["new", "old"], "b_0": ["new"], "c_0": []}, [], members, 0)

    assert "b_0" in shares.active["new"]
    assert sorted(task for tasks in shares.active.values() for task in tasks) == ["a_0", "b_0"]
