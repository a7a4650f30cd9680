"""The README's app, as a user would test it: imported from the example, on ``memory://``."""

from __future__ import annotations

import importlib.util
import signal
from pathlib import Path
from types import ModuleType

import pytest

from streamz_core.testing.manual_clock import ManualClock
from streamz_core.testing.memory_broker import MemoryBroker

EXAMPLES = Path(__file__).parents[3] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def views(monkeypatch):
    clock = ManualClock()
    async with MemoryBroker(clock=clock) as broker:
        monkeypatch.setenv("STREAMZ_BROKER", broker.address)
        module = load("01_views")
        module.clock = clock
        yield module


async def test_it_counts_views_by_page_and_minute(views, capsys):
    app, clock = views.app, views.clock
    await clock.drive(app.start())
    for minute, page in ((0, "/"), (0, "/a"), (0, "/"), (1, "/")):
        sent = await clock.drive(
            views.topic.send(value=views.View(user="ann", page=page), timestamp=60.0 * minute)
        )
        assert (await clock.drive(sent)).topic == "views"
    await clock.advance(10_500)
    found = list(views.counts.windows())
    await clock.drive(app.stop())

    assert found == [("/", (0.0, 60.0), 2), ("/a", (0.0, 60.0), 1), ("/", (60.0, 120.0), 1)]
    assert capsys.readouterr().out == "{'/': 1}\n"


async def test_it_runs_inside_a_callers_loop_and_leaves_signals_alone(views):
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]

    async def lifespan():
        async with views.app:
            await views.topic.send(value=views.View(user="ann", page="/"))
            assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before

    await views.clock.drive(lifespan())


def test_it_is_twenty_lines():
    code = (EXAMPLES / "01_views.py").read_text().split('"""')[2]
    lines = [line for line in code.splitlines() if line.strip()]

    assert len(lines) <= 20
