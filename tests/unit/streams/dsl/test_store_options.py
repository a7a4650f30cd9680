"""What ``Materialized`` says of stores: history, entries that end, memory, changelogs; the topic as changelog."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.options import Materialized
from streamz_core.streams.dsl.stores import Stores


def topics(bench: Any) -> set[str]:
    return {name for name in bench.driver.produced_topic_names if name.endswith("-changelog")}


def test_a_versioned_table_keeps_what_comes_out_of_order_as_history(bench: Any) -> None:
    table = bench.builder.table(
        "in",
        key_type=str,
        value_type=str,
        materialized=Materialized.as_versioned("rates", timedelta(seconds=1)),
    )
    table.to_stream().to("out")

    # Everything that is put goes on, and what is too old for the history does not (KIP-914).
    assert bench.run(("a", "x", 1_000), ("a", "y", 2_000), ("a", "z", 1_500), ("a", "late", 500)) == [
        ("a", "x"),
        ("a", "y"),
        ("a", "z"),
    ]
    store = bench.driver.get_state_store("rates")
    assert store.get("a")[:2] == ("y", 2_000)
    assert store.get("a", 1_999) == ("z", 1_500, 2_000)
    assert store.get("a", 1_499) == ("x", 1_000, 1_500)
    assert store.get("a", 999) is None
    assert store.late_count == 1


def test_a_stream_finds_in_a_versioned_table_what_was_valid_at_its_time(bench: Any) -> None:
    table = bench.builder.table(
        "rates", key_type=str, value_type=str, materialized=Materialized.as_versioned("rates", 10_000)
    )
    bench.stream().join(table, lambda order, rate: f"{order}@{rate}").to("out")

    bench.pipe("rates", ("a", "1", 100), ("a", "2", 200))

    assert bench.run(("a", "early", 150), ("a", "now", 250), ("a", "before", 50)) == [
        ("a", "early@1"),
        ("a", "now@2"),
    ]


def test_what_came_out_of_order_does_not_change_what_is_made_of_a_versioned_table(bench: Any) -> None:
    table = bench.builder.table(
        "in", key_type=str, value_type=str, materialized=Materialized.as_versioned("teams", 10_000)
    )
    counts = table.group_by(lambda key, team: (team, key), "by-team", key_type=str, value_type=str)
    counts.count("members").to_stream().to("out")

    assert bench.run(("ann", "red", 200), ("ann", "blue", 100)) == [("red", 1)]


def test_entries_of_a_table_end(bench: Any) -> None:
    materialized = Materialized.as_("seen").with_ttl(timedelta(seconds=1))
    bench.stream().group_by_key().count(materialized).to_stream().to("out")

    assert bench.run(("a", "x", 0), ("a", "x", 900), ("a", "x", 1_900), ("b", "x", 2_000)) == [
        ("a", 1),
        ("a", 2),
        ("a", 1),
        ("b", 1),
    ]
    assert dict(bench.driver.get_state_store("seen").items()) == {
        "a": (1, 1_900, 2_900),
        "b": (1, 2_000, 3_000),
    }


@pytest.mark.parametrize("caching", [False, True])
def test_that_an_entry_has_ended_is_told_once(bench: Any, caching: bool) -> None:
    kept = Materialized("users", caching=caching).with_ttl(100)
    users = bench.builder.table("in", key_type=str, value_type=str, materialized=kept)
    users.to_stream().to("out")
    teams = users.group_by(lambda key, team: (team, key), "by-team", key_type=str, value_type=str)
    teams.count("members").to_stream().to("counts")

    bench.run(("a", "red", 0), ("b", "red", 50), ("c", "blue", 100), ("d", "blue", 150), ("d", "blue", 500))

    rows = bench.driver.create_output_topic("out", str, bytes).read_records_to_list()
    found = [(row.key, row.value, row.timestamp) for row in rows]
    assert found == [
        ("a", b"red", 0),
        ("b", b"red", 50),
        ("c", b"blue", 100),
        ("a", None, 100),
        ("d", b"blue", 150),
        ("b", None, 150),
        ("d", b"blue", 500),
        ("c", None, 200),
    ]
    assert dict(bench.output("counts")) == {"red": 0, "blue": 1}


def test_what_begins_anew_replaces_what_has_ended(bench: Any) -> None:
    kept = Materialized("users").with_ttl(100)
    users = bench.builder.table("in", key_type=str, value_type=str, materialized=kept)
    teams = users.group_by(lambda key, team: (team, key), "by-team", key_type=str, value_type=str)
    teams.count("members").to_stream().to("out")

    bench.run(("a", "red", 0), ("a", "blue", 1_000))

    assert dict(bench.output()) == {"red": 0, "blue": 1}


def test_a_stream_does_not_find_what_has_ended(bench: Any) -> None:
    table = bench.builder.table(
        "users", key_type=str, value_type=str, materialized=Materialized.as_("users").with_ttl(100)
    )
    bench.stream().left_join(table, lambda value, user: f"{value}:{user}").to("out")
    bench.pipe("users", ("a", "ann", 1_000))

    assert bench.run(("a", "x", 1_099), ("a", "y", 1_100)) == [("a", "x:ann"), ("a", "y:None")]


@pytest.mark.parametrize(
    "materialized",
    [
        Materialized.as_versioned("kept", 1_000),
        Materialized.as_("kept").with_ttl(1_000).with_caching_disabled(),
        Materialized.as_("kept").with_store_type("in_memory"),
        Materialized.as_("kept").with_logging_disabled(),
    ],
    ids=["versioned", "ttl", "in_memory", "no_changelog"],
)
def test_aggregates_may_be_kept_in_any_way(bench: Any, materialized: Materialized) -> None:
    bench.stream().group_by_key().count(materialized).to_stream().to("out")

    assert bench.run(("a", "x", 10), ("b", "x", 20), ("a", "x", 30)) == [("a", 1), ("b", 1), ("a", 2)]
    assert bool(topics(bench)) is materialized.logging


def test_a_table_needs_no_changelog_where_its_topic_keeps_every_key(bench: Any) -> None:
    bench.builder.table("in", key_type=str, value_type=str).to_stream().to("out")

    bench.run(("a", "x"), ("a", "y"))

    assert topics(bench) == set()
    assert bench.driver.app.store("in").get("a") == "y"


def test_a_table_whose_changelog_is_configured_has_one(bench: Any) -> None:
    kept = Materialized.as_("kept").with_logging_enabled({"segment.bytes": "1048576"})
    bench.builder.table("in", key_type=str, value_type=str, materialized=kept).to_stream().to("out")

    bench.run(("a", "x"))

    assert topics(bench) == {"driver-kept-changelog"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Materialized.as_("a").with_store_type("disk").in_memory, "'rocksdb' or 'in_memory'"),
        (lambda: Stores.key_value_store("a", value=int), "there is no value="),
        (lambda: Stores.versioned_key_value_store("a", -1), "history_retention"),
    ],
)
def test_what_no_store_can_be_is_refused(make: Any, message: str) -> None:
    with pytest.raises(Misuse, match=message):
        make()


def test_a_versioned_table_has_no_time_to_live(bench: Any) -> None:
    with pytest.raises(Misuse, match="with_ttl"):
        bench.builder.table("in", materialized=Materialized.as_versioned("a", 10).with_ttl(10))
