"""Fetch sessions: a reader that is told only news knows the same as one that is told all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from streamz_core.broker.fetch_sessions import EVICTED_AFTER_MS, FetchSessions, next_epoch
from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.fetch import (
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchTopic,
    FetchTopicResponse,
    ForgottenTopic,
)

PARTITIONS = [(topic, index) for topic in "ab" for index in range(2)]


def request(
    names: Any, session_id: int = 0, epoch: int = 0, forgotten: Any = (), offset: int = 0
) -> FetchRequest:
    return FetchRequest(
        max_wait_ms=0,
        session_id=session_id,
        session_epoch=epoch,
        topics=[
            FetchTopic(topic=topic, partitions=[FetchPartition(partition=index, fetch_offset=offset)])
            for topic, index in names
        ],
        forgotten_topics_data=[ForgottenTopic(topic=topic, partitions=[index]) for topic, index in forgotten],
    )


def answers(topics: list[FetchTopic], says: Any) -> list[FetchTopicResponse]:
    return [
        FetchTopicResponse(
            topic=topic.topic, partitions=[says(topic.topic, part) for part in topic.partitions]
        )
        for topic in topics
    ]


def plain(high: int = 0, records: bytes = b"", error: ErrorCode = ErrorCode.NONE) -> Any:
    def says(topic: str, part: FetchPartition) -> FetchPartitionResponse:
        return FetchPartitionResponse(
            partition_index=part.partition, high_watermark=high, records=records, error_code=error
        )

    return says


def fetch(sessions: FetchSessions, asked: FetchRequest, says: Any = None, now_ms: int = 0) -> Any:
    session = sessions.find(asked, now_ms)
    if isinstance(session, ErrorCode):
        return session
    topics = asked.topics if session is None else session.topics()
    return sessions.answer(asked, session, answers(topics, says or plain()), now_ms)


def named(response: Any) -> list[tuple[str, int]]:
    return [(topic.topic, part.partition_index) for topic in response.responses for part in topic.partitions]


def begin(sessions: FetchSessions, names: Any = PARTITIONS, now_ms: int = 0) -> int:
    session_id: int = fetch(sessions, request(names), now_ms=now_ms).session_id
    return session_id


def test_a_session_tells_only_what_is_new() -> None:
    sessions = FetchSessions(10)
    first = fetch(sessions, request(PARTITIONS))
    same = fetch(sessions, request([], first.session_id, 1))
    higher = fetch(sessions, request([], first.session_id, 2), plain(high=5))
    gone = plain(5, error=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    failing = [fetch(sessions, request([], first.session_id, number), gone) for number in (3, 4)]
    healed = fetch(sessions, request([], first.session_id, 5), plain(high=5))

    assert named(first) == PARTITIONS
    assert named(same) == []
    assert same.session_id == first.session_id
    assert named(higher) == PARTITIONS
    assert [len(named(one)) for one in failing] == [4, 4]
    assert len(named(healed)) == 4


def test_partitions_are_added_changed_and_forgotten() -> None:
    sessions = FetchSessions(10)
    session_id = begin(sessions, [("a", 0)])

    added = fetch(sessions, request([("b", 1)], session_id, 1))
    changed = sessions.find(request([("a", 0)], session_id, 2, forgotten=[("b", 1)], offset=9), 0)

    assert named(added) == [("b", 1)]
    assert [(t.topic, [p.fetch_offset for p in t.partitions]) for t in changed.topics()] == [("a", [9])]


def test_what_had_records_is_read_last() -> None:
    sessions = FetchSessions(10)
    session_id = begin(sessions)

    def says(topic: str, part: FetchPartition) -> FetchPartitionResponse:
        return plain(records=b"x" if (topic, part.partition) == ("a", 0) else b"")(topic, part)

    fetch(sessions, request([], session_id, 1), says)
    session = sessions.find(request([], session_id, 2), 0)

    assert list(session.asked) == [*PARTITIONS[1:], PARTITIONS[0]]


@pytest.mark.parametrize(
    ("known", "epoch", "code"),
    [(False, 1, ErrorCode.FETCH_SESSION_ID_NOT_FOUND), (True, 2, ErrorCode.INVALID_FETCH_SESSION_EPOCH)],
)
def test_a_wrong_session_or_epoch_is_an_error_and_changes_nothing(
    known: bool, epoch: int, code: ErrorCode
) -> None:
    sessions = FetchSessions(10)
    session_id = begin(sessions)

    assert fetch(sessions, request([], session_id if known else session_id + 1, epoch)) is code
    assert named(fetch(sessions, request([], session_id, 1))) == []


def test_a_session_ends_by_epoch_or_when_nothing_is_left_in_it() -> None:
    sessions = FetchSessions(10)
    ended, emptied = begin(sessions), begin(sessions)
    assert fetch(sessions, request(PARTITIONS, ended, -1)).session_id == 0

    answer = fetch(sessions, request([], emptied, 1, forgotten=PARTITIONS))

    assert answer.session_id == 0
    assert len(sessions) == 0


def test_epochs_pass_over_those_that_mean_something_else() -> None:
    assert next_epoch(0) == 1
    assert next_epoch((1 << 31) - 1) == 1


def test_an_idle_session_goes_for_another_and_a_used_one_does_not() -> None:
    sessions = FetchSessions(1)
    old = begin(sessions)

    refused = begin(sessions, now_ms=EVICTED_AFTER_MS)
    taken = begin(sessions, now_ms=EVICTED_AFTER_MS + 1)

    assert refused == 0
    assert taken not in (0, old)
    assert fetch(sessions, request([], old, 1)) is ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_an_old_session_goes_for_a_larger_one_only() -> None:
    sessions = FetchSessions(1)
    old = begin(sessions, PARTITIONS[:2])
    late = EVICTED_AFTER_MS + 1
    fetch(sessions, request([], old, 1), now_ms=late)

    assert begin(sessions, PARTITIONS[:2], now_ms=late) == 0
    assert begin(sessions, PARTITIONS, now_ms=late) != 0
    assert begin(FetchSessions(0), PARTITIONS) == 0


class Reader(RuleBasedStateMachine):
    """A reader in a session against what it would know from full fetches."""

    @initialize()
    def start(self) -> None:
        self.sessions = FetchSessions(2)
        self.truth = dict.fromkeys(PARTITIONS, 0)
        self.wanted: set[tuple[str, int]] = set()
        self.knows: dict[tuple[str, int], int] = {}
        self.session_id, self.epoch = 0, 0

    @rule(name=st.sampled_from(PARTITIONS), by=st.integers(1, 3))
    def grow(self, name: tuple[str, int], by: int) -> None:
        self.truth[name] += by

    @rule(others=st.integers(1, 3))
    def others_come(self, others: int) -> None:
        for _ in range(others):
            begin(self.sessions)

    @rule(wanted=st.sets(st.sampled_from(PARTITIONS)), resends=st.booleans())
    def fetch(self, wanted: set[tuple[str, int]], resends: bool) -> None:
        new = sorted(wanted if resends or self.epoch == 0 else wanted - self.wanted)
        asked = request(new, self.session_id, self.epoch, sorted(self.wanted - wanted))
        answer = fetch(self.sessions, asked, self.says)
        if isinstance(answer, ErrorCode):
            answer = fetch(self.sessions, request(sorted(wanted)), self.says)
            self.epoch = 0
        self.wanted = wanted
        self.session_id = answer.session_id
        self.epoch = next_epoch(self.epoch) if answer.session_id else 0
        for topic in answer.responses:
            for part in topic.partitions:
                self.knows[topic.topic, part.partition_index] = part.high_watermark
        assert {name: self.knows[name] for name in wanted} == {name: self.truth[name] for name in wanted}

    def says(self, topic: str, part: FetchPartition) -> FetchPartitionResponse:
        return plain(high=self.truth[topic, part.partition])(topic, part)

    @invariant()
    def there_are_no_more_than_slots(self) -> None:
        assert len(self.sessions) <= 2


Reader.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestReader = Reader.TestCase


async def test_the_broker_serves_a_session(talk: Any) -> None:
    names = [("t", 0), ("t", 1)]
    first = await talk.broker.handle(request(names, epoch=0))
    await talk.produce("t", b"x", partition=1)
    second = await talk.broker.handle(request([], first.session_id, 1))
    wrong = await talk.broker.handle(request([], first.session_id, 1))

    assert first.session_id > 0
    assert named(first) == names
    assert named(second) == [("t", 1)]
    assert len(second.responses[0].partitions[0].records) > 0
    assert wrong.error_code is ErrorCode.INVALID_FETCH_SESSION_EPOCH
