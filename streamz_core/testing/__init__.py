"""What tests need, shipped: a topology driver, a memory broker, a manual clock, killing apps wherever it hurts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamz_core.testing.kills import KillReport as KillReport
    from streamz_core.testing.kills import NotExactlyOnce as NotExactlyOnce
    from streamz_core.testing.kills import kill_at_every_commit as kill_at_every_commit
    from streamz_core.testing.manual_clock import ManualClock as ManualClock
    from streamz_core.testing.memory_broker import MemoryBroker as MemoryBroker
    from streamz_core.testing.mock_processor_context import MockProcessorContext as MockProcessorContext
    from streamz_core.testing.test_topics import TestInputTopic as TestInputTopic
    from streamz_core.testing.test_topics import TestOutputTopic as TestOutputTopic
    from streamz_core.testing.test_topics import TestRecord as TestRecord
    from streamz_core.testing.topology_test_driver import TopologyTestDriver as TopologyTestDriver

_HOMES = {
    "KillReport": "kills",
    "ManualClock": "manual_clock",
    "MemoryBroker": "memory_broker",
    "MockProcessorContext": "mock_processor_context",
    "NotExactlyOnce": "kills",
    "TestInputTopic": "test_topics",
    "TestOutputTopic": "test_topics",
    "TestRecord": "test_topics",
    "TopologyTestDriver": "topology_test_driver",
    "kill_at_every_commit": "kills",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import what is asked for: a test that wants a clock does not load a broker."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
