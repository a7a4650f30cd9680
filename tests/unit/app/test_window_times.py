"""Times that records claim: absurd ones close no windows, and what is no time is the record's fault."""

from __future__ import annotations

import pytest

from streamz_core.app.windows import after_idle
from streamz_core.streams.processor import RecordError

YEAR_33658_MS = 1_000_000_000_000_000
"""What becomes of milliseconds since the epoch that are taken for seconds."""


def by_field(app, **options):
    counts = app.Table("counts", default=int, on_window_close=options.pop("on_window_close", None))
    counts = counts.tumbling(10, grace=0, **options).relative_to_field("at")

    @app.agent(app.topic("views"))
    async def count(stream):
        async for _ in stream:
            counts["all"] += 1

    return counts


async def test_one_absurd_time_in_a_field_does_not_make_all_others_late(app, task, caplog):
    by_field(app)
    running = await task()
    await running.feed([{"at": 1}, {"at": YEAR_33658_MS / 1000}, {"at": 2}])

    store = running.context.window_store("counts")
    assert store.get("all", 0) == 2
    assert store.late_count == 0
    assert "topic 'views' partition 0 offset 1 has the time" in caplog.text


async def test_idle_input_closes_what_is_open_but_not_the_far_future(app, task, clock):
    closed = []
    by_field(app, close=after_idle(1), on_window_close=lambda key, value: closed.append((key[1][0], value)))
    running = await task()
    await running.feed([{"at": 1}, {"at": YEAR_33658_MS / 1000}])
    await clock.advance(1_000)
    await running.punctuate()
    await running.feed([{"at": 12}])
    await clock.advance(1_000)
    await running.punctuate()

    assert closed == [(0.0, 1), (10.0, 1)]
    assert running.context.window_store("counts").late_count == 0


@pytest.mark.parametrize("at", ["noon", None, True, [], float("nan"), float("inf"), 1e300, -(10**30)])
async def test_what_is_no_time_fails_its_record(app, task, at):
    by_field(app)
    running = await task()
    with pytest.raises(RecordError) as failed:
        await running.feed([{"at": at}])

    assert "field 'at' gives no time" in str(failed.value.cause)


async def test_records_of_the_first_seconds_of_the_epoch_are_not_late_in_hopping_windows(app, task):
    counts = app.Table("counts", default=int).hopping(20, 10, grace=0)
    seen = []

    @app.agent(app.topic("views"))
    async def count(stream):
        async for _ in stream:
            counts["all"] += 1
            seen.append(dict(counts.items()))

    running = await task()
    await running.feed([1, 2], timestamps=[5_000, -1])

    store = running.context.window_store("counts")
    assert store.get("all", 0) == 1
    assert store.late_count == 1  # of before the epoch
    assert seen == [{"all": 1}, {}]
