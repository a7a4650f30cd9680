"""``WindowedSerdes``: windowed keys as they lie in topics, under Kafka Streams' names.

Owns: what stands for them in the place of a key's type.
Must not know: windows' stores, streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamz_core.streams.dsl.durations import milliseconds
from streamz_core.streams.windowed_key import SessionWindowedCodec, TimeWindowedCodec

if TYPE_CHECKING:
    from streamz_core.serde.codecs import ColumnCodec
    from streamz_core.streams.dsl.durations import Duration
    from streamz_core.streams.dsl.windows import Windows


@dataclass(frozen=True, slots=True)
class WindowedType:
    """Windowed keys in the place of a key's type; the registry of codecs asks it for theirs."""

    inner_type: Any
    windows: Any = None
    """Windows of time, or their size in milliseconds; None: sessions."""

    def codec_over(self, keys: ColumnCodec[Any]) -> ColumnCodec[Any]:
        """The codec of windowed keys over that of the keys."""
        if self.windows is None:
            return SessionWindowedCodec(keys)
        if isinstance(self.windows, int):
            size_ms = self.windows
            return TimeWindowedCodec(keys, lambda start: start + size_ms)
        return TimeWindowedCodec(keys, self.windows.end)


class WindowedSerdes:
    """What to declare as the ``key_type`` of a topic that windowed results were written to."""

    @staticmethod
    def time_windowed_serde_from(key_type: Any, window_size: Windows | Duration) -> WindowedType:
        """Keys in windows of time; ``window_size`` is their size, or the windows themselves.

        >>> WindowedSerdes.time_windowed_serde_from(str, 60_000)
        WindowedType(inner_type=<class 'str'>, windows=60000)
        """
        if callable(getattr(window_size, "end", None)):
            return WindowedType(key_type, window_size)
        return WindowedType(key_type, milliseconds(window_size, "window_size", at_least=1))  # type: ignore[arg-type]

    @staticmethod
    def session_windowed_serde_from(key_type: Any) -> WindowedType:
        """Keys in sessions."""
        return WindowedType(key_type)
