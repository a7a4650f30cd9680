"""Readings by the minute, final results only; what comes too late goes to a topic of its own instead of being lost."""

from __future__ import annotations

from datetime import timedelta

from streamz_core import App
from streamz_core.streams import EmitStrategy, Max, Mean, TimeWindows

app = App("readings", broker="file://./data")

minutes = TimeWindows.of_size_and_grace(timedelta(minutes=1), timedelta(seconds=20))
readings = app.stream("readings", key_type=str, value_type=float).group_by_key().windowed_by(minutes)
(
    readings.late_to("late-readings")
    .emit_strategy(EmitStrategy.on_window_close())
    .agg("readings-by-minute", mean=Mean(), peak=Max())
    .to_stream(lambda key, _: f"{key.key} {key.window.start // 1000}")
    .to("readings-by-minute")
)

if __name__ == "__main__":
    app.main()
