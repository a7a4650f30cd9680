"""Fetch sessions (KIP-227): a reader of many partitions names, and is told, only what has changed.

Owns: which sessions there are, what each one's reader asks for and was told, and which session goes when there is no
room for another.
Must not know: logs, waiting, links; time (it is told).

A session is begun by a full fetch with epoch 0 and gets an id. Every further fetch names the id and the next epoch;
partitions in it are added or changed, others stay as they were, forgotten ones leave. Epoch -1 ends it. What the
reader cannot know of after an error it asks for anew, in full.

| epoch of the request | session | becomes |
|---|---|---|
| -1 | any | ended; answered in full |
| 0 | any | ended; answered in full; another is begun if there is room |
| n | unknown | ``FETCH_SESSION_ID_NOT_FOUND`` |
| n | expects another | ``INVALID_FETCH_SESSION_EPOCH``; stays |
| n | names topics otherwise (ids, names) | ``FETCH_SESSION_TOPIC_ID_ERROR``; stays |
| n | expects n | changed; answered with what is new; expects n+1 |
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import UUID

from streamz_core.errors import ErrorCode
from streamz_core.protocol.messages.fetch import (
    FINAL_EPOCH,
    INITIAL_EPOCH,
    NO_SESSION,
    FetchPartition,
    FetchPartitionResponse,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    FetchTopicResponse,
    ForgottenTopic,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

EVICTED_AFTER_MS: Final = 120_000
"""A session that is idle, or is as old and smaller than another, for so long may have to go for that one."""
_EPOCH_MAX: Final = (1 << 31) - 1

_Topic: TypeAlias = str | UUID
"""A topic as the reader names it: by its id (KIP-516), or by its name."""
_Name: TypeAlias = tuple[_Topic, int]


class FetchSession:
    """What one reader asks for and was told."""

    __slots__ = ("asked", "created_ms", "epoch", "id", "told", "used_ms")

    def __init__(self, session_id: int, now_ms: float) -> None:
        self.id = session_id
        self.created_ms = now_ms
        self.used_ms = now_ms
        self.epoch = next_epoch(INITIAL_EPOCH)
        """The one the next fetch is to have."""
        self.asked: dict[_Name, FetchPartition] = {}
        """In the order in which they are read: what had records goes to the end."""
        self.told: dict[_Name, tuple[int, int, int]] = {}
        """High watermark, last stable offset and log start of the last answer."""

    def change(self, topics: Iterable[FetchTopic], forgotten: Iterable[_Name]) -> None:
        """Take in what an incremental fetch names."""
        for topic in topics:
            named = _named(topic)
            for part in topic.partitions:
                self.asked[named, part.partition] = part
        for name in forgotten:
            self.asked.pop(name, None)
            self.told.pop(name, None)

    def topics(self) -> list[FetchTopic]:
        """All it asks for, as a full fetch would."""
        runs: list[tuple[_Topic, list[FetchPartition]]] = []
        for (topic, _), part in self.asked.items():
            if not runs or runs[-1][0] != topic:
                runs.append((topic, []))
            runs[-1][1].append(part)
        return [
            FetchTopic(topic=topic, partitions=parts)
            if isinstance(topic, str)
            else FetchTopic(topic_id=topic, partitions=parts)
            for topic, parts in runs
        ]

    def news(self, responses: Iterable[FetchTopicResponse]) -> list[FetchTopicResponse]:
        """Of the answers to all it asks for, those that tell something new; from now on the reader knows them."""
        found = []
        for topic in responses:
            named = _named(topic)
            parts = [part for part in topic.partitions if self._is_new((named, part.partition_index), part)]
            if parts:
                found.append(FetchTopicResponse(topic=topic.topic, topic_id=topic.topic_id, partitions=parts))
        return found

    def names_alike(self, topics: Iterable[FetchTopic | ForgottenTopic]) -> bool:
        """Whether these are named as those that are in the session: by their ids, or by their names."""
        kind = next((type(topic) for topic, _ in self.asked), None)
        return kind is None or all(type(_named(topic)) is kind for topic in topics)

    def _is_new(self, name: _Name, answer: FetchPartitionResponse) -> bool:
        if answer.error_code is not ErrorCode.NONE:
            self.told.pop(name, None)  # told again for as long as it is so, and once when it is over
            return True
        says = (answer.high_watermark, answer.last_stable_offset, answer.log_start_offset)
        is_new = len(answer.records) > 0 or self.told.get(name) != says
        self.told[name] = says
        if len(answer.records) > 0 and name in self.asked:
            self.asked[name] = self.asked.pop(name)
        return is_new


class FetchSessions:
    """The sessions of one broker."""

    def __init__(self, slots: int, new_id: Callable[[], int] | None = None) -> None:
        """``slots``: how many there may be; ``new_id`` draws a number from 1 to 2^31-1."""
        self._slots = slots
        self._new_id = new_id or _drawn_id
        self._sessions: OrderedDict[int, FetchSession] = OrderedDict()
        """Used longest ago first."""

    def __len__(self) -> int:
        return len(self._sessions)

    def find(self, request: FetchRequest, now_ms: float) -> FetchSession | ErrorCode | None:
        """The session a request goes on with, changed as it says; None where it is a full fetch, or why not."""
        if request.session_epoch in (INITIAL_EPOCH, FINAL_EPOCH):
            self._sessions.pop(request.session_id, None)
            return None
        session = self._sessions.get(request.session_id)
        if session is None:
            return ErrorCode.FETCH_SESSION_ID_NOT_FOUND
        if session.epoch != request.session_epoch:
            return ErrorCode.INVALID_FETCH_SESSION_EPOCH
        if not session.names_alike((*request.topics, *request.forgotten_topics_data)):
            return ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR
        session.epoch = next_epoch(session.epoch)
        session.used_ms = now_ms
        self._sessions.move_to_end(session.id)
        session.change(
            request.topics,
            ((_named(one), index) for one in request.forgotten_topics_data for index in one.partitions),
        )
        if not session.asked:
            del self._sessions[session.id]
        return session

    def answer(
        self,
        request: FetchRequest,
        session: FetchSession | None,
        responses: list[FetchTopicResponse],
        now_ms: float,
    ) -> FetchResponse:
        """What the reader is told of ``responses``, the answers to all that it asks for."""
        if session is None and request.session_epoch == INITIAL_EPOCH:
            session = self._begin(request, now_ms)
            if session is not None:
                session.news(responses)
                return FetchResponse(responses=responses, session_id=session.id)
        if session is None:
            return FetchResponse(responses=responses)
        is_there = self._sessions.get(session.id) is session
        news = session.news(responses)
        return FetchResponse(responses=news, session_id=session.id if is_there else NO_SESSION)

    def _begin(self, request: FetchRequest, now_ms: float) -> FetchSession | None:
        size = sum(len(topic.partitions) for topic in request.topics)
        if size == 0 or not self._has_room(size, now_ms):
            return None
        session_id = self._new_id()
        while session_id in self._sessions:
            session_id = self._new_id()
        session = self._sessions[session_id] = FetchSession(session_id, now_ms)
        session.change(request.topics, ())
        return session

    def _has_room(self, size: int, now_ms: float) -> bool:
        """Whether a session of ``size`` partitions may begin; another may have to go for it."""
        if len(self._sessions) < self._slots:
            return True
        if not self._sessions:
            return False
        victim = next(iter(self._sessions.values()))
        if now_ms - victim.used_ms <= EVICTED_AFTER_MS:
            old = [one for one in self._sessions.values() if now_ms - one.created_ms > EVICTED_AFTER_MS]
            victim = min(old, key=lambda one: len(one.asked), default=victim)
            if not old or len(victim.asked) >= size:
                return False
        del self._sessions[victim.id]
        return True


def _named(topic: FetchTopic | FetchTopicResponse | ForgottenTopic) -> _Topic:
    return topic.topic if topic.topic_id is None else topic.topic_id


def next_epoch(epoch: int) -> int:
    """The epoch after this one; 0 and -1 mean something else and are passed over."""
    return 1 if epoch >= _EPOCH_MAX else epoch + 1


def _drawn_id() -> int:
    # Not to be guessed: whoever knows another's id could read on in its session.
    return secrets.randbelow(_EPOCH_MAX) + 1
