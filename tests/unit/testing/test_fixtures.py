"""The fixtures, as a user's tests have them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
CONFTEST = 'pytest_plugins = ["streamz_core.testing.fixtures"]\n'
TESTS = """
import pytest
from streamz_core import App
from streamz_core.aiokafka import AIOKafkaProducer
from streamz_core.clock import SystemClock
from streamz_core.errors import Misuse
from streamz_core.streams import StreamsBuilder
from streamz_core.testing import ManualClock

drivers = []


def test_a_topology(topology_test_driver):
    builder = StreamsBuilder()
    builder.stream("lines", value_type=str).map_values(str.upper, value_type=str).to("shouted")
    driver = topology_test_driver(builder, partitions=2)
    driver.create_input_topic("lines", value_type=str).pipe_input("hello")
    assert driver.create_output_topic("shouted", value_type=str).read_value() == "HELLO"
    drivers.append(driver)


def test_drivers_are_closed():
    with pytest.raises(Misuse, match="closed"):
        drivers[0].records("shouted")


@pytest.mark.asyncio
async def test_a_broker(memory_broker):
    assert isinstance(memory_broker.clock, SystemClock)
    async with AIOKafkaProducer(bootstrap_servers=memory_broker.address) as producer:
        assert (await producer.send_and_wait("t", b"1")).offset == 0
        await producer.send_and_wait("t", b"2", key=b"k")
    await memory_broker.crash()
    await memory_broker.start()
    async with AIOKafkaProducer(bootstrap_servers=memory_broker.address) as producer:
        assert (await producer.send_and_wait("t", b"3")).offset == 2


@pytest.mark.asyncio
async def test_time_is_the_tests_own(memory_broker, manual_clock):
    assert memory_broker.clock is manual_clock
    app = App("clocked", broker=memory_broker.address)
    ticks = []

    @app.timer(10)
    async def tick():
        ticks.append(manual_clock.monotonic_ms())

    await manual_clock.drive(app.start())
    await manual_clock.advance(60_000)
    await manual_clock.drive(app.stop())
    assert len(ticks) == 6


def test_the_clock_alone(manual_clock):
    assert isinstance(manual_clock, ManualClock)
"""


def test_they_do_what_they_say(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_mine.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(tmp_path)],
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "5 passed" in ran.stdout
