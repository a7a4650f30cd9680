"""The examples of the DSL do what they say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from streamz_core import App
from streamz_core.testing import TopologyTestDriver

EXAMPLES = Path(__file__).parents[3] / "examples" / "streams"
MINUTE = 60_000


def example(name: str) -> App:
    """The app of an example, as a fresh import makes it."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    app: App = module.app
    return app


def test_word_count() -> None:
    with TopologyTestDriver(example("word_count")) as driver:
        driver.create_input_topic("lines", value_type=str).pipe_input("all streams lead to all streams")
        counts = driver.create_output_topic("word-counts", str, int)

        assert counts.read_key_values_to_map() == {"all": 2, "streams": 2, "lead": 1, "to": 1}


def test_page_views_by_region() -> None:
    with TopologyTestDriver(example("page_views_by_region")) as driver:
        profiles = driver.create_input_topic("profiles", str)
        views = driver.create_input_topic("views", str)
        profiles.pipe_input("ann", {"region": "eu"}, 0)
        views.pipe_input("ann", {"page": "/"}, 1_000)
        views.pipe_input("bob", {"page": "/"}, 2_000)
        views.pipe_input("ann", {"page": "/a"}, MINUTE + 5_000)
        views.pipe_input("ann", {"page": "/late"}, 59_000)
        views.pipe_input("ann", {"page": "/"}, MINUTE + 10_000)
        views.pipe_input("ann", {"page": "/too-late"}, 59_000)
        counts = driver.create_output_topic("region-views", str, int)

        assert counts.read_key_values_to_map() == {"eu 0": 2, "unknown 0": 1, f"eu {MINUTE}": 2}


def test_orders_and_payments() -> None:
    with TopologyTestDriver(example("orders_and_payments")) as driver:
        orders = driver.create_input_topic("orders", str)
        payments = driver.create_input_topic("payments", str)
        settled = driver.create_output_topic("settled", str)
        orders.pipe_input("o1", {"amount": 12.0}, 0)
        orders.pipe_input("o2", {"amount": 5.0}, 1_000)
        payments.pipe_input("o1", {"amount": 12.0}, 5 * MINUTE)
        assert settled.read_key_values_to_list() == [("o1", {"amount": 12.0, "paid": True})]

        payments.pipe_input("o3", {"amount": 1.0}, 20 * MINUTE)
        assert settled.read_key_values_to_list() == [("o2", {"amount": 5.0, "paid": False})]


def test_orders_with_customers() -> None:
    with TopologyTestDriver(example("orders_with_customers")) as driver:
        orders = driver.create_input_topic("db.orders", str)
        customers = driver.create_input_topic("db.customers", str)
        joined = driver.create_output_topic("orders-with-customers", str)
        orders.pipe_input("o1", {"customer": "c1", "total": 3.0})
        orders.pipe_input("o2", {"customer": "c1", "total": 4.0})
        assert joined.is_empty

        customers.pipe_input("c1", {"name": "Ann"})
        customers.pipe_input("c1", {"name": "Anna"})
        orders.pipe_input("o1", None)
        assert joined.read_key_values_to_list() == [
            ("o1", {"customer": "Ann", "total": 3.0}),
            ("o2", {"customer": "Ann", "total": 4.0}),
            ("o1", {"customer": "Anna", "total": 3.0}),
            ("o2", {"customer": "Anna", "total": 4.0}),
            ("o1", None),
        ]


def test_anomalies_by_session() -> None:
    with TopologyTestDriver(example("anomalies_by_session")) as driver:
        attempts = driver.create_input_topic("login-attempts", str)
        for minute, user in ((0, "ann"), (1, "bob"), (2, "ann"), (3, "ann"), (20, "ann"), (22, "ann")):
            attempts.pipe_input(user, {"succeeded": False, "address": "::1"}, minute * MINUTE)
        attempts.pipe_input("ann", {"succeeded": True, "address": "::1"}, 23 * MINUTE)

        assert driver.create_output_topic("anomalies", str, int).read_key_values_to_list() == [("ann", 3)]


def test_top_songs() -> None:
    with TopologyTestDriver(example("top_songs")) as driver:
        songs = driver.create_input_topic("songs", str)
        plays = driver.create_input_topic("plays", str, str)
        for song, genre in (("s1", "punk"), ("s2", "punk"), ("s3", "punk"), ("s4", "punk"), ("s5", "jazz")):
            songs.pipe_input(song, {"title": f"song {song}", "genre": genre})
        for song in ("s1", "s2", "s2", "s3", "s4", "s4", "s4", "s5"):
            plays.pipe_input(song, "ann")
        top = driver.create_output_topic("top-songs", str)

        assert top.read_key_values_to_map() == {
            "punk": ["song s4", "song s2", "song s1"],
            "jazz": ["song s5"],
        }


def test_late_data() -> None:
    with TopologyTestDriver(example("late_data")) as driver:
        readings = driver.create_input_topic("readings", str, float)
        for at_s, value in ((5, 1.0), (50, 3.0), (70, 9.0), (55, 5.0), (80, 1.0), (56, 100.0)):
            readings.pipe_input("t1", value, at_s * 1000)
        late = driver.create_output_topic("late-readings", str, float).read_record()

        finals = driver.create_output_topic("readings-by-minute", str)
        assert finals.read_key_values_to_list() == [("t1 0", {"mean": 3.0, "peak": 5.0})]
        assert (late.value, dict(late.headers)["window-start"]) == (100.0, b"0")
