"""Unordered calls over restarts: what was under way is asked again, and every row has its result once."""

from __future__ import annotations

import asyncio
from typing import Any

from streamz_core.serde.stored import StoredKeyCodec, StoredValueCodec
from streamz_core.serde.subscription import PackedCodec
from streamz_core.state.cache import CachedStore
from streamz_core.state.memory import MemoryStore
from streamz_core.streams.operators.map_unordered import MapUnordered
from streamz_core.streams.operators.throttle_kept import ThrottleKept
from streamz_core.streams.rows import Rows
from streamz_core.testing.manual_clock import ManualClock


class Context:
    """A task over a store that outlives it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._backend = MemoryStore("waiting")
        self.reopen()

    def reopen(self) -> None:
        """As after a failure: what was not committed is gone."""
        codec = PackedCodec(StoredKeyCodec("key"), 0, StoredValueCodec("value"))
        self._store = CachedStore(self._backend, StoredKeyCodec("number"), codec)

    def store(self, _name: str) -> Any:
        return self._store

    def commit(self) -> None:
        changes = self._store.collect()
        self._store.committed(max(0, self._backend.position()) + len(changes))


def rows(*values: str) -> Rows:
    count = len(values)
    return Rows(["k"] * count, list(values), list(range(count)), list(range(count)), [(("h", b"1"),)] * count)


def values_of(made: Rows | None) -> list[Any]:
    return [] if made is None else made.values


async def test_calls_that_were_under_way_are_made_again() -> None:
    context = Context()
    asked: list[str] = []
    answers = asyncio.Event()

    async def look_up(value: str) -> str:
        asked.append(value)
        if value != "quick":
            await answers.wait()
        return value.upper()

    def opened() -> MapUnordered:
        step = MapUnordered(
            "ask",
            "waiting",
            look_up,
            with_key=False,
            concurrency=8,
            timeout_ms=None,
            cache_ttl_ms=None,
            cache_key=None,
            on_error=None,
        )
        step.open(context)  # type: ignore[arg-type]
        return step

    step = opened()
    assert await step.process_waiting(rows("one", "quick", "two")) is None
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert values_of(step.flush()) == ["QUICK"]
    context.commit()
    await step.process_waiting(rows("lost"))
    step.close()
    context.reopen()

    answers.set()
    step = opened()
    for _ in range(3):
        await asyncio.sleep(0)
    made = step.punctuate(0)
    assert made is not None
    assert (made.values, made.timestamps, made.headers) == (["ONE", "TWO"], [0, 2], [(("h", b"1"),)] * 2)
    assert made.orders == [-1, -1]
    assert asked[-2:] == ["one", "two"]
    assert step.flush() is None


def test_rows_that_wait_for_their_pace_outlive_restarts() -> None:
    context = Context()

    def opened() -> ThrottleKept:
        step = ThrottleKept("pace", "waiting", 2, 1_000)
        step.open(context)  # type: ignore[arg-type]
        return step

    step = opened()
    assert values_of(step.process(rows("a", "b", "c", "d", "e"))) == ["a", "b"]
    assert values_of(step.process(rows("f"))) == []
    context.commit()
    context.reopen()

    step = opened()
    assert values_of(step.process(rows("g"))) == []
    assert values_of(step.punctuate(0)) == ["c", "d"]
    assert values_of(step.punctuate(0)) == []
