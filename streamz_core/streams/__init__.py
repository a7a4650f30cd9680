"""Stream processing over partitions: a topology as a value, executed by tasks. Does not know agents,
decorators or the command line.

The words of the DSL can be imported from here: ``from streamz_core.streams import StreamsBuilder, TimeWindows``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamz_core.streams.dsl.aggregations import Collect as Collect
    from streamz_core.streams.dsl.aggregations import Count as Count
    from streamz_core.streams.dsl.aggregations import Earliest as Earliest
    from streamz_core.streams.dsl.aggregations import First as First
    from streamz_core.streams.dsl.aggregations import Last as Last
    from streamz_core.streams.dsl.aggregations import Latest as Latest
    from streamz_core.streams.dsl.aggregations import Max as Max
    from streamz_core.streams.dsl.aggregations import Mean as Mean
    from streamz_core.streams.dsl.aggregations import Min as Min
    from streamz_core.streams.dsl.aggregations import Sum as Sum
    from streamz_core.streams.dsl.aggregations import TopK as TopK
    from streamz_core.streams.dsl.builder import StreamsBuilder as StreamsBuilder
    from streamz_core.streams.dsl.calendar_windows import CalendarWindows as CalendarWindows
    from streamz_core.streams.dsl.count_windows import CountWindows as CountWindows
    from streamz_core.streams.dsl.emit_strategy import CloseStrategy as CloseStrategy
    from streamz_core.streams.dsl.emit_strategy import EmitStrategy as EmitStrategy
    from streamz_core.streams.dsl.global_ktable import GlobalKTable as GlobalKTable
    from streamz_core.streams.dsl.join_windows import JoinWindows as JoinWindows
    from streamz_core.streams.dsl.joiners import merged_fields as merged_fields
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
    from streamz_core.streams.dsl.processing import FixedKeyProcessor as FixedKeyProcessor
    from streamz_core.streams.dsl.processing import FixedKeyRecord as FixedKeyRecord
    from streamz_core.streams.dsl.processing import Processor as Processor
    from streamz_core.streams.dsl.processing import ProcessorContext as ProcessorContext
    from streamz_core.streams.dsl.processing import PunctuationType as PunctuationType
    from streamz_core.streams.dsl.processing import Record as Record
    from streamz_core.streams.dsl.processing import RecordContext as RecordContext
    from streamz_core.streams.dsl.processing import RecordMetadata as RecordMetadata
    from streamz_core.streams.dsl.processing import ValueTransformer as ValueTransformer
    from streamz_core.streams.dsl.processing import ValueTransformerWithKey as ValueTransformerWithKey
    from streamz_core.streams.dsl.stores import Stores as Stores
    from streamz_core.streams.dsl.suppressed import BufferConfig as BufferConfig
    from streamz_core.streams.dsl.suppressed import Suppressed as Suppressed
    from streamz_core.streams.dsl.windowed_serdes import WindowedSerdes as WindowedSerdes
    from streamz_core.streams.dsl.windows import SessionWindows as SessionWindows
    from streamz_core.streams.dsl.windows import SlidingWindows as SlidingWindows
    from streamz_core.streams.dsl.windows import TimeWindows as TimeWindows
    from streamz_core.streams.dsl.windows import UnlimitedWindows as UnlimitedWindows
    from streamz_core.streams.windowed_key import Window as Window
    from streamz_core.streams.windowed_key import Windowed as Windowed

_HOMES = {
    "dsl.aggregations": "Collect Count Earliest First Last Latest Max Mean Min Sum TopK",
    "dsl.builder": "StreamsBuilder",
    "dsl.calendar_windows": "CalendarWindows",
    "dsl.count_windows": "CountWindows",
    "dsl.emit_strategy": "CloseStrategy EmitStrategy",
    "dsl.global_ktable": "GlobalKTable",
    "dsl.join_windows": "JoinWindows",
    "dsl.joiners": "merged_fields",
    "dsl.kstream": "KStream",
    "dsl.ktable": "KTable",
    "dsl.options": "Branched Consumed Grouped Joined Materialized Named Produced Repartitioned "
    "StreamJoined TableJoined",
    "dsl.processing": "FixedKeyProcessor FixedKeyRecord Processor ProcessorContext PunctuationType Record "
    "RecordContext RecordMetadata ValueTransformer ValueTransformerWithKey",
    "dsl.stores": "Stores",
    "dsl.suppressed": "BufferConfig Suppressed",
    "dsl.windowed_serdes": "WindowedSerdes",
    "dsl.windows": "SessionWindows SlidingWindows TimeWindows UnlimitedWindows",
    "windowed_key": "Window Windowed",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = list(_HOME_OF)


def __getattr__(name: str) -> Any:
    """Import what is asked for: a runtime without the DSL does not load it."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
