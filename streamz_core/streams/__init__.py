"""Stream processing over partitions: a topology as a value, executed by tasks. Does not know agents,
decorators or the command line.

The words of the DSL can be imported from here: ``from streamz_core.streams import StreamsBuilder, TimeWindows``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamz_core.streams.dsl.builder import StreamsBuilder as StreamsBuilder
    from streamz_core.streams.dsl.join_windows import JoinWindows as JoinWindows
    from streamz_core.streams.dsl.kstream import KStream as KStream
    from streamz_core.streams.dsl.ktable import KTable as KTable
    from streamz_core.streams.dsl.options import Branched as Branched
    from streamz_core.streams.dsl.options import Consumed as Consumed
    from streamz_core.streams.dsl.options import Grouped as Grouped
    from streamz_core.streams.dsl.options import Joined as Joined
    from streamz_core.streams.dsl.options import Materialized as Materialized
    from streamz_core.streams.dsl.options import Named as Named
    from streamz_core.streams.dsl.options import Produced as Produced
    from streamz_core.streams.dsl.options import Repartitioned as Repartitioned
    from streamz_core.streams.dsl.options import StreamJoined as StreamJoined
    from streamz_core.streams.dsl.options import TableJoined as TableJoined
    from streamz_core.streams.dsl.windowed_stream import EmitStrategy as EmitStrategy
    from streamz_core.streams.dsl.windows import TimeWindows as TimeWindows
    from streamz_core.streams.windowed_key import Window as Window
    from streamz_core.streams.windowed_key import Windowed as Windowed

_HOMES = {
    "Branched": "dsl.options",
    "Consumed": "dsl.options",
    "EmitStrategy": "dsl.windowed_stream",
    "Grouped": "dsl.options",
    "JoinWindows": "dsl.join_windows",
    "Joined": "dsl.options",
    "KStream": "dsl.kstream",
    "KTable": "dsl.ktable",
    "Materialized": "dsl.options",
    "Named": "dsl.options",
    "Produced": "dsl.options",
    "Repartitioned": "dsl.options",
    "StreamJoined": "dsl.options",
    "StreamsBuilder": "dsl.builder",
    "TableJoined": "dsl.options",
    "TimeWindows": "dsl.windows",
    "Window": "windowed_key",
    "Windowed": "windowed_key",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: a runtime without the DSL does not load it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
