"""From a record to what is printed of it."""

from __future__ import annotations

import json
import struct

import pytest

from streamz_core.cli.options import OptionError
from streamz_core.cli.record_formatter import Formatter, Undecodable, as_json
from streamz_core.model import ConsumerRecord


def record(key=b"k", value=b"v", headers=(), timestamp_type=0):
    return ConsumerRecord("t", 3, 42, 1000, timestamp_type, key, value, None, 1, 1, tuple(headers))


EVERYTHING = {
    f"print.{what}": "true" for what in ("timestamp", "partition", "offset", "headers", "key", "value")
}


@pytest.mark.parametrize(
    ("properties", "given", "expected"),
    [
        ({}, record(), b"v\n"),
        ({"print.value": "false"}, record(), b"\n"),
        ({"print.key": "true"}, record(), b"k\tv\n"),
        ({"print.key": "true", "key.separator": "=", "line.separator": ";"}, record(), b"k=v;"),
        ({"print.key": "true"}, record(None, None), b"null\tnull\n"),
        ({"null.literal": "-"}, record(value=None), b"-\n"),
        (EVERYTHING, record(), b"CreateTime:1000\tPartition:3\tOffset:42\tNO_HEADERS\tk\tv\n"),
        (
            {"print.timestamp": "true", "print.headers": "true", "headers.separator": "|"},
            record(headers=[("a", b"1"), ("b", None)], timestamp_type=1),
            b"LogAppendTime:1000\ta:1|b:null\tv\n",
        ),
        ({}, record(value=b"\xff\x00"), b"\xff\x00\n"),
        (
            {"value.deserializer": "org.apache.kafka.common.serialization.LongDeserializer"},
            record(value=struct.pack(">q", -5)),
            b"-5\n",
        ),
    ],
)
def test_a_record_is_printed_as_kafka_does(properties, given, expected):
    assert Formatter.of(properties).format(given) == expected


def test_what_a_deserializer_does_not_understand_is_named():
    with pytest.raises(Undecodable, match="topic 't' partition 3 offset 42: the value, 1 bytes, is no Long"):
        Formatter.of({"value.deserializer": "Long"}).format(record())


def test_an_unknown_deserializer_and_property_are_refused():
    with pytest.raises(OptionError, match="did you mean Long"):
        Formatter.of({"value.deserializer": "LongDeserialiser.Longs"})
    with pytest.raises(OptionError, match=r"did you mean print\.key"):
        Formatter.of({"print.keys": "true"})


def test_json_has_everything_and_keeps_bytes_that_are_no_text():
    said = json.loads(as_json(record("ü".encode(), b"\xff", [("h", None), ("h", b"\xfe")])))

    assert said == {
        "topic": "t",
        "partition": 3,
        "offset": 42,
        "timestamp": 1000,
        "timestamp_type": "CreateTime",
        "key": "ü",
        "value": {"base64": "/w=="},
        "headers": [["h", None], ["h", {"base64": "/g=="}]],
    }
