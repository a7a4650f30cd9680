"""Windowed tables of agents whose windows close by each key's own time."""

from __future__ import annotations

import pytest

from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.app.windows import TumblingWindow, per_key


def counting(app, *, size=10, step=None, on_window_close=None, **options):
    """Views of pages, ``{"page": …, "at": seconds}``."""
    options = {"grace": 0, "close": per_key(), **options}
    table = app.Table("counts", default=int, on_window_close=on_window_close)
    counts = table.tumbling(size, **options) if step is None else table.hopping(size, step, **options)

    @app.agent(app.topic("views"))
    async def count(stream):
        async for page in stream:
            counts[page if isinstance(page, str) else page["page"]] += 1

    return counts


def collecting():
    closed = []
    return closed, lambda key, value: closed.append((key[0], key[1][0], value))


def contents(task):
    store = task.context.window_store("counts")
    return {(start, key): value for start in store.starts() for key, value in store.items(start)}


async def test_a_key_that_runs_ahead_closes_no_other_keys_windows(app, task):
    closed, on_close = collecting()
    counting(app, on_window_close=on_close)
    running = await task()

    await running.feed(["/", "/ahead", "/"], timestamps=[1_000, 500_000, 2_000])
    assert closed == []
    await running.feed(["/"], timestamps=[10_000])
    assert closed == [("/", 0.0, 2)]
    await running.punctuate()
    assert closed == [("/", 0.0, 2)]


async def test_what_a_key_itself_has_passed_is_late(app, task):
    late = []
    counting(app, on_late=lambda event: late.append(event.value), grace=5)
    running = await task()
    await running.feed(["/", "/", "/", "/a"], timestamps=[1_000, 14_999, 2_000, 500_000], punctuate=False)
    await running.feed(["/", "/"], timestamps=[15_000, 3_000])

    assert late == ["/"]
    assert running.context.window_store("counts").late_count == 1


async def test_hopping_windows_and_one_slice(app, task):
    closed, on_close = collecting()
    counting(app, step=5, on_window_close=on_close)
    running = await task()

    await running.feed(["/", "/a", "/", "/"], timestamps=[7_000, 90_000, 12_000, 20_000])

    assert closed == [("/", 0.0, 1), ("/", 5.0, 2), ("/", 10.0, 1)]


async def test_contents_are_kept_until_they_expire_by_their_keys_time(app, task):
    counting(app, expires=20)
    running = await task()

    await running.feed(["/", "/", "/a"], timestamps=[1_000, 29_999, 500_000])
    assert contents(running) == {(0, "/"): 1, (20_000, "/"): 1, (500_000, "/a"): 1}
    await running.feed(["/"], timestamps=[30_000])
    assert contents(running) == {(20_000, "/"): 1, (30_000, "/"): 1, (500_000, "/a"): 1}


async def test_keys_too_far_behind_are_closed_by_the_others(app, task):
    closed, on_close = collecting()
    counting(app, close=per_key(behind_max=60), on_window_close=on_close)
    running = await task()

    await running.feed(["/", "/a", "/"], timestamps=[1_000, 69_999, 2_000])
    assert closed == []
    await running.feed(["/a"], timestamps=[70_000])
    assert closed == [("/", 0.0, 2), ("/a", 60.0, 1)]


async def test_idleness_closes_each_keys_windows(app, task, clock):
    closed, on_close = collecting()
    counting(app, close=per_key(after_idle=5), on_window_close=on_close)
    running = await task()
    await running.feed(["/", "/a"], timestamps=[1_000, 500_000])
    await clock.advance(4_999)
    await running.punctuate()
    assert closed == []

    await clock.advance(1)
    await running.punctuate()
    assert closed == [("/", 0.0, 1), ("/a", 500.0, 1)]
    await running.feed(["/"], timestamps=[10_000])
    assert running.context.window_store("counts").late_count == 0


async def test_what_a_handler_writes_may_close_more(app, task):
    closed = []

    def on_close(key, value):
        closed.append((key[0], key[1][0], value))
        if key[0] != "all":
            counts["all"] += value

    counts = counting(app, on_window_close=on_close)
    running = await task()

    await running.feed(["/"] * 3, timestamps=[1_000, 11_000, 21_000])

    # "all" is written at the last millisecond of each window that closes, and the second closes its first.
    assert closed == [("/", 0.0, 1), ("/", 10.0, 1), ("all", 0.0, 1)]


async def test_reads_outside_agents_are_of_each_keys_current_window(app, task, monkeypatch):
    counts = counting(app)
    running = await task()
    await running.feed(["/", "/a", "/"], timestamps=[1_000, 500_000, 2_000])
    monkeypatch.setattr(type(app), "contexts", lambda _self, _name: [running.context])

    assert counts["/"].current() == 2
    assert counts["/a"].current() == 1
    assert sorted(counts.items()) == [("/", 2), ("/a", 1)]


async def test_times_of_the_values(app, task):
    closed, on_close = collecting()
    counting(app, on_window_close=on_close).relative_to_field("at")
    running = await task()

    await running.feed([{"page": "/", "at": 1}, {"page": "/a", "at": 500}, {"page": "/", "at": 2}])
    assert closed == []
    await running.feed([{"page": "/", "at": 10}])
    assert closed == [("/", 0.0, 2)]


async def test_a_time_that_is_not_believed_closes_nothing(app, task, clock):
    closed, on_close = collecting()
    counting(app, on_window_close=on_close).relative_to_field("at")
    running = await task()
    ahead = clock.now_ms() // 1_000 + 30 * 86_400

    await running.feed([{"page": "/", "at": 1}, {"page": "/", "at": ahead}, {"page": "/", "at": 2}])

    assert closed == []
    assert contents(running)[0, "/"] == 2


def test_what_cannot_be_is_refused():
    with pytest.raises(ImproperlyConfigured, match=r"or per_key\(…\)"):
        TumblingWindow(10, close="per_key")
    with pytest.raises(ImproperlyConfigured):
        per_key(behind_max=-1)
