"""Owns: what one server keeps of those it counts: how many, and of names of any length."""

from __future__ import annotations

import tracemalloc

from streamz_core.broker.quotas.quota_table import QuotaTable
from streamz_core.server.quotas import throttle
from streamz_core.server.quotas.throttle import Throttle
from streamz_core.server.session import Session
from streamz_core.testing.manual_clock import ManualClock


class Quotas:
    """See ``broker.quotas.quotas.Quotas``."""

    def __init__(self, **values: float) -> None:
        self.table = QuotaTable({frozenset({("client-id", None)}): values})


def peer(client_id: str) -> Session:
    return Session("/10.0.0.1", client_id=client_id)


def test_those_not_heard_of_lately_are_forgotten():
    clock = ManualClock()
    counting = Throttle(Quotas(producer_byte_rate=1_000, controller_mutation_rate=1), clock)
    for number in range(3_000):
        clock._elapsed_ms += 100
        counting.produced(peer(f"client {number}"), 10)
        counting.mutated(peer(f"client {number}"), 1, has_to_wait=True)

    assert len(counting._rates) + len(counting._buckets) < 2_200


def test_beyond_so_many_at_a_time_they_are_counted_together(monkeypatch):
    monkeypatch.setattr(throttle, "SHARERS_MAX", 100)
    counting = Throttle(Quotas(producer_byte_rate=1_000), ManualClock())
    for number in range(99):
        counting.produced(peer(f"client {number}"), 1)
    late = [peer(f"late {number}") for number in range(5)]
    for one in late:
        counting.produced(one, 4_000)

    assert len(counting._rates) == 101
    assert [one.muted_until_ms > 0 for one in late] == [False, False, False, True, True]
    before = peer("client 0")
    counting.produced(before, 4_000)
    assert not before.muted_until_ms


def test_long_names_are_not_kept():
    counting = Throttle(Quotas(producer_byte_rate=1_000, consumer_byte_rate=1_000), ManualClock())
    tracemalloc.start()
    try:
        for number in range(200):
            counting.produced(peer(f"{'x' * 100_000}{number}"), 1)
        assert tracemalloc.get_traced_memory()[0] < 5_000_000
    finally:
        tracemalloc.stop()
    assert len(counting._rates) == 1
