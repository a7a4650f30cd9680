"""A processor by itself: what it forwards, schedules and asks for, with stores that are real."""

from __future__ import annotations

from typing import Any

import pytest

from streamz_core.errors import Misuse
from streamz_core.streams import Processor, PunctuationType, Record, Stores
from streamz_core.testing import MockProcessorContext


class Alarm(Processor):
    def init(self, context: Any) -> None:
        super().init(context)
        self.seen = context.get_state_store("seen")
        self.timer = context.schedule(60_000, PunctuationType.STREAM_TIME, self.tell, name="tell")

    def process(self, record: Record) -> None:
        self.seen.put(record.key, self.seen.get(record.key, 0) + 1)
        if record.value == "stop":
            self.timer.cancel()
            self.context.commit()
        if record.value == "urgent":
            metadata = self.context.record_metadata
            self.context.forward(record.with_value(metadata and metadata.offset), "now")

    def tell(self, now_ms: int) -> None:
        for key, count in self.seen.all():
            self.context.forward(Record(key, count, now_ms))


@pytest.fixture
def context() -> MockProcessorContext:
    seen = Stores.key_value_store("seen", key_type=str, value_type=int)
    return MockProcessorContext(seen, children=["now", "later"])


@pytest.fixture
def alarm(context: MockProcessorContext) -> Alarm:
    processor = Alarm()
    processor.init(context)
    return processor


def test_stores_and_timers(alarm: Alarm, context: MockProcessorContext) -> None:
    alarm.process(Record("m1", "ERROR", 1))
    alarm.process(Record("m1", "ERROR", 2))
    assert context.get_state_store("seen").get("m1") == 2
    assert context.forwarded() == []

    (tell,) = context.scheduled_punctuators()
    assert (tell.interval_ms, tell.type, tell.name) == (60_000, PunctuationType.STREAM_TIME, "tell")
    tell.callback(60_000)

    assert [captured.record for captured in context.forwarded()] == [Record("m1", 2, 60_000)]
    context.reset_forwards()
    assert context.forwarded() == []


def test_children_and_metadata(alarm: Alarm, context: MockProcessorContext) -> None:
    alarm.process(Record("a", "urgent", 1))
    context.set_record_metadata("log", 2, 7)
    alarm.process(Record("b", "urgent", 1))
    context.forward(Record("c", 1, 1))

    assert [captured.record.value for captured in context.forwarded("now")] == [None, 7, 1]
    assert [captured.record.key for captured in context.forwarded("later")] == ["c"]
    with pytest.raises(Misuse, match="no child 'elsewhere'"):
        context.forward(Record("c", 1, 1), "elsewhere")


def test_commits_and_cancelled_timers(alarm: Alarm, context: MockProcessorContext) -> None:
    assert not context.committed
    assert not context.scheduled_punctuators()[0].is_cancelled

    alarm.process(Record("a", "stop", 1))

    assert context.committed
    assert context.scheduled_punctuators()[0].is_cancelled
    context.reset_commit()
    assert not context.committed


def test_times_are_the_tests_own(context: MockProcessorContext) -> None:
    assert (context.current_stream_time_ms, context.current_system_time_ms) == (-1, 1_700_000_000_000)
    context.set_current_stream_time_ms(5)
    context.set_current_system_time_ms(6)
    assert (context.current_stream_time_ms, context.current_system_time_ms) == (5, 6)
    assert (context.task_id, context.application_id, context.partition) == ("mock_0", "mock", 0)


def test_a_store_that_was_not_given_is_missed(context: MockProcessorContext) -> None:
    with pytest.raises(Misuse, match="not connected with store 'absent'"):
        context.get_state_store("absent")
