"""An alarm rings once, at the earliest time it was set to."""

from __future__ import annotations

from streamz_core.streams.runtime.alarm import Alarm
from streamz_core.testing import ManualClock

NOW = 1_000_000


async def rung(clock: ManualClock, *at_ms: int) -> tuple[Alarm, list[int]]:
    rings: list[int] = []
    alarm = Alarm(clock, lambda: rings.append(clock.now_ms() - NOW))
    for at in at_ms:
        alarm.set(NOW + at)
    return alarm, rings


async def test_the_earliest_time_counts():
    clock = ManualClock(NOW)
    alarm, rings = await rung(clock, 70, 25, 50)
    assert not alarm.take()

    await clock.advance(100)

    assert rings == [25]
    assert alarm.take()
    assert not alarm.take()


async def test_it_can_be_set_again():
    clock = ManualClock(NOW)
    alarm, rings = await rung(clock, 25)
    await clock.advance(30)
    alarm.set(NOW + 40)

    await clock.advance(30)

    assert rings == [25, 40]


async def test_what_is_past_rings_at_once_and_what_is_cancelled_not_at_all():
    clock = ManualClock(NOW)
    _, rings = await rung(clock, -5)
    await clock.settle()
    assert rings == [0]

    alarm, rings = await rung(clock, 5)
    alarm.cancel()
    await clock.advance(10)
    assert rings == []
    assert not alarm.take()
