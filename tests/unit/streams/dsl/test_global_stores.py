"""Stores that a processor fills from a topic, in every process; and global tables read from outside."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams import FixedKeyProcessor, Processor, PunctuationType, Record, Stores
from streamz_core.testing import TopologyTestDriver
from tests.unit.streams.dsl.conftest import Bench


class ByCity(Processor):
    """How many people live in a city: nobody's key."""

    def process(self, record: Record) -> None:
        cities = self.context.get_state_store("cities")
        if record.value is not None:
            cities.put(record.value, cities.get(record.value, 0) + 1)


def cities() -> Any:
    return Stores.key_value_store("cities", key_type=str, value_type=int)


def with_cities(bench: Bench, supplier: Any = ByCity, **options: Any) -> None:
    bench.builder.add_global_store(cities(), "people", supplier, key_type=str, value_type=str, **options)


def test_a_processor_makes_entries_of_records_and_every_step_reads_them(bench: Bench) -> None:
    with_cities(bench)

    class Size(Processor):
        def process(self, record: Record) -> None:
            self.context.forward(record.with_value(self.context.get_state_store("cities").get(record.key, 0)))

    bench.stream().process(Size, value_type=int).to("out")

    bench.pipe("people", ("ann", "Linz"), ("bob", "Graz"), ("eve", "Linz"), ("tom", None))
    assert bench.run(("Linz", "?"), ("Wien", "?")) == [("Linz", 2), ("Wien", 0)]


def test_partitions_of_the_topic_are_one_store() -> None:
    bench = Bench()
    with_cities(bench)
    bench.stream().to("out")
    with TopologyTestDriver(bench.builder, partitions=4) as driver:
        people = driver.create_input_topic("people", str, str)
        people.pipe_key_value_list([(f"person {n}", "Linz") for n in range(20)])
        assert driver.app.store("cities").get("Linz") == 20
        assert driver.get_state_store("cities").get("Linz") == 20


def test_only_the_processor_may_change_the_store(bench: Bench) -> None:
    with_cities(bench)
    bench.stream().to("out")
    bench.pipe("people", ("ann", "Linz"))

    assert bench.driver is not None
    store = bench.driver.get_state_store("cities")
    assert "Linz" in store
    assert dict(store.items()) == {"Linz": 1}
    with pytest.raises(Misuse, match="only the processor"):
        store.put("Linz", 3)


def test_the_processor_knows_where_the_record_stands(bench: Bench) -> None:
    seen: list[Any] = []

    class Noting(Processor):
        def process(self, record: Record) -> None:
            context = self.context
            seen.append((context.record_metadata, context.partition, context.current_stream_time_ms))
            seen.append((context.task_id, context.application_id, context.current_system_time_ms > 0))
            context.commit()

    with_cities(bench, Noting)
    bench.stream().to("out")
    bench.pipe("people", ("ann", "Linz", 17))
    assert seen == [(("people", 0, 0), 0, 17), ("global", "driver", True)]


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda context, record: context.forward(record), "cannot forward"),
        (lambda context, record: context.schedule(5, PunctuationType.STREAM_TIME, print), "cannot schedule"),
        (lambda context, record: context.get_state_store("other"), "has no 'other'"),
    ],
)
def test_the_processor_reaches_its_store_and_nothing_else(bench: Bench, act: Any, says: str) -> None:
    caught: list[Misuse] = []

    class Reaching(Processor):
        def process(self, record: Record) -> None:
            with pytest.raises(Misuse) as refusal:
                act(self.context, record)
            caught.append(refusal.value)

    with_cities(bench, Reaching)
    bench.stream().to("out")
    bench.pipe("people", ("ann", "Linz"))
    assert says in str(caught[0])


def test_a_failing_processor_stops_the_app_with_the_record_named(bench: Bench) -> None:
    def fail(self: Any, record: Record) -> None:
        raise ValueError("no such city")

    with_cities(bench, type("Failing", (Processor,), {"process": fail}))
    bench.stream().to("out")
    with pytest.raises(
        Exception, match=r"'cities' failed at topic 'people' partition 0 offset 0: ValueError"
    ):
        bench.pipe("people", ("ann", "Linz"))


def test_bytes_that_do_not_decode_can_be_skipped(bench: Bench) -> None:
    with_cities(bench, on_decode_error="skip")
    bench.stream().to("out")
    bench.run(("1", "?"))
    assert bench.driver is not None
    bench.driver.create_input_topic("people", str, bytes).pipe_input("ann", b"\xff")
    bench.pipe("people", ("bob", "Graz"))
    assert dict(bench.driver.app.store("cities").all()) == {"Graz": 1}


@pytest.mark.parametrize(
    ("store", "supplier", "options", "says"),
    [
        (Stores.window_store("w", 10), ByCity, {}, "a window store cannot be global"),
        (cities(), ByCity, {"offset_reset": "latest"}, "from its beginning"),
        (cities(), ByCity, {"on_decode_error": "dead_letter"}, "dead-letter"),
        (cities(), type("Fixed", (FixedKeyProcessor,), {}), {}, "takes a Processor"),
        (cities(), 17, {}, "takes a class"),
    ],
)
def test_what_makes_no_sense_is_refused(
    bench: Bench, store: Any, supplier: Any, options: Any, says: str
) -> None:
    with pytest.raises(Misuse, match=says):
        bench.builder.add_global_store(store, "people", supplier, **options)


def test_a_global_table_is_read_from_outside_as_any_store() -> None:
    bench = Bench()
    users = bench.builder.global_table("users", key_type=str, value_type=str)
    bench.stream().left_join(users, lambda key, value: value, "{}={}".format).to("out")
    with TopologyTestDriver(bench.builder, partitions=3) as driver:
        given = driver.create_input_topic("users", str, str)
        given.pipe_key_value_list([("b", "Bob"), ("a", "Ann"), ("c", "Cid"), ("c", None)])

        view = driver.app.store("users")
        assert view.get("a") == "Ann"
        assert view.get("c") is None
        assert list(view.all()) == [("a", "Ann"), ("b", "Bob")]
        assert list(view.range("b")) == [("b", "Bob")]
        assert view.approximate_count() == 2
        with pytest.raises(Misuse, match="it has: users"):
            driver.app.store("nobody")


async def test_changes_of_global_stores_are_told() -> None:
    bench = Bench()
    with_cities(bench)
    bench.builder.global_table("users", key_type=str, value_type=str)
    bench.stream().to("out")
    with TopologyTestDriver(bench.builder) as driver:
        cities, users = driver.app.store("cities").subscribe(), driver.app.store("users").subscribe("u")
        driver.create_input_topic("people", str, str).pipe_input("ann", "Linz")
        driver.create_input_topic("users", str, str).pipe_key_value_list([("v", "Vic"), ("u", "Una")])
        assert (await anext(cities))[:2] == ("Linz", 1)
        assert (await anext(users))[:2] == ("u", "Una")
