"""Owns: what the terminal is shown while stores are restored."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from streamz_core.app.restore_bar import RestoreBar
from streamz_core.model import TopicPartition
from streamz_core.progress_bar import DRAW_EVERY_MS, ProgressBar
from streamz_core.state.restore import RestorePhase, RestoreProgress
from streamz_core.testing.manual_clock import ManualClock

ERASE = "\r\x1b[K"


def begun(store: str, start: int, end: int) -> RestoreProgress:
    partition = TopicPartition(f"app-{store}-changelog", 0)
    return RestoreProgress(store, partition, start, start, end, 0, RestorePhase.START)


@pytest.fixture(name="stream")
def _stream():
    return io.StringIO()


@pytest.fixture(name="clock")
def _clock():
    return ManualClock()


@pytest.fixture(name="listener")
def _listener(stream, clock):
    return RestoreBar(ProgressBar(stream, clock))


async def test_restores_at_the_same_time_are_one_bar(listener, stream, clock):
    one, two = begun("one", 0, 100), begun("two", 50, 150)
    listener(one)
    listener(two)
    await clock.advance(DRAW_EVERY_MS)
    listener(replace(two, position=100, phase=RestorePhase.BATCH))

    assert " 25%  50 of 200 offsets" in stream.getvalue()

    listener(replace(two, position=150, phase=RestorePhase.END))
    assert not stream.getvalue().endswith(ERASE)
    listener(replace(one, position=30, phase=RestorePhase.SUSPENDED))
    assert stream.getvalue().endswith(ERASE)


def test_a_store_that_is_up_to_date_shows_nothing(listener, stream):
    one = begun("one", 100, 100)

    listener(one)
    listener(replace(one, phase=RestorePhase.END))

    assert stream.getvalue() == ""
