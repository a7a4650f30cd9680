"""What a regular expression means to members who may not know of every topic that matches."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from streamz_core.broker.broker import Broker
from streamz_core.errors import ErrorCode
from streamz_core.log.memory_files import MemoryFiles
from streamz_core.protocol.messages.consumer_group_heartbeat import (
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupTopicPartitions,
)
from streamz_core.testing.manual_clock import ManualClock
from tests.unit.broker.conftest import Talk


class Member:
    """A member that takes and gives up what it is told at once."""

    def __init__(
        self, broker: Broker, member_id: str, visible: set[str] | None, *, names: tuple[str, ...] = ()
    ) -> None:
        self.broker = broker
        self.member_id = member_id
        self.visible = visible
        self.names = names
        self.epoch = 0
        self.owned: list[Any] = []

    async def beat(self) -> Any:
        """A heartbeat; what it has afterwards."""
        first = self.epoch == 0
        seen = None if self.visible is None else frozenset(self.visible).__contains__
        answer = await self.broker.handle(
            ConsumerGroupHeartbeatRequest(
                group_id="g",
                member_id=self.member_id,
                member_epoch=self.epoch,
                rebalance_timeout_ms=60_000 if first else -1,
                subscribed_topic_names=list(self.names) if first else None,
                subscribed_topic_regex="o.*" if first else None,
                topic_partitions=self.owned,
                may_describe=seen,
                client_host="/10.0.0.1",
            )
        )
        assert answer.error_code is ErrorCode.NONE
        self.epoch = answer.member_epoch
        if answer.assignment is not None:
            self.owned = [
                ConsumerGroupTopicPartitions(topic_id=one.topic_id, partitions=one.partitions)
                for one in answer.assignment.topic_partitions
            ]

    @property
    def has(self) -> dict[str, int]:
        """How many partitions of which topics."""
        directory = self.broker.directory
        return {str(directory.name_of(one.topic_id)): len(one.partitions) for one in self.owned}


async def settle(*members: Member) -> None:
    for _ in range(4):
        for member in members:
            await member.beat()


@pytest.fixture
async def topics(talk: Any) -> Any:
    await talk.create("one", 2)
    await talk.create("other", 2)
    return talk


async def test_a_member_gets_what_it_may_know_of(topics: Any) -> None:
    member = Member(topics.broker, "m", {"one", "elsewhere"})
    await settle(member)

    assert member.has == {"one": 2}


async def test_another_with_the_same_expression_may_read_more(topics: Any) -> None:
    few, all_ = Member(topics.broker, "few", {"one"}), Member(topics.broker, "all", None)
    await settle(few, all_)

    assert few.has == {"one": 1} or few.has == {"one": 2}
    assert all_.has["other"] == 2
    assert few.has["one"] + all_.has.get("one", 0) == 2


async def test_what_it_may_know_of_changes_with_its_next_heartbeat(topics: Any) -> None:
    member = Member(topics.broker, "m", {"one"})
    await settle(member)
    member.visible = {"one", "other"}
    await settle(member)
    assert member.has == {"one": 2, "other": 2}

    member.visible = {"other"}
    await settle(member)
    assert member.has == {"other": 2}


async def test_a_group_in_which_nothing_changes_stays_in_its_epoch(topics: Any) -> None:
    members = [
        Member(topics.broker, f"m{n}", visible) for n, visible in enumerate(({"one"}, None, {"other"}))
    ]
    await settle(*members)
    epochs = [member.epoch for member in members]

    await settle(*members)
    assert [member.epoch for member in members] == epochs
    assert len(set(epochs)) == 1


async def test_a_new_topic_is_one_more_epoch_and_hidden_where_it_must_be(topics: Any) -> None:
    few, all_ = Member(topics.broker, "few", {"one"}), Member(topics.broker, "all", None)
    await settle(few, all_)
    before = all_.epoch

    await topics.create("omega", 1)
    await settle(few, all_)

    assert all_.has["omega"] == 1
    assert "omega" not in few.has
    assert all_.epoch == few.epoch == before + 1


async def test_names_that_it_asked_for_itself_are_not_hidden_again(topics: Any) -> None:
    """They were judged when it asked; the function is about the expression."""
    member = Member(topics.broker, "m", set(), names=("one",))
    await settle(member)
    assert member.has == {"one": 2}


async def test_after_an_opening_nobody_gets_more_before_it_is_heard_of() -> None:
    files, clock = MemoryFiles(), ManualClock()
    broker = await Broker.open(files, "/data", clock)
    talk = Talk(broker, clock)
    await talk.create("one", 2)
    await talk.create("other", 2)
    few, all_ = Member(broker, "few", {"one"}), Member(broker, "all", None)
    await settle(few, all_)
    had = (few.has, all_.has)
    await broker.abandon()

    broker = await Broker.open(files, "/data", clock)
    few.broker = all_.broker = broker
    await all_.beat()
    for _ in range(3):
        await all_.beat()
        group = broker.groups.get("g").group
        names = {broker.directory.name_of(UUID(bytes=one.topic_id)) for one in group.target["few"]}
        assert names == {"one"}
    await settle(few, all_)
    assert (few.has, all_.has) == had
    await broker.close()
