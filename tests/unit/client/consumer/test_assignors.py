"""Owns: the assignors' tests, with aiokafka's as the oracle. Must not know: groups."""

from __future__ import annotations

from time import process_time

from aiokafka.coordinator.assignors.range import RangePartitionAssignor as AiokafkaRange
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor as AiokafkaRoundRobin
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyAssignorUserDataV1
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor as AiokafkaSticky
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment as AiokafkaAssignment,
)
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata as AiokafkaMetadata
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamz_core.client.consumer.assignors.cooperative_sticky import CooperativeStickyPartitionAssignor
from streamz_core.client.consumer.assignors.range import RangePartitionAssignor
from streamz_core.client.consumer.assignors.roundrobin import RoundRobinPartitionAssignor
from streamz_core.client.consumer.assignors.stickiness import Claim
from streamz_core.client.consumer.assignors.sticky import StickyPartitionAssignor, decode_claim, encode_claim
from streamz_core.model import TopicPartition
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
    grouped,
)

TOPICS = ["a", "b", "c"]
clusters = st.fixed_dictionaries({topic: st.integers(0, 6) for topic in TOPICS})
groups = st.dictionaries(
    st.sampled_from([f"m{number}" for number in range(6)]),
    st.lists(st.sampled_from(TOPICS), unique=True),
    min_size=1,
)


class Cluster:
    def __init__(self, counts):
        self.counts = counts

    def partitions_for_topic(self, topic):
        return set(range(self.counts.get(topic, 0))) or None

    def topics(self):
        return set(self.counts)


def ours(assignor, counts, group, user_data=b""):
    members = {
        member_id: ConsumerProtocolMemberMetadata(0, topics, user_data) for member_id, topics in group.items()
    }
    return _partitions(assignor.assign(Cluster(counts), members))


def theirs(assignor, counts, group):
    members = {member_id: AiokafkaMetadata(0, topics, b"") for member_id, topics in group.items()}
    return _partitions(assignor.assign(Cluster(counts), members))


def _partitions(shares):
    return {
        member_id: sorted(TopicPartition(*partition) for partition in share.partitions())
        for member_id, share in shares.items()
    }


@given(clusters, groups)
def test_range_assigns_as_aiokafka_does(counts, group):
    assert ours(RangePartitionAssignor(), counts, group) == theirs(AiokafkaRange, counts, group)


@given(clusters, groups)
def test_roundrobin_assigns_as_aiokafka_does(counts, group):
    assert ours(RoundRobinPartitionAssignor(), counts, group) == theirs(AiokafkaRoundRobin, counts, group)


def check_complete(counts, group, shares):
    owners = [partition for share in shares.values() for partition in share]
    assert len(owners) == len(set(owners))
    wanted = {topic for topics in group.values() for topic in topics}
    assert set(owners) == {TopicPartition(t, p) for t in wanted for p in range(counts[t])}
    for member_id, share in shares.items():
        assert {partition.topic for partition in share} <= set(group[member_id])


def check_even(group, shares):
    for rich, share in shares.items():
        for partition in share:
            for poor, topics in group.items():
                if partition.topic in topics:
                    assert len(shares[poor]) + 1 >= len(shares[rich])


def spread(shares):
    return sum(len(share) ** 2 for share in shares.values())


def steps(assignor_of, counts, groups_in_turn):
    """The assignments of a group that changes, with each member's own sticky assignor."""
    assignors = {}
    for generation, group in enumerate(groups_in_turn):
        members = {}
        for member_id, topics in group.items():
            assignor = assignors.setdefault(member_id, assignor_of())
            members[member_id] = assignor.metadata(set(topics))
        shares = next(iter(assignors.values())).assign(Cluster(counts), members)
        for member_id, share in shares.items():
            assignors[member_id].on_assignment(share)
            assignors[member_id].on_generation_assignment(generation)
        for gone in set(assignors) - set(group):
            del assignors[gone]
        yield group, _partitions(shares)


@given(clusters, st.lists(groups, min_size=1, max_size=4))
def test_sticky_assigns_everything_once_and_no_move_would_even_it_out(counts, groups_in_turn):
    for group, shares in steps(StickyPartitionAssignor, counts, groups_in_turn):
        check_complete(counts, group, shares)
        check_even(group, shares)


@settings(max_examples=60)
@given(clusters, groups)
@example({"a": 4, "b": 2, "c": 3}, {"m2": ["c"], "m0": ["c", "b", "a"], "m4": ["b", "a"]})
def test_sticky_is_as_even_as_aiokafkas(counts, group):
    AiokafkaSticky.member_assignment = None
    members = {member_id: AiokafkaSticky._metadata(topics, None) for member_id, topics in group.items()}
    oracle = _partitions(AiokafkaSticky.assign(Cluster(counts), members))

    assert spread(ours(StickyPartitionAssignor(), counts, group)) <= spread(oracle)


@given(st.integers(1, 12), st.integers(2, 6))
def test_sticky_moves_no_more_than_it_must(partitions, members):
    everyone = {f"m{number}": ["a"] for number in range(members)}
    fewer = dict(list(everyone.items())[:-1])
    counts = {"a": partitions, "b": 0, "c": 0}
    (_, before), (_, after), (_, again) = steps(StickyPartitionAssignor, counts, [everyone, fewer, everyone])

    for member_id in fewer:  # who stays keeps what it had
        assert set(before[member_id]) <= set(after[member_id])
    moved = sum(len(set(after[member_id]) - set(again[member_id])) for member_id in fewer)
    assert moved == len(again[f"m{members - 1}"])  # only what the newcomer gets changes hands


def test_an_unchanged_group_moves_nothing():
    group = {"x": ["a"], "y": ["a", "b"]}
    (_, first), (_, second) = steps(StickyPartitionAssignor, {"a": 5, "b": 3, "c": 0}, [group, group])

    assert first == second


def test_many_partitions_are_shared_out_in_little_time():
    members = {f"m{number:03}": ["a"] for number in range(100)}
    fewer = dict(list(members.items())[:-1])
    began = process_time()
    (_, before), (_, after) = steps(StickyPartitionAssignor, {"a": 10_000}, [fewer, members])

    assert sum(len(set(before[m]) - set(after[m])) for m in fewer) == 100
    assert process_time() - began < 10  # it takes a fraction of a second


def test_what_one_member_has_is_shared_with_many_newcomers_in_little_time():
    members = {f"m{number:03}": ["a", "b"] if number % 2 else ["a"] for number in range(100)}
    alone = {"m001": members["m001"]}
    began = process_time()
    (_, before), (_, after) = steps(StickyPartitionAssignor, {"a": 5_000, "b": 5_000}, [alone, members])

    assert {len(share) for share in after.values()} == {100}
    assert set(after["m001"]) <= set(before["m001"])
    assert process_time() - began < 10  # it takes a fraction of a second


class CooperativeGroup:
    """What members own, through the rebalances of a group whose assignor is cooperative."""

    def __init__(self, counts):
        self.counts = counts
        self.owned = {}
        self.generation = 0

    def rebalance(self, group):
        """One rebalance; whether somebody gave something up, and thus joins again."""
        self.generation += 1
        members = {}
        for member_id, topics in group.items():
            owned = self.owned.setdefault(member_id, set())
            owned -= {partition for partition in owned if partition.topic not in topics}
            metadata = CooperativeStickyPartitionAssignor().metadata(set(topics))
            metadata.owned_partitions = grouped(sorted(owned))
            metadata.generation_id = self.generation - 1
            members[member_id] = ConsumerProtocolMemberMetadata.decode(metadata.encode())
        for gone in set(self.owned) - set(group):
            del self.owned[gone]
        shares = _partitions(CooperativeStickyPartitionAssignor().assign(Cluster(self.counts), members))
        others = {m: set().union(*(o for n, o in self.owned.items() if n != m)) for m in group}
        for member_id, share in shares.items():
            assert not set(share) & others[member_id], "a partition was given away under its owner"
        gave_up = any(self.owned[member_id] - set(share) for member_id, share in shares.items())
        self.owned = {member_id: set(share) for member_id, share in shares.items()}
        return gave_up


@given(clusters, st.lists(groups, min_size=1, max_size=4))
def test_cooperative_gives_nothing_away_that_is_owned_and_everything_in_a_few_rebalances(
    counts, groups_in_turn
):
    cooperative = CooperativeGroup(counts)
    for group in groups_in_turn:
        is_uniform = len({frozenset(topics) for topics in group.values()}) == 1
        # With differing subscriptions, what is given up first may make another move worth while.
        rebalances = 1
        while cooperative.rebalance(group):
            rebalances += 1
            assert rebalances <= (2 if is_uniform else 5)
        check_complete(counts, group, {m: sorted(owned) for m, owned in cooperative.owned.items()})
        check_even(group, cooperative.owned)


@given(st.integers(1, 12), st.integers(2, 6))
def test_cooperative_takes_from_members_only_what_the_newcomer_gets(partitions, members):
    everyone = {f"m{number}": ["a"] for number in range(members)}
    fewer = dict(list(everyone.items())[:-1])
    cooperative = CooperativeGroup({"a": partitions})
    assert not cooperative.rebalance(fewer)
    before = dict(cooperative.owned)

    gave_up = cooperative.rebalance(everyone)

    newcomer = cooperative.owned.pop(f"m{members - 1}")
    assert not newcomer  # everything is still owned by others
    assert gave_up == (partitions >= members)
    taken = set().union(*before.values()) - set().union(*cooperative.owned.values())
    assert not cooperative.rebalance(everyone)
    assert cooperative.owned[f"m{members - 1}"] == taken
    for member_id in fewer:
        assert cooperative.owned[member_id] <= before[member_id]


def test_a_claim_of_a_client_from_before_kip_792_is_dated_by_its_user_data():
    owned = [("a", [0])]
    young = ConsumerProtocolMemberMetadata(1, ["a"], (7).to_bytes(4, "big"), owned)
    old = ConsumerProtocolMemberMetadata(2, ["a"], b"", owned, generation_id=3)
    shares = CooperativeStickyPartitionAssignor().assign(Cluster({"a": 1}), {"old": old, "young": young})

    assert _partitions(shares) == {"old": [], "young": [TopicPartition("a", 0)]}


partitions = st.lists(st.builds(TopicPartition, st.sampled_from(TOPICS), st.integers(0, 9)), unique=True).map(
    sorted
)


@given(partitions, st.integers(-1, 1_000))
def test_claims_are_encoded_as_kafka_does(owned, generation):
    claim = Claim(owned, generation)
    encoded = encode_claim(claim)

    assert decode_claim(encoded) == claim
    by_topic = {}
    for topic, partition in owned:
        by_topic.setdefault(topic, []).append(partition)
    assert encoded == StickyAssignorUserDataV1(list(by_topic.items()), generation).encode()


@given(st.binary(max_size=60))
def test_a_claim_that_cannot_be_read_claims_nothing_or_something(data):
    claim = decode_claim(data)

    assert all(isinstance(partition, TopicPartition) for partition in claim.partitions)


@given(st.lists(st.text("abc.é", max_size=5)), st.binary(max_size=9))
def test_subscriptions_are_encoded_as_kafka_does(topics, user_data):
    ours_encoded = ConsumerProtocolMemberMetadata(0, topics, user_data).encode()

    assert ours_encoded == AiokafkaMetadata(0, topics, user_data).encode()
    found = ConsumerProtocolMemberMetadata.decode(ours_encoded + b"later fields")
    assert (found.version, list(found.subscription), found.user_data) == (0, topics, user_data)


@given(st.lists(st.tuples(st.text("abc", max_size=3), st.lists(st.integers(0, 99)))), st.binary(max_size=9))
def test_assignments_are_encoded_as_kafka_does(assignment, user_data):
    encoded = ConsumerProtocolMemberAssignment(0, assignment, user_data).encode()

    assert encoded == AiokafkaAssignment(0, assignment, user_data).encode()
    assert ConsumerProtocolMemberAssignment.decode(encoded).partitions() == [
        TopicPartition(topic, partition) for topic, indexes in assignment for partition in indexes
    ]


def test_no_assignment_is_an_empty_one():
    assert ConsumerProtocolMemberAssignment.decode(b"").partitions() == []
