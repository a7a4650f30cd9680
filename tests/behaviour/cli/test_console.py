"""Records in by lines, records out by lines."""

from __future__ import annotations

import json
import struct

import pytest


def test_lines_go_in_and_come_out(made):
    made.produce("one", "two", "ünf")

    assert made.consume() == ["one", "two", "ünf"]
    assert made.stderr == "Processed a total of 3 messages\n"


def test_keys_headers_and_nulls_go_in_and_come_out(made):
    options = "--property parse.key=true --reader-property parse.headers=true --property null.marker=NULL"
    made.produce("a:1,b:2\tk\tv", "NULL\tk\tNULL", options=options)

    printed = "--property print.key=true --formatter-property print.headers=true --property print.offset=true"
    assert made.consume(printed) == ["Offset:0\ta:1,b:2\tk\tv", "Offset:1\tNO_HEADERS\tk\tnull"]


@pytest.mark.parametrize(
    "options",
    [
        "--request-required-acks 0",
        "--request-required-acks 1 --sync",
        "--request-required-acks all --batch-size 100 --timeout 0",
        "--compression-codec zstd",
        "--producer-property acks=1 --command-property compression.type=lz4",
        "--property ignore.error=true --property parse.key=true",
        "--compression-codec",
    ],
)
def test_a_producer_takes_kafkas_flags(made, options):
    made.produce("x", "y", options=options)

    assert made.consume("--json --isolation-level read_committed")[0].startswith(
        '{"topic": "t", "partition": 0'
    )
    assert made.consume() == ["x", "y"]


def test_the_lines_before_a_bad_one_are_sent(made):
    said = made(
        "console-producer --topic t --property parse.key=true --property key.separator=:",
        stdin="a:1\nb:2\nnothing\nc:3\n",
        code=1,
    )

    assert "line 3: no key separator ':' found" in said
    assert made.consume() == ["1", "2"]


def test_a_line_that_is_refused_is_named_even_in_the_middle(made):
    made("topics --alter --topic t --config max.message.bytes=500")

    said = made("console-producer --topic t --sync", stdin="short\n" + "x" * 2000 + "\nmore\n", code=1)
    assert "line 2 was not sent" in said
    said = made("console-producer --topic t", stdin="short\n" + "x" * 2000 + "\n" + "y\n" * 10, code=1)
    assert "was not sent" in said
    assert "line 2 was not sent" in made(
        "console-producer --topic t", stdin="short\n" + "x" * 2_000_000 + "\n", code=1
    )


def test_bytes_that_are_no_text_come_out_as_they_went_in(made):
    made("console-producer --topic t", stdin=b"\xff\x00\xfe\r\n")
    made("console-consumer --topic t --from-beginning --max-messages 1")
    assert made.bytes == b"\xff\x00\xfe\n"

    (said,) = made.consume("--json")
    assert json.loads(said)["value"] == {"base64": "/wD+"}


def test_deserializers_print_numbers_and_may_skip_what_is_none(made):
    made("console-producer --topic t", stdin=struct.pack(">q", 258) + b"\nshort\n")

    assert "offset 1: the value, 5 bytes, is no Long" in made(
        "console-consumer --topic t --from-beginning --timeout-ms 300 --value-deserializer Long", code=1
    )
    assert made.consume("--value-deserializer Long --skip-message-on-error") == ["258"]


def test_reading_starts_where_it_is_told(made):
    made.produce(*"abcdef")

    def read(options):
        return made(f"console-consumer --topic t --partition 0 --timeout-ms 100 {options}").split()

    assert read("--offset 4") == ["e", "f"]
    assert read("--offset earliest") == list("abcdef")
    assert read("--from-beginning --max-messages 2") == ["a", "b"]
    assert read("--offset latest") == []
    assert read("") == []
    assert made("console-consumer --topic t --timeout-ms 100") == ""


def test_a_group_goes_on_where_it_stopped(made):
    made.produce(*"abcde")

    assert made.consume("--group g --max-messages 2") == ["a", "b"]
    assert made.consume("--group g --max-messages 2") == ["c", "d"]
    assert made.consume("--consumer-property group.id=g") == ["e"]
    assert made.consume("--group g") == []


def test_many_topics_are_read_by_pattern(line):
    for name in ("in-1", "in-2", "other"):
        line(f"topics --create --topic {name}")
        line.produce(name, topic=name)

    for group in ("", "--group g"):
        text = f"console-consumer --include in-. --from-beginning --timeout-ms 300 {group}"
        assert sorted(line(text).split()) == ["in-1", "in-2"]


def test_an_internal_topic_can_be_read_by_name(made):
    made.produce("x")
    made.consume("--group g")

    text = (
        "console-consumer --topic __consumer_offsets --from-beginning --formatter-property print.value=false"
    )
    assert made(f"{text} --timeout-ms 300").strip() == ""
    assert not made.stderr.startswith("Processed a total of 0")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("console-producer", 2, "--topic"),
        ("console-producer --topic no/slash", 0, ""),
        ("console-producer --topic t --property nonsense=1", 2, "known are"),
        ("console-producer --topic t --property parse.key", 2, "takes key=value"),
        ("console-producer --topic t --compression-codec rar", 2, "rar"),
        ("console-producer --topic t --producer-property acks=7", 2, "acks"),
        ("console-consumer", 2, "exactly one of --topic and --include"),
        ("console-consumer --topic t --include t", 2, "exactly one"),
        ("console-consumer --topic none", 1, "topic 'none' does not exist"),
        ("console-consumer --topic none --group g", 1, "topic 'none' does not exist"),
        ("console-consumer --topic t --partition 3", 1, "has no partition 3; it has 0 to 0"),
        ("console-consumer --topic t --offset 3", 2, "--offset needs --partition"),
        ("console-consumer --topic t --partition 0 --offset -5", 2, "0 or more, 'earliest' or 'latest'"),
        ("console-consumer --topic t --partition 0 --offset ²", 2, "0 or more"),
        ("console-consumer --topic t --partition 0 --offset 1 --from-beginning", 2, "exclude each other"),
        ("console-consumer --topic t --partition 0 --group g", 2, "exclude each other"),
        ("console-consumer --include a( --timeout-ms 1", 2, "no regular expression"),
        ("console-consumer --topic t --property print.keys=true", 2, "did you mean print.key"),
        ("console-consumer --topic t --consumer-property fetch.max.wait.ms=x", 2, "whole number"),
        ("console-consumer --topic t --isolation-level none", 2, "none"),
        ("console-consumer --topic t --max-messages x", 2, "x"),
        ("console-consumer --topic t --max-messages 0", 0, ""),
    ],
)
def test_console_verbs_say_what_is_wrong(made, text, code, said):
    assert said in made(text, code=code)


def test_a_name_that_is_no_topic_is_refused_when_a_line_is_sent(made):
    assert "no/slash" in made("console-producer --topic no/slash", stdin="x\n", code=1)
