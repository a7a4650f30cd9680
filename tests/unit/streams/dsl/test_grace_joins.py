"""Streams joined with versioned tables, with grace: records wait until the table has caught up (KIP-923)."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.serde.codecs import RawCodec, TextCodec
from streamz_core.serde.failure import DecodeFailure
from streamz_core.serde.subscription import PackedCodec
from streamz_core.serde.timed_key import TIME_END, TimedKeyCodec
from streamz_core.state.cache import CachedStore
from streamz_core.state.memory import MemoryStore
from streamz_core.streams.dsl.options import Joined, Materialized
from streamz_core.streams.operators.hold_back import HoldBack
from streamz_core.streams.rows import Rows


def joined(value: str, other: str | None) -> str:
    return f"{value}+{other}"


def prices(bench: Any) -> Any:
    kept = Materialized.as_versioned("prices", 1_000)
    return bench.builder.table("prices", materialized=kept, key_type=str, value_type=str)


def test_a_record_is_joined_with_what_was_said_of_its_time(bench: Any) -> None:
    bench.stream().left_join(prices(bench), joined, Joined("graced", grace=10)).to("out")

    bench.pipe("in", ("a", "x", 100), ("a", "y", 105))
    bench.pipe("prices", ("a", "old", 90), ("a", "new", 103))
    assert bench.records() == []
    bench.pipe("in", ("b", "z", 115))
    assert bench.records() == [("a", "x+old", 100), ("a", "y+new", 105)]
    bench.pipe("in", ("a", "late", 104), (None, "keyless", 50), ("a", None, 500))

    assert bench.records()[2:] == [("a", "late+new", 104), (None, "keyless+None", 50)]


def test_records_go_on_by_their_times(bench: Any) -> None:
    bench.stream().left_join(prices(bench), joined, Joined("graced", grace=10)).to("out")

    bench.pipe("in", ("c", "3", 105), ("b", "2", 101), ("a", "1", 101), ("b", "4", 101), ("z", "end", 200))

    assert [value[0] for _, value, _ in bench.records()] == ["1", "2", "4", "3"]


def test_rows_that_wait_survive_restarts_with_their_headers() -> None:
    backend = MemoryStore("held")

    class Context:
        def store(self, _name: str) -> Any:
            return CachedStore(backend, TimedKeyCodec(TextCodec("key")), PackedCodec(TextCodec("value"), 0))

    def opened() -> tuple[HoldBack, Any]:
        step, context = HoldBack("hold", "held", 10, str.encode), Context()
        store = context.store("held")
        context.store = lambda _name: store  # type: ignore[method-assign]
        step.open(context)  # type: ignore[arg-type]
        return step, store

    step, store = opened()
    assert step.process(Rows(["", "a"], ["x", "y"], [100, 100], [0, 1], [(("h", b"1"),), ()])) is None
    store.collect()
    store.committed(1)
    step, store = opened()
    made = step.process(Rows(["b"], ["z"], [110], [0]))

    assert made is not None
    assert (made.keys, made.values, made.timestamps) == (["", "a"], ["x", "y"], [100, 100])
    assert made.headers == [(("h", b"1"),), ()]
    store.collect()
    store.committed(2)
    late = opened()[0].process(Rows(["c"], ["w"], [99], [0]))
    assert late is not None, "the highest time is kept"
    assert late.values == ["w"]


def test_keys_with_times_come_back() -> None:
    codec = TimedKeyCodec(TextCodec("key"))
    keys = [(5, "k", 7), (5, "", 0), (TIME_END, None, 0), None]

    assert codec.decode([codec.encode(key) for key in keys]) == keys
    assert type(codec.decode([b"short"])[0]) is DecodeFailure
    assert type(codec.decode([bytes(8) + b"\xff" + bytes(8)])[0]) is DecodeFailure
    assert TimedKeyCodec(RawCodec("key")).encode((1, b"a", 0)) < TimedKeyCodec(RawCodec("key")).encode(
        (1, b"b", 0)
    )


def test_what_grace_needs_is_said(bench: Any) -> None:
    with pytest.raises(Misuse, match="needs a versioned"):
        bench.stream().join(bench.builder.table("t", key_type=str), joined, Joined("graced", grace=10))
    with pytest.raises(Misuse, match=r"needs a name: Joined\.as_"):
        bench.stream().join(prices(bench), joined, Joined(grace=10))
