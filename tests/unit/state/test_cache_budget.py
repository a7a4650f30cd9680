"""One budget for many caches: who lets go, what a commit would help, and whether memory really stays below it."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from streamz_core.state.cache import CachedStore
from streamz_core.state.cache_budget import CacheBudget
from streamz_core.state.memory import MemoryStore
from streamz_core.state.windowed import WindowedStore


class Json:
    def decode(self, column):
        return [msgspec.json.decode(raw) for raw in column]

    def encode(self, value):
        return None if value is None else msgspec.json.encode(value)


def cached(budget: CacheBudget, name: str = "counts") -> CachedStore:
    return CachedStore(MemoryStore(name), Json(), Json(), budget=budget)


def commit(store) -> None:
    store.collect()
    store.committed(store.position() + 1)


def fill(cache: CachedStore, entries: int, value: object = 1) -> None:
    for n in range(entries):
        cache.put(n, value)


def test_a_cache_that_needs_room_takes_it_from_the_one_that_holds_most() -> None:
    budget = CacheBudget(200_000)
    idle, busy = cached(budget, "idle"), cached(budget, "busy")
    fill(idle, 600)
    commit(idle)
    before = idle.account.held_bytes

    fill(busy, 300)
    commit(busy)

    assert budget.used_bytes <= budget.limit_bytes
    assert idle.account.held_bytes < before
    assert len(busy._values) == 300


def test_the_sum_is_that_of_the_caches_whatever_happens() -> None:
    budget = CacheBudget(30_000)
    caches = [cached(budget, "a"), cached(budget, "b")]
    windows = WindowedStore(MemoryStore("w"), Json(), Json(), size_ms=10, retention_ms=20, budget=budget)
    for turn in range(20):
        for cache in caches:
            fill(cache, 10 + turn, [turn] * turn)
            cache.get(f"missing {turn}")
        windows.put(turn, turn * 10, turn)
        windows.settle()
        if turn % 3 == 0:
            for store in (*caches, windows):
                commit(store)
            windows.drop_expired(turn * 10)
        if turn % 7 == 0:
            caches[0].discard()
        held = [store.account.held_bytes for store in (*caches, windows)]
        assert budget.used_bytes == sum(held)
        assert min(held) >= 0

    for store in (*caches, windows):
        store.account.close()
    assert budget.used_bytes == 0


def test_changes_do_not_go_and_ask_for_a_commit_instead() -> None:
    budget = CacheBudget(50_000)
    cache = cached(budget)
    fill(cache, 1_000)
    cache.settle()

    budget.make_room()

    assert len(cache._values) == 1_000
    assert budget.is_over
    assert budget.commit_helps(cache.account.dirty_bytes)
    commit(cache)
    assert not budget.is_over
    assert not budget.commit_helps(cache.account.dirty_bytes)


def test_a_task_with_a_trifle_to_commit_is_not_asked_for_what_another_holds() -> None:
    budget = CacheBudget(50_000)
    hoarding, modest = cached(budget, "hoarding"), cached(budget, "modest")
    fill(hoarding, 1_000)
    fill(modest, 1)
    hoarding.settle()
    modest.settle()

    assert budget.commit_helps(hoarding.account.dirty_bytes)
    assert not budget.commit_helps(modest.account.dirty_bytes)


def test_while_nothing_can_go_loads_do_not_search_for_it_each_time() -> None:
    budget = CacheBudget(50_000)
    cache = cached(budget)
    for n in range(1_000):
        cache._store.write([(msgspec.json.encode(n), b"1")], n)
    cache.discard()
    fill(cache, 1_000)
    cache.settle()
    searches = []
    budget.join(searching := _Searched(searches))

    for n in range(100):
        cache.get(f"missing {n}")

    assert 0 < len(searches) < 15
    budget.leave(searching)


class _Searched:
    held_bytes = 0
    dirty_bytes = 0

    def __init__(self, searches: list[int]) -> None:
        self._searches = searches

    def evict(self, size_bytes: int) -> None:
        self._searches.append(size_bytes)


@pytest.mark.parametrize(("first", "then"), [(10_000, 10), (10, 10_000)], ids=["large first", "small first"])
def test_sizes_that_change_over_time_are_no_way_around_the_bound(first: int, then: int) -> None:
    budget = CacheBudget(2_000_000)
    cache = cached(budget)
    for size in (first, then):
        for n in range(500):
            cache.put(f"{size} {n}", "x" * size)
            if n % 50 == 0:
                commit(cache)
        commit(cache)

    held = sum(len(value) for value in cache._values.values())
    assert held <= budget.limit_bytes
    assert cache.account.held_bytes == pytest.approx(held + 300 * len(cache._values), rel=0.5)


def test_a_large_value_counts_before_it_is_committed() -> None:
    budget = CacheBudget(1_000_000)
    cache = cached(budget)
    fill(cache, 100)
    commit(cache)
    for n in range(100):
        cache.put(n, "x" * 100_000)
        cache.settle()

    assert budget.is_over


MILLION = """
import sys
from tests.unit.state.test_cache_budget import grown_mb, million_keys
print(grown_mb(million_keys, sys.argv[1], int(sys.argv[2])))
"""


def million_keys(directory: str, budget_bytes: int) -> None:
    """A million keys, written and then read, over RocksDB, in two stores of one budget."""
    from streamz_core.state.rocksdb import MemoryBudget, RocksDatabase

    budget = CacheBudget(budget_bytes)
    database = RocksDatabase(directory, {"keys": "", "windows": ""}, MemoryBudget(16 << 20))
    keys = CachedStore(database.store("keys"), Json(), Json(), budget=budget)
    windows = WindowedStore(
        database.store("windows"), Json(), Json(), size_ms=1_000, retention_ms=10_000_000, budget=budget
    )
    for n in range(500_000):
        value = {"user": f"u{n}", "seen": [n, n + 1, n + 2]}
        keys.put(n, value)
        windows.put(n, n // 1_000 * 1_000, value)
        if n % 1_000 == 999:
            keys.settle()
            windows.settle()
            if n % 10_000 == 9_999 or budget.commit_helps(keys.account.dirty_bytes):
                commit(keys)
                commit(windows)
    for n in range(0, 500_000, 4):
        assert keys.get(n)["seen"][0] == n
        assert windows.get(n, n // 1_000 * 1_000)["seen"][1] == n + 1
    database.close()


def grown_mb(work, *arguments) -> float:
    """By how much the process was larger at its largest."""
    from benchmarks.memory import peak_mb

    before = peak_mb()
    work(*arguments)
    return peak_mb() - before


def test_a_process_with_a_million_keys_stays_within_the_budget(tmp_path) -> None:
    """Grows by 85 MB, 60 of them RocksDB's and the interpreter's; by 315 MB where the entries have no bound."""
    budget_mb, others_mb = 24, 80
    command = [sys.executable, "-c", MILLION, str(tmp_path), str(budget_mb << 20)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    grown = float(answer.stdout)
    assert budget_mb / 2 < grown < budget_mb + others_mb
