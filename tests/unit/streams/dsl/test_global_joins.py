"""Streams joined with global tables."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.testing import TopologyTestDriver


def joined(value: str, other: str | None) -> str:
    return f"{value}+{other}"


def test_a_record_is_joined_by_the_key_it_names(bench: Any) -> None:
    users = bench.builder.global_table("users", key_type=str, value_type=str)
    bench.stream().join(users, lambda key, value: value, joined).to("out")

    bench.pipe("users", ("u", "Ann"))
    assert bench.run(("1", "u"), ("2", "nobody"), (None, "u"), ("3", None)) == [
        ("1", "u+Ann"),
        (None, "u+Ann"),
    ]


def test_a_left_join_goes_on_without(bench: Any) -> None:
    users = bench.builder.global_table("users", key_type=str, value_type=str)
    bench.stream().left_join(users, lambda key, value: value[1:] or None, joined).to("out")

    assert bench.run(("1", "!u"), ("2", "!")) == [("1", "!u+None"), ("2", "!+None")]


def test_the_table_is_what_its_topic_says_now(bench: Any) -> None:
    users = bench.builder.global_table("users", key_type=str, value_type=str)
    bench.stream().left_join(users, lambda key, value: value, joined).to("out")

    bench.run(("1", "u"))
    bench.pipe("users", ("u", "Ann"))
    bench.run(("2", "u"))
    bench.pipe("users", ("u", "Eve"))
    bench.run(("3", "u"))
    bench.pipe("users", ("u", None))

    assert bench.run(("4", "u")) == [("1", "u+None"), ("2", "u+Ann"), ("3", "u+Eve"), ("4", "u+None")]


def test_every_task_sees_all_partitions(bench: Any) -> None:
    users = bench.builder.global_table("users", materialized="everyone", key_type=str, value_type=str)
    bench.stream().join(users, lambda key, value: value, joined).to("out")
    bench.driver = TopologyTestDriver(bench.builder, partitions=4)
    for number in range(12):
        bench.pipe("users", (f"u{number}", f"n{number}"))

    found = bench.run(*((f"k{number}", f"u{number % 12}") for number in range(24)))

    assert sorted(found) == sorted((f"k{n}", f"u{n % 12}+n{n % 12}") for n in range(24))
    store = bench.driver.get_state_store("everyone")
    assert dict(store.items()) == {f"u{number}": f"n{number}" for number in range(12)}
    assert "u3" in store
    assert store.approximate_count() == 12
    assert not any("everyone" in name for name in bench.driver.produced_topic_names)


def test_rekeyed_streams_need_no_topic_in_between(bench: Any) -> None:
    users = bench.builder.global_table("users", key_type=str, value_type=str)
    rekeyed = bench.stream().select_key(lambda key, value: value, key_type=str)
    rekeyed.join(users, lambda key, value: key, joined).to("out")
    bench.pipe("users", ("u", "Ann"))

    assert bench.run(("1", "u")) == [("u", "u+Ann")]


def test_a_topic_is_read_in_one_way(bench: Any) -> None:
    bench.stream("users")
    with pytest.raises(Misuse, match="read already"):
        bench.builder.global_table("users")
    bench.builder.global_table("others", materialized="kept")
    with pytest.raises(Misuse, match="declared twice"):
        bench.builder.global_table("third", materialized="kept")
