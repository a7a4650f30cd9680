"""Members that follow the protocol, in any order, with answers lost, against the decisions alone (KIP-848).

What must hold at every moment: nobody reads a partition that somebody else has not given up; the records that were
written add up to the group. And in the end, when everybody is heard: all partitions are read, evenly.
"""

from __future__ import annotations

from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from streamz_core.broker.groups.consumer import membership, records
from streamz_core.broker.groups.consumer.classic_members import (
    encoded_assignment,
    joining,
    member_error,
    must_rejoin,
)
from streamz_core.broker.groups.consumer.heartbeats import Heartbeat, Refused
from streamz_core.broker.groups.consumer.state import (
    AWAY_EPOCH,
    NONE,
    ConsumerGroup,
    ConsumerGroupState,
    Partitions,
    TopicIdPartition,
    change_group,
)
from streamz_core.broker.groups.consumer.targets import refreshed, retargeted
from streamz_core.broker.groups.consumer.topics import Topics
from streamz_core.errors import ErrorCode
from streamz_core.log.catalog import TopicEntry
from streamz_core.protocol.consumer_protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from streamz_core.protocol.messages.join_group import JoinGroupProtocol, JoinGroupRequest

NAMES = ("a", "b", "c")
IDS = st.sampled_from([f"m{number}" for number in range(4)])
SUBSCRIPTIONS = st.sampled_from([("a",), ("a", "b"), ("b", "c"), ("a", "b", "c"), ()])
REGEXES = st.sampled_from([None, None, "", "[ab]", ".*"])
ASSIGNORS = st.sampled_from([None, "uniform", "range"])


class Client:
    """A member as its own process sees it."""

    def __init__(self, member_id: str, instance_id: str | None) -> None:
        self.member_id = member_id
        self.instance_id = instance_id
        self.epoch = 0
        self.owned: Partitions = NONE
        self.told: Partitions = NONE
        self.topics: frozenset[str] = frozenset()
        self.regex: str | None = None
        self.assignor: str | None = None
        self.is_unsure = False
        """An answer was lost: it says everything next time, and takes nothing up before it knows."""

    def full(self) -> Heartbeat:
        return Heartbeat(
            member_id=self.member_id,
            epoch=self.epoch,
            instance_id=self.instance_id,
            rebalance_timeout_ms=1_000,
            topics=self.topics,
            regex=self.regex or "",
            assignor=self.assignor,
            owned=self.owned,
        )

    def short(self) -> Heartbeat:
        return Heartbeat(
            member_id=self.member_id, epoch=self.epoch, instance_id=self.instance_id, owned=self.owned
        )


class ClassicClient(Client):
    """A member of the classic protocol as its own process sees it: it joins for every step."""

    def __init__(self, member_id: str, instance_id: str | None, *, is_cooperative: bool) -> None:
        super().__init__(member_id, instance_id)
        self.is_cooperative = is_cooperative

    def join(self, topics: Topics) -> JoinGroupRequest:
        if not self.is_cooperative:
            self.owned = NONE
        named = [(topics.name_of(one.topic_id) or "gone", [one.partition]) for one in sorted(self.owned)]
        subscription = ConsumerProtocolMemberMetadata(
            version=3, subscription=sorted(self.topics), owned_partitions=named, generation_id=self.epoch
        )
        return JoinGroupRequest(
            group_id="g",
            session_timeout_ms=1_000,
            member_id=self.member_id,
            group_instance_id=self.instance_id,
            protocols=[JoinGroupProtocol(name="any", metadata=subscription.encode())],
        )


class Group(RuleBasedStateMachine):
    """One group, its clients, and the topics there are."""

    def __init__(self) -> None:
        super().__init__()
        self.group = ConsumerGroup(group_id="g")
        self.kept = ConsumerGroup(group_id="g")
        self.clients: dict[str, Client] = {}
        self.counts = {"a": 3, "b": 2}
        self.ids = {name: UUID(int=number) for number, name in enumerate(NAMES)}
        self.now_ms = 0
        self._see()

    def _see(self) -> None:
        self.topics = Topics(
            {
                name: TopicEntry(name=name, topic_id=self.ids[name], partitions=count)
                for name, count in self.counts.items()
            }
        )

    def _become(self, after: ConsumerGroup) -> None:
        for key, value in records.changes(self.group, after).items():
            raw = records.key_bytes(key)
            assert int.from_bytes(raw[:2]) == key.kind
            self.kept = records.applied(self.kept, key, value, self.now_ms)
        assert after.epoch >= self.group.epoch
        self.group = after

    def _rejoin(self, client: ClassicClient, *, is_lost: bool) -> None:
        said = joining(client.join(self.topics), self.group, client.member_id, self.topics)
        assert isinstance(said, Heartbeat)
        step = membership.beat(self.group, said, self.topics, self.now_ms)
        assert not isinstance(step, Refused)
        self._become(step.group)
        if is_lost:
            return
        client.epoch = step.epoch
        member = self.group.members[client.member_id]
        assert member_error(self.group, client.member_id, client.instance_id, client.epoch) is None
        synced = ConsumerProtocolMemberAssignment.decode(encoded_assignment(member, self.topics.name_of))
        client.told = client.owned = frozenset(
            TopicIdPartition(self.ids[topic].bytes, number) for topic, number in synced.partitions()
        )

    def _beat(self, client: Client, heartbeat: Heartbeat, *, is_lost: bool) -> None:
        self.now_ms += 1
        if isinstance(client, ClassicClient):
            if client.epoch > 0 and not client.is_unsure:
                refreshed_group = retargeted(refreshed(self.group, self.topics), self.topics)
                self._become(refreshed_group)
                error = member_error(self.group, client.member_id, client.instance_id, client.epoch)
                if error is None and not must_rejoin(self.group, self.group.members[client.member_id]):
                    return
                if error is ErrorCode.FENCED_INSTANCE_ID:
                    del self.clients[client.member_id]  # another has its identity: it ends
                    return
                if error is not None:
                    client.epoch, client.owned, client.told = 0, NONE, NONE
            client.is_unsure = is_lost
            self._rejoin(client, is_lost=is_lost)
            return
        step = membership.beat(self.group, heartbeat, self.topics, self.now_ms)
        if isinstance(step, Refused) and step.code is ErrorCode.FENCED_INSTANCE_ID:
            del self.clients[client.member_id]
            return
        if isinstance(step, Refused):
            # What a client does that is fenced: it gives everything up and joins again.
            client.epoch, client.owned, client.told, client.is_unsure = 0, NONE, NONE, False
            return
        self._become(step.group)
        client.is_unsure = is_lost
        if is_lost:
            return
        client.epoch = step.epoch
        if step.assignment is not None:
            client.told = step.assignment
        client.owned = client.owned & client.told

    @rule(member_id=IDS, topics=SUBSCRIPTIONS, regex=REGEXES, assignor=ASSIGNORS, is_lost=st.booleans())
    def joins_or_changes(
        self,
        member_id: str,
        topics: tuple[str, ...],
        regex: str | None,
        assignor: str | None,
        is_lost: bool,
    ) -> None:
        # m0 and m1 are one static member that is started twice.
        instance_id = "i0" if member_id in {"m0", "m1"} else None
        made: Client = Client(member_id, instance_id)
        if member_id in {"m1", "m3"}:
            made = ClassicClient(member_id, instance_id, is_cooperative=member_id == "m3")
        client = self.clients.setdefault(member_id, made)
        if isinstance(client, ClassicClient) and (client.topics, client.epoch) != (frozenset(topics), 0):
            client.is_unsure = True  # it joins again to say what it subscribes to now
        client.topics, client.regex, client.assignor = frozenset(topics), regex, assignor
        self._beat(client, client.full(), is_lost=is_lost)

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), is_lost=st.booleans())
    def is_heard(self, data: st.DataObject, is_lost: bool) -> None:
        client = self.clients[data.draw(st.sampled_from(sorted(self.clients)))]
        says_all = client.epoch == 0 or client.is_unsure
        self._beat(client, client.full() if says_all else client.short(), is_lost=is_lost)

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def takes_what_it_was_told(self, data: st.DataObject) -> None:
        client = self.clients[data.draw(st.sampled_from(sorted(self.clients)))]
        if not client.is_unsure and not isinstance(client, ClassicClient):
            client.owned = client.told

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), for_now=st.booleans())
    def leaves(self, data: st.DataObject, for_now: bool) -> None:
        client = self.clients.pop(data.draw(st.sampled_from(sorted(self.clients))))
        epoch = AWAY_EPOCH if for_now and client.instance_id else -1
        goodbye = Heartbeat(member_id=client.member_id, epoch=epoch, instance_id=client.instance_id)
        step = membership.leave(self.group, goodbye, self.now_ms)
        if not isinstance(step, Refused):
            self._become(step.group)

    @precondition(lambda self: self.group.members)
    @rule(data=st.data())
    def is_missed(self, data: st.DataObject) -> None:
        member_id = data.draw(st.sampled_from(sorted(self.group.members)))
        self._become(membership.lose(self.group, [member_id], self.now_ms))
        client = self.clients.get(member_id)
        if client is not None:  # its own session is over too: it reads nothing before it is heard again
            client.owned = client.told = NONE

    @rule(name=st.sampled_from(NAMES), count=st.integers(0, 5))
    def a_topic_changes(self, name: str, count: int) -> None:
        if count >= self.counts.get(name, 0) > 0:
            self.counts[name] = count
        else:
            self.counts.pop(name, None)
            gone = self.ids[name].bytes
            self.ids[name] = UUID(int=self.ids[name].int + 100)
            for client in self.clients.values():
                if isinstance(
                    client, ClassicClient
                ):  # it names topics: what is gone it cannot say that it has
                    client.owned = frozenset(one for one in client.owned if one.topic_id != gone)
            if count:
                self.counts[name] = count
        self._see()

    @rule()
    def everybody_is_heard_until_nothing_changes(self) -> None:
        for _ in range(6 * (len(self.clients) + 1)):
            for client in list(self.clients.values()):
                self._beat(client, client.full(), is_lost=False)
                if not isinstance(client, ClassicClient):
                    client.owned = client.told
        self._drop_who_is_away()
        if not self._members():
            return
        assert self.group.state is ConsumerGroupState.STABLE
        read = [partition for client in self._members() for partition in client.told]
        assert len(read) == len(set(read))
        assert set(read) == self._readable()
        self._is_even()

    def _drop_who_is_away(self) -> None:
        away = [m for m in self.group.members if m not in self.clients]
        if not away:
            return
        self._become(membership.lose(self.group, away, self.now_ms))
        for _ in range(6 * (len(self.clients) + 1)):
            for client in list(self.clients.values()):
                self._beat(client, client.full(), is_lost=False)
                if not isinstance(client, ClassicClient):
                    client.owned = client.told

    def _names(self, client: Client) -> frozenset[str]:
        regex = None if isinstance(client, ClassicClient) else client.regex
        return self.topics.read_by(client.topics, regex) & frozenset(self.counts)

    def _members(self) -> list[Client]:
        """The clients that are members: not those that wait for a static identity of another."""
        return [client for client in self.clients.values() if client.member_id in self.group.members]

    def _readable(self) -> set[TopicIdPartition]:
        names = frozenset[str]().union(*(self._names(client) for client in self._members()))
        return {
            TopicIdPartition(self.ids[name].bytes, number)
            for name in names
            for number in range(self.counts[name])
        }

    def _is_even(self) -> None:
        if any(member.assignor == "range" for member in self.group.members.values()):
            return
        if len({self._names(client) for client in self._members()}) == 1:
            sizes = [len(client.told) for client in self._members()]
            assert max(sizes) - min(sizes) <= 1

    @invariant()
    def nobody_reads_what_another_has_not_given_up(self) -> None:
        held = [partition for member in self.group.members.values() for partition in member.held]
        assert len(held) == len(set(held))
        for client in self.clients.values():
            member = self.group.members.get(client.member_id)
            if member is not None and client.epoch > 0:
                assert client.owned <= member.held

    @invariant()
    def epochs_do_not_run_ahead(self) -> None:
        assert self.group.target_epoch <= self.group.epoch
        assert all(m.epoch <= self.group.target_epoch for m in self.group.members.values())

    @invariant()
    def what_was_kept_is_the_group(self) -> None:
        assert self.kept.target == self.group.target
        assert change_group(self.kept, subscribed={}, changed_ms=0) == change_group(
            self.group, subscribed={}, changed_ms=0
        )


Group.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class TestGroup(Group.TestCase):  # type: ignore[misc, valid-type]
    """Run by pytest."""
