"""Estimated sizes against what the interpreter says it has allocated."""

from __future__ import annotations

import gc
import sys
import tracemalloc

import msgspec
import pytest

from streamz_core.state.memory_size import memory_size


class View(msgspec.Struct):
    page: str
    ms: int
    tags: list[str]


@pytest.mark.parametrize(
    "make",
    [
        lambda n: {"page": f"/pages/{n}", "ms": n + 1_000, "share": n / 7},
        lambda n: [n + at + 1_000 for at in range(300)],
        lambda n: [{"a": n + at + 1_000, "b": f"text {at}"} for at in range(200)],
        lambda n: View(f"/pages/{n}", n + 1_000, [f"tag {n}", f"{n}"]),
        lambda n: f"{n:0500}",
        lambda n: f"{n:0500}".encode(),
    ],
    ids=["object", "numbers", "objects", "struct", "text", "bytes"],
)
def test_an_estimate_is_near_what_is_allocated(make) -> None:
    gc.collect()
    tracemalloc.start()
    try:
        values = [make(n) for n in range(200)]
        allocated = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    estimated = sum(map(memory_size, values))

    assert 0.8 * allocated < estimated < 1.6 * allocated


def test_what_a_value_refers_to_without_owning_it_does_not_count() -> None:
    shared = [View, memory_size, gc]
    assert memory_size(shared) == sys.getsizeof(shared)


def test_a_value_that_contains_itself_has_a_size() -> None:
    endless: list = []
    endless.append(endless)
    assert memory_size(endless) < 1_000_000
