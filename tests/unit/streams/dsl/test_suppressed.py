"""Suppressed tables by the driver."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.suppressed import BufferConfig, Suppressed
from streamz_core.streams.dsl.windows import SessionWindows, TimeWindows
from streamz_core.streams.operators.suppress import BufferFull

CLOSED = Suppressed.until_window_closes(BufferConfig.unbounded()).with_name("final")


def counted(bench: Any, windows: Any = None) -> Any:
    windows = TimeWindows.of_size_and_grace(10, 5) if windows is None else windows
    return bench.stream().group_by_key().windowed_by(windows).count("counts")


def shown(table: Any) -> None:
    table.to_stream(lambda key, _value: str(key)).to("out")


def stores(bench: Any) -> set[str]:
    return {store.name for store in bench.builder.build().stores}


def test_only_final_results_pass(bench: Any) -> None:
    shown(counted(bench).suppress(CLOSED))

    assert bench.run(("a", "x", 1), ("a", "x", 2), ("b", "x", 14)) == []
    assert bench.run(("b", "x", 15)) == [("[a@0/10]", 2)]


def test_windows_that_nobody_else_looks_at_need_no_buffer(bench: Any) -> None:
    shown(counted(bench).map_values(lambda count: count).suppress(CLOSED))

    assert stores(bench) == {"counts"}
    assert bench.run(("a", "x", 1), ("a", "x", 15)) == [("[a@0/10]", 1)]


def test_windows_whose_updates_others_take_are_buffered(bench: Any) -> None:
    table = counted(bench)
    shown(table.suppress(CLOSED))
    table.to_stream(lambda key, _value: str(key)).to("updates")

    assert stores(bench) == {"counts", "final-store"}
    assert bench.run(("a", "x", 1), ("a", "x", 15)) == [("[a@0/10]", 1)]
    assert bench.output("updates") == [("[a@0/10]", 1), ("[a@10/20]", 1)]


def test_sessions_that_were_joined_are_not_told_of(bench: Any) -> None:
    shown(counted(bench, SessionWindows.of_inactivity_gap_with_no_grace(5)).suppress(CLOSED))

    assert bench.run(("a", "x", 0), ("a", "x", 3), ("b", "x", 20)) == [("[a@0/3]", 2)]


def test_an_update_waits_for_the_time_limit(bench: Any) -> None:
    limit = Suppressed.until_time_limit(10, BufferConfig.unbounded()).with_name("held")
    bench.stream().group_by_key().count("counts").suppress(limit).to_stream().to("out")

    assert bench.run(("a", "x", 0), ("a", "x", 5), ("b", "x", 9)) == []
    assert bench.run(("b", "x", 10)) == [("a", 2)]


def test_a_full_buffer_emits_its_oldest(bench: Any) -> None:
    limit = Suppressed.until_time_limit(1_000, BufferConfig.max_records(2)).with_name("held")
    bench.stream().group_by_key().count("counts").suppress(limit).to_stream().to("out")

    assert bench.run(("a", "x", 0), ("b", "x", 1), ("a", "x", 2), ("c", "x", 3)) == [("a", 2)]


def test_a_buffer_is_bounded_by_bytes_too(bench: Any) -> None:
    limit = Suppressed.until_time_limit(1_000, BufferConfig.max_bytes(60)).with_name("held")
    bench.stream().group_by_key().count("counts").suppress(limit).to_stream().to("out")

    assert bench.run(("a", "x", 0), ("b", "x", 1), ("c", "x", 2)) != []


def test_a_full_buffer_that_must_not_emit_stops_the_app(bench: Any) -> None:
    buffer = BufferConfig.max_records(1).shut_down_when_full()
    table = counted(bench)
    shown(table.suppress(Suppressed.until_window_closes(buffer).with_name("final")))
    bench.run(("a", "x", 0))

    with pytest.raises(BufferFull, match="holds back 2 keys"):
        bench.run(("b", "x", 1))


def test_what_cannot_be_is_refused(bench: Any) -> None:
    table = bench.stream().group_by_key().count("counts")

    with pytest.raises(Misuse, match="must not emit early"):
        Suppressed.until_window_closes(BufferConfig.max_records(3))
    with pytest.raises(Misuse, match="needs its name"):
        table.suppress(Suppressed.until_time_limit(1, BufferConfig.unbounded()))
    with pytest.raises(Misuse, match="no windows that could close"):
        table.suppress(CLOSED)
