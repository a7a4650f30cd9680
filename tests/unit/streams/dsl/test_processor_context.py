"""What a processor is told of its task: its files, settings, times and counts. By the driver."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streamz_core.app.app import App
from streamz_core.errors import Misuse
from streamz_core.streams import Named, Processor, Record, StreamsBuilder, TimeWindows
from streamz_core.testing import MockProcessorContext, TopologyTestDriver


class Diary(Processor):
    """Writes what it handles into a file of its task's."""

    def process(self, record: Record) -> None:
        with (Path(self.context.state_dir) / "diary").open("a") as diary:
            diary.write(f"{record.value}\n")
        self.context.forward(record.with_value((Path(self.context.state_dir) / "diary").read_text()))


def diary_builder() -> StreamsBuilder:
    builder = StreamsBuilder()
    builder.stream("in", key_type=str, value_type=str).process(Diary).to("out", value_type=str)
    return builder


def written(topology: Any, *values: str, **config: Any) -> list[str]:
    with TopologyTestDriver(topology, config) as driver:
        given = driver.create_input_topic("in", str, str)
        for value in values:
            given.pipe_input("a", value, 1)
        return driver.create_output_topic("out", str, str).read_values_to_list()


def test_files_outlive_the_process_where_stores_do(tmp_path: Path) -> None:
    assert written(diary_builder(), "one", "two", datadir=str(tmp_path)) == ["one\n", "one\ntwo\n"]
    assert written(diary_builder(), "three", datadir=str(tmp_path)) == ["one\ntwo\nthree\n"]


def test_files_lie_apart_from_the_stores_and_go_with_them(tmp_path: Path) -> None:
    written(diary_builder(), "one", datadir=str(tmp_path))
    (file,) = tmp_path.glob("**/diary")
    assert file.parent.parent == tmp_path / "driver" / "files"
    assert file.parent.stat().st_mode & 0o777 == 0o700

    app = App("driver", datadir=str(tmp_path))
    app.clean_up()
    assert not list(tmp_path.glob("**/diary"))
    assert written(diary_builder(), "two", datadir=str(tmp_path)) == ["two\n"]


def test_a_task_that_asks_for_no_files_makes_no_directory(tmp_path: Path) -> None:
    builder = StreamsBuilder()
    builder.stream("in", key_type=str, value_type=str).process(lambda record: record).to(
        "out", value_type=str
    )

    assert written(builder, "one", datadir=str(tmp_path)) == ["one"]
    assert not list(tmp_path.glob("**/files"))


def test_files_of_an_app_in_memory_go_with_their_task() -> None:
    seen: list[Path] = []

    class Nosy(Processor):
        def process(self, record: Record) -> None:
            seen.append(Path(self.context.state_dir))
            assert seen[-1].is_dir()

    builder = StreamsBuilder()
    builder.stream("in", key_type=str, value_type=str).process(Nosy)
    with TopologyTestDriver(builder) as driver:
        driver.create_input_topic("in", str, str).pipe_input("a", "x", 1)
        driver.create_input_topic("in", str, str).pipe_input("a", "x", 1)

    assert seen[0] == seen[1]
    assert not seen[0].exists()


def test_settings_are_told_and_secrets_are_not(tmp_path: Path) -> None:
    told: list[Any] = []

    class Reader(Processor):
        def init(self, context: Any) -> None:
            told.append(context.app_configs())

        def process(self, record: Record) -> None:
            pass

    builder = StreamsBuilder()
    builder.stream("in", key_type=str, value_type=str).process(Reader)
    TopologyTestDriver(builder, {"sasl_plain_password": "hush", "topic_partitions": 3}).close()

    assert told[0]["topic_partitions"] == 3
    assert told[0]["processing_guarantee"] == "exactly_once"
    assert told[0]["sasl_plain_password"] == "[hidden]"
    assert told[0]["sasl_oauth_token_provider"] is None
    assert "hush" not in repr(told[0])
    with pytest.raises(TypeError):
        told[0]["topic_partitions"] = 4


def test_what_the_task_counts() -> None:
    told: list[dict[str, int]] = []

    class Reader(Processor):
        def process(self, record: Record) -> None:
            told.append(dict(self.context.metrics))
            if record.value == "bad":
                raise ValueError("bad")

    builder = StreamsBuilder()
    stream = builder.stream("in", key_type=str, value_type=str)
    stream.process(Reader, named=Named.as_("read").with_error_policy("dead_letter"))
    stream.group_by_key().windowed_by(TimeWindows.of_size_with_no_grace(10)).count("counts")
    with TopologyTestDriver(builder, {"timestamp_ahead_max": timedelta(days=1)}) as driver:
        given = driver.create_input_topic("in", str, str)
        for value, time in (("x", 20), ("late", 5), ("bad", 21), ("x", 22)):
            given.pipe_input("a", value, time)

    first, last = told[0], told[-1]
    assert set(first) == {
        "buffered_records",
        "commit_count",
        "dead_letter_count",
        "lag",
        "late_count",
        "skipped_count",
        "stream_time_ms",
    }
    assert (first["dead_letter_count"], first["late_count"]) == (0, 0)
    assert (last["dead_letter_count"], last["late_count"]) == (1, 1)
    assert last["commit_count"] > first["commit_count"]


def test_a_mock_has_what_it_is_given(tmp_path: Path) -> None:
    context = MockProcessorContext(
        state_dir=tmp_path, app_configs={"broker": "memory://test"}, metrics={"late_count": 2}
    )

    assert context.state_dir == str(tmp_path)
    assert context.app_configs() == {"broker": "memory://test"}
    assert context.metrics["late_count"] == 2
    with pytest.raises(Misuse, match="no directory for files"):
        _ = MockProcessorContext().state_dir
