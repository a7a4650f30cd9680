"""Owns: what a progress bar writes, and how often."""

from __future__ import annotations

import io

from streamz_core.progress_bar import DRAW_EVERY_MS, ProgressBar
from streamz_core.testing.manual_clock import ManualClock

ERASE = "\r\x1b[K"


def drawn(stream: io.StringIO) -> list[str]:
    return stream.getvalue().split(ERASE)[1:]


async def test_it_is_drawn_at_most_ten_times_a_second():
    stream, clock = io.StringIO(), ManualClock()
    bar = ProgressBar(stream, clock)

    bar.begin("checking", "records", 1_000)
    for _ in range(500):
        bar.add(1)
        await clock.advance(1)

    assert len(drawn(stream)) == 500 / DRAW_EVERY_MS


async def test_rate_and_time_left_are_those_of_the_last_seconds():
    stream, clock = io.StringIO(), ManualClock()
    bar = ProgressBar(stream, clock)
    bar.begin("reading", "rows", 10_000)

    for _ in range(100):  # ten slow seconds
        await clock.advance(DRAW_EVERY_MS)
        bar.add(1)
    assert drawn(stream)[-1].endswith("10/s  16:30 left")

    for _ in range(50):  # five fast ones
        await clock.advance(DRAW_EVERY_MS)
        bar.add(100)
    assert (
        drawn(stream)[-1]
        == ("reading  [############------------]  51%  5,100 of 10,000 rows  1,000/s  0:05 left"[:79])
    )


def test_the_next_piece_of_work_takes_the_line_over():
    stream = io.StringIO()
    bar = ProgressBar(stream, ManualClock())

    bar.begin("copying", "bytes", 2_048)
    bar.begin("checking", "bytes")
    bar.erase()
    bar.erase()

    assert drawn(stream) == [
        "copying  [------------------------]   0%  0 B of 2.0 KiB",
        "checking  0 B",
        "",
    ]


async def test_work_that_turns_out_to_be_more():
    stream, clock = io.StringIO(), ManualClock()
    bar = ProgressBar(stream, clock)
    bar.begin("restoring state", "offsets", 0)

    bar.expect(10)
    bar.expect(30)
    await clock.advance(DRAW_EVERY_MS)
    bar.add(10)

    assert "25%  10 of 40 offsets" in drawn(stream)[-1]


def test_without_a_terminal_nothing_is_written():
    bar = ProgressBar(None, ManualClock())

    bar.begin("checking", "bytes", 10)
    bar.add(10)
    bar.erase()


def test_a_terminal_that_went_away_does_not_end_the_work():
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    bar = ProgressBar(Gone(), ManualClock())

    bar.begin("checking", "bytes", 10)
    bar.erase()
