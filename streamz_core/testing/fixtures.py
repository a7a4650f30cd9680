"""pytest fixtures: a clock, a broker, a topology driver.

Owns: their names and how long they live.
Must not know: what is tested.

They are there for who asks for them, in a ``conftest.py``::

    pytest_plugins = ["streamz_core.testing.fixtures"]

or ``pytest -p streamz_core.testing.fixtures``. Merely installing the package changes nobody's test runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.memory_broker import MemoryBroker
from streamz_core.testing.topology_test_driver import TopologyTestDriver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

try:
    from pytest_asyncio import fixture as async_fixture
except ImportError:  # anyio's plugin takes pytest's own
    async_fixture = pytest.fixture  # type: ignore[assignment]


@pytest.fixture
def manual_clock() -> ManualClock:
    """A clock that the test moves."""
    return ManualClock()


@async_fixture
async def memory_broker(request: pytest.FixtureRequest) -> AsyncIterator[MemoryBroker]:
    """A broker in memory, running; on ``manual_clock`` where the test asks for that too.

    Its ``address`` is what clients and apps are given; ``restart()`` and ``crash()`` are for the test to call. Needs
    pytest-asyncio, or anyio's plugin.
    """
    clock = request.getfixturevalue("manual_clock") if "manual_clock" in request.fixturenames else None
    broker = MemoryBroker(clock=clock)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


@pytest.fixture
def topology_test_driver() -> Iterator[Callable[..., TopologyTestDriver]]:
    """Makes a ``TopologyTestDriver``, with its arguments; closed when the test ends."""
    made: list[TopologyTestDriver] = []

    def make(topology: Any, *arguments: Any, **options: Any) -> TopologyTestDriver:
        driver = TopologyTestDriver(topology, *arguments, **options)
        made.append(driver)
        return driver

    yield make
    for driver in made:
        driver.close()
