"""Tables joined by a foreign key: changes of either side, moves, stale answers, names, many partitions."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams.dsl.options import Materialized, TableJoined
from streamz_core.streams.operators.foreign_key_join import TELL, Resolve
from streamz_core.streams.rows import Rows
from streamz_core.testing import TopologyTestDriver


def joined(order: str | None, customer: str | None) -> str:
    return f"{order}+{customer}"


def tables(bench: Any) -> tuple[Any, Any]:
    return tuple(bench.builder.table(topic, key_type=str, value_type=str) for topic in ("in", "other"))


def customer(order: str) -> str | None:
    return order[:1] if order != "none" else None


def feed(bench: Any) -> None:
    bench.pipe("in", ("1", "a-beer", 10), ("2", "a-wine", 11), ("3", "none", 12))
    bench.pipe("other", ("a", "Ann", 20), ("b", "Bob", 21))
    bench.pipe("in", ("1", "b-beer", 22), ("2", None, 23))
    bench.pipe("other", ("b", None, 24), ("a", None, 25))


def test_inner(bench: Any) -> None:
    orders, customers = tables(bench)
    orders.join(customers, customer, joined, "named").to_stream().to("out")
    feed(bench)

    assert bench.records() == [
        ("1", "a-beer+Ann", 20),
        ("2", "a-wine+Ann", 20),
        ("1", "b-beer+Bob", 22),
        ("2", None, 23),
        ("1", None, 24),
    ]


def test_left(bench: Any) -> None:
    orders, customers = tables(bench)
    orders.left_join(customers, customer, joined, "named").to_stream().to("out")
    feed(bench)

    assert bench.records() == [
        ("1", "a-beer+None", 10),
        ("2", "a-wine+None", 11),
        ("3", "none+None", 12),
        ("1", "a-beer+Ann", 20),
        ("2", "a-wine+Ann", 20),
        ("1", "b-beer+Bob", 22),
        ("2", None, 23),
        ("1", "b-beer+None", 24),
    ]


def test_names_are_those_of_the_join(bench: Any) -> None:
    orders, customers = tables(bench)
    kept = Materialized.as_("named-orders")
    orders.join(customers, customer, joined, TableJoined.as_("by-customer"), kept).to_stream().to("out")
    feed(bench)

    assert bench.driver.produced_topic_names >= {
        "driver-by-customer-subscription-registration-repartition",
        "driver-by-customer-subscription-response-repartition",
        "driver-by-customer-subscription-store-changelog",
        "driver-named-orders-changelog",
    }
    assert bench.driver.get_state_store("named-orders").get("1") is None


def test_extractor_and_joiner_may_want_the_key(bench: Any) -> None:
    orders, customers = tables(bench)
    orders.join(
        customers, lambda key, order: order, lambda key, *both: f"{key}{both}", "named", with_key=True
    ).to_stream().to("out")
    bench.pipe("other", ("a", "Ann", 1))
    bench.pipe("in", ("1", "a", 2))

    assert [row[:2] for row in bench.records()] == [("1", "1('a', 'Ann')")]


def test_the_same_over_many_partitions(bench: Any) -> None:
    orders, customers = tables(bench)
    orders.left_join(customers, customer, joined, "named").to_stream().to("out")
    expected: dict[str, str | None] = {}
    bench.driver = TopologyTestDriver(bench.builder, partitions=5)
    for number in range(20):
        bench.pipe("in", (f"o{number}", f"{'abcd'[number % 4]}-{number}", number))
    for name in "abc":
        bench.pipe("other", (name, name.upper(), 100))

    for number in range(20):
        name = "abcd"[number % 4]
        expected[f"o{number}"] = f"{name}-{number}+{name.upper() if name != 'd' else None}"
    assert {key: value for key, value, _ in bench.records()} == expected


def test_a_stale_answer_is_dropped() -> None:
    class Context:
        def store(self, _name: str) -> Any:
            return {"1": ("new", 5)}

    from streamz_core.streams.operators.view import TableView

    def hashed(value: Any) -> bytes | None:
        return None if value is None else value.encode()

    resolve = Resolve("resolve", TableView("orders"), lambda key, *both: both, hashed, left=True)
    resolve.open(Context())  # type: ignore[arg-type]
    answers = [(b"old", "Ann", 0), (b"new", "Bob", 0), (None, "Eve", 0)]
    made = resolve.process(Rows(["1", "1", "1"], answers, [1, 2, 3], [0, 1, 2]))

    assert made is not None
    assert (made.values, made.timestamps) == ([("new", "Bob")], [2])
    assert TELL == 2, "what is in topics keeps its meaning"


def test_a_name_is_needed(bench: Any) -> None:
    orders, customers = tables(bench)
    with pytest.raises(Misuse, match="TableJoined"):
        orders.join(customers, customer, joined)
