from __future__ import annotations

import pytest

from streamz_core.broker.groups.sessions import Sessions
from streamz_core.testing.manual_clock import ManualClock


class Watched:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.expired: list[tuple[str, float]] = []
        self.sessions = Sessions(self.clock, self._expire)

    def _expire(self, member_id: str) -> None:
        self.expired.append((member_id, self.clock.monotonic_ms()))


@pytest.fixture
def watched() -> Watched:
    return Watched()


async def test_who_is_not_heard_of_expires_at_its_time(watched: Watched) -> None:
    watched.sessions.extend("slow", 500)
    watched.sessions.extend("fast", 100)

    await watched.clock.advance(1_000)

    assert watched.expired == [("fast", 100), ("slow", 500)]
    assert len(watched.sessions) == 0
    assert watched.clock.next_timer_ms is None


async def test_whoever_is_heard_of_lives_on(watched: Watched) -> None:
    watched.sessions.extend("a", 100)
    for _ in range(10):
        await watched.clock.advance(90)
        watched.sessions.extend("a", 100)
    assert watched.expired == []

    await watched.clock.advance(100)

    assert watched.expired == [("a", 1_000)]


async def test_one_timer_serves_all(watched: Watched) -> None:
    for number in range(100):
        watched.sessions.extend(str(number), 100 + number)

    assert len(watched.clock._timers) == 1


async def test_who_is_gone_is_not_missed(watched: Watched) -> None:
    watched.sessions.extend("a", 100)
    watched.sessions.extend("b", 100)
    watched.sessions.end("a")
    watched.sessions.end("nobody")
    await watched.clock.advance(100)
    assert watched.expired == [("b", 100)]

    watched.sessions.extend("c", 100)
    watched.sessions.stop()
    await watched.clock.advance(1_000)
    assert watched.expired == [("b", 100)]


async def test_a_process_that_stood_still_gives_everybody_a_moment(watched: Watched) -> None:
    watched.sessions.extend("a", 100)
    watched.sessions.extend("b", 100)
    watched.clock._elapsed_ms += 60_000  # SIGSTOP: the monotonic clock went on, nothing else did

    await watched.clock.advance(0)
    await watched.clock.advance(500)
    watched.sessions.extend("a", 100_000)
    await watched.clock.advance(500)

    assert [member_id for member_id, _ in watched.expired] == ["b"]


async def test_an_expiry_may_end_other_sessions(watched: Watched) -> None:
    sessions = Sessions(watched.clock, lambda member_id: (watched._expire(member_id), sessions.stop())[0])
    sessions.extend("a", 100)
    sessions.extend("b", 100)

    await watched.clock.advance(1_000)

    assert [member_id for member_id, _ in watched.expired] == ["a"]
