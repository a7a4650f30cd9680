"""``streamz get-offsets`` and ``streamz delete-records`` end to end."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def filled(line):
    line("topics --create --topic a --partitions 3")
    line("topics --create --topic ab")
    line.produce(*"xyz", topic="ab")
    return line


def test_every_partition_has_a_line_with_its_end(filled):
    assert filled("get-offsets") == "a:0:0\na:1:0\na:2:0\nab:0:3\n"


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        ("--topic ab --time latest", "ab:0:3\n"),
        ("--topic ab --time -2", "ab:0:0\n"),
        ("--topic ab --time 1", "ab:0:0\n"),
        ("--topic ab --time 9999999999999", ""),
        ("--topic a.* --partitions 0", "a:0:0\nab:0:3\n"),
        ("--topic-partitions a:1-,ab", "a:1:0\na:2:0\nab:0:3\n"),
        ("--topic-partitions a:-1", "a:0:0\n"),
        ("--topic-partitions a:0-2", "a:0:0\na:1:0\n"),
        ("--topic-partitions :2", "a:2:0\n"),
    ],
)
def test_partitions_and_times_are_written_as_kafka_has_them(filled, options, printed):
    assert filled(f"get-offsets {options}") == printed


def test_the_latest_time_has_an_offset_of_its_own(filled):
    assert filled("get-offsets --topic ab --time max-timestamp") in {f"ab:0:{n}\n" for n in range(3)}


def test_offsets_are_told_as_json(filled):
    told = json.loads(filled("get-offsets --topic ab --json --time 9999999999999"))
    assert told == [{"topic": "ab", "partition": 0, "offset": None}]


def test_internal_topics_can_be_left_out(filled):
    filled("console-consumer --topic ab --from-beginning --group g --max-messages 1")
    assert "__consumer_offsets:0:" in filled("get-offsets")
    assert "__" not in filled("get-offsets --exclude-internal-topics")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ("--topic nope", 1, "no topic-partition matches"),
        ("--topic-partitions a:7", 1, "no topic-partition matches"),
        ("--topic-partitions a:x", 2, "T:1-3"),
        ("--topic-partitions a --topic a", 2, "goes without"),
        ("--partitions one", 2, "numbers with commas"),
        ("--time soon", 2, "'soon'"),
        ("--time -7", 2, "'-7'"),
    ],
)
def test_what_cannot_be_meant_is_refused(filled, options, code, said):
    assert said in filled(f"get-offsets {options}", code=code)


def test_records_before_an_offset_are_deleted(filled, tmp_path):
    file = tmp_path / "offsets.json"
    file.write_text('{"partitions": [{"topic": "ab", "partition": 0, "offset": 2}], "version": 1}')

    printed = filled(f"delete-records --offset-json-file {file}")

    assert printed.splitlines() == [
        "Executing records delete operation",
        "Records delete operation completed:",
        "partition: ab-0\tlow_watermark: 2",
    ]
    assert filled("get-offsets --topic ab --time earliest") == "ab:0:2\n"
    told = filled("delete-records --topic ab --partition 0 --before-offset -1 --json")
    assert json.loads(told) == [{"topic": "ab", "partition": 0, "low_watermark": 3}]


def test_what_could_not_be_deleted_is_named_and_the_rest_is_done(filled, tmp_path):
    file = tmp_path / "offsets.json"
    listed = [{"topic": "ab", "partition": 0, "offset": 1}, {"topic": "ab", "partition": 5, "offset": 1}]
    file.write_text(json.dumps({"partitions": listed}))

    said = filled(f"delete-records --offset-json-file {file}", code=1)

    assert "ab-5 before offset 1: UNKNOWN_TOPIC_OR_PARTITION" in said
    assert filled("get-offsets --topic ab --time earliest") == "ab:0:1\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"partitions": 3}',
        '{"partitions": [{"topic": "t"}]}',
        '{"partitions": [{"topic": "t", "partition": 0, "offset": "3"}]}',
        '{"partitions": [{"topic": "t", "partition": -1, "offset": 3}]}',
        '{"partitions": [], "version": 2}',
    ],
)
def test_a_file_of_another_shape_is_refused(line, tmp_path, text):
    file = tmp_path / "offsets.json"
    file.write_text(text)
    assert "expected" in line(f"delete-records --offset-json-file {file}", code=2)


def test_a_partition_named_twice_is_refused(line, tmp_path):
    file = tmp_path / "offsets.json"
    one = {"topic": "t", "partition": 0, "offset": 3}
    file.write_text(json.dumps({"partitions": [one, one]}))
    assert "t-0 twice" in line(f"delete-records --offset-json-file {file}", code=2)
