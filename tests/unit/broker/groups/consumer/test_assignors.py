"""The server's assignors: everything that is subscribed to is shared out, evenly, and little moves."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from streamz_core.broker.groups.consumer.assignors import (
    ASSIGNORS,
    Subscriber,
    assign_evenly,
    assign_ranges,
)
from streamz_core.broker.groups.consumer.state import Partitions, TopicIdPartition

A, B, C = (bytes([number]) * 16 for number in range(3))


def partitions(*pairs: tuple[bytes, int]) -> Partitions:
    return frozenset(TopicIdPartition(topic_id, number) for topic_id, number in pairs)


def subscriber(
    *topics: bytes, current: Partitions = frozenset(), instance_id: str | None = None
) -> Subscriber:
    return Subscriber(topics=frozenset(topics), current=current, instance_id=instance_id)


_TOPICS = st.dictionaries(st.sampled_from([A, B, C]), st.integers(1, 7), min_size=1)
_MEMBERS = st.lists(st.sampled_from(["m1", "m2", "m3", "m4", "m5"]), min_size=1, unique=True)


@st.composite
def _groups(draw: st.DrawFn) -> tuple[dict[str, Subscriber], dict[bytes, int]]:
    topics = draw(_TOPICS)
    subscription = st.frozensets(st.sampled_from(sorted(topics)))
    alike = draw(subscription) if draw(st.booleans()) else None
    names = draw(_MEMBERS)
    # What was assigned before may be of topics that shrank or went, but never one partition to two.
    places = [TopicIdPartition(topic_id, number) for topic_id in (A, B, C) for number in range(9)]
    before: dict[str, set[TopicIdPartition]] = {name: set() for name in names}
    for place in places:
        owner = draw(st.sampled_from([*names, None]))
        if owner is not None:
            before[owner].add(place)
    members = {
        name: subscriber(*(draw(subscription) if alike is None else alike), current=frozenset(before[name]))
        for name in names
    }
    return members, topics


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(ASSIGNORS)), _groups())
def test_each_partition_goes_to_one_that_reads_its_topic(
    name: str, group: tuple[dict[str, Subscriber], dict[bytes, int]]
) -> None:
    members, topics = group

    shares = ASSIGNORS[name](members, topics)

    assert shares.keys() == members.keys()
    given_out = [partition for share in shares.values() for partition in share]
    assert len(given_out) == len(set(given_out))
    read = {topic_id for member in members.values() for topic_id in member.topics}
    assert set(given_out) == {
        TopicIdPartition(topic_id, number) for topic_id in read for number in range(topics[topic_id])
    }
    for member_id, share in shares.items():
        assert {partition.topic_id for partition in share} <= members[member_id].topics


@settings(max_examples=200, deadline=None)
@given(_groups())
def test_no_partition_could_move_to_even_out_further(
    group: tuple[dict[str, Subscriber], dict[bytes, int]],
) -> None:
    members, topics = group

    shares = assign_evenly(members, topics)

    for member_id, share in shares.items():
        for partition in share:
            readers = [m for m, other in members.items() if partition.topic_id in other.topics]
            assert all(len(shares[other]) + 2 > len(shares[member_id]) for other in readers)


@settings(max_examples=200, deadline=None)
@given(_groups())
def test_what_is_even_stays_where_it_is(group: tuple[dict[str, Subscriber], dict[bytes, int]]) -> None:
    members, topics = group
    shares = assign_evenly(members, topics)
    settled = {
        member_id: subscriber(*members[member_id].topics, current=share)
        for member_id, share in shares.items()
    }

    assert assign_evenly(settled, topics) == shares


def test_one_that_comes_gets_its_share_and_nothing_else_moves() -> None:
    all_of_a = partitions(*((A, number) for number in range(6)))
    before = assign_evenly({"m1": subscriber(A, current=all_of_a), "m2": subscriber(A)}, {A: 6})
    members = {name: subscriber(A, current=before.get(name, frozenset())) for name in ("m1", "m2", "m3")}

    after = assign_evenly(members, {A: 6})

    assert [len(after[name]) for name in ("m1", "m2", "m3")] == [2, 2, 2]
    assert after["m1"] < before["m1"]
    assert after["m2"] < before["m2"]


def test_ranges_are_neighbours_and_the_same_of_every_topic() -> None:
    members = {name: subscriber(A, B) for name in ("m2", "m1")}

    shares = assign_ranges(members, {A: 3, B: 3})

    assert shares == {
        "m1": partitions((A, 0), (A, 1), (B, 0), (B, 1)),
        "m2": partitions((A, 2), (B, 2)),
    }


def test_static_members_keep_their_ranges_whatever_they_are_called() -> None:
    for first, second in (("x", "y"), ("y", "x")):
        members = {
            first: subscriber(A, instance_id="i1"),
            second: subscriber(A, instance_id="i2"),
            "a": subscriber(A),
        }
        shares = assign_ranges(members, {A: 3})
        assert [shares[name] for name in (first, second, "a")] == [
            partitions((A, 0)),
            partitions((A, 1)),
            partitions((A, 2)),
        ]


def test_different_subscriptions_are_evened_out() -> None:
    shares = assign_evenly({"m1": subscriber(A, B), "m2": subscriber(B), "m3": subscriber()}, {A: 4, B: 4})

    assert shares == {
        "m1": partitions(*((A, number) for number in range(4))),
        "m2": partitions(*((B, number) for number in range(4))),
        "m3": frozenset(),
    }
