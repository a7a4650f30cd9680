"""From a line to key, value and headers, as Kafka's reader has it."""

from __future__ import annotations

import pytest

from streamz_core.cli.line_reader import LineError, LineReader
from streamz_core.cli.options import OptionError


@pytest.mark.parametrize(
    ("properties", "line", "expected"),
    [
        ({}, "a\tb", (None, b"a\tb", [])),
        ({}, "", (None, b"", [])),
        ({"parse.key": "true"}, "a\tb\tc", (b"a", b"b\tc", [])),
        ({"parse.key": "TRUE", "key.separator": "::"}, "a::b", (b"a", b"b", [])),
        ({"parse.key": "true"}, "\tb", (b"", b"b", [])),
        ({"parse.headers": "true"}, "h:1,i:2\tv", (None, b"v", [("h", b"1"), ("i", b"2")])),
        ({"parse.headers": "true"}, "\tv", (None, b"v", [])),
        (
            {"parse.headers": "true", "parse.key": "true", "null.marker": "NULL"},
            "h:NULL\tNULL\tNULL",
            (None, None, [("h", None)]),
        ),
        ({"parse.headers": "true", "null.marker": "N"}, "N\tv", (None, b"v", [])),
        ({"parse.key": "true", "ignore.error": "true"}, "alone", (None, b"alone", [])),
        ({"parse.headers": "true", "ignore.error": "true"}, "h\tv", (None, b"v", [("h", None)])),
        ({}, "\udcff", (None, b"\xff", [])),
    ],
)
def test_a_line_becomes_a_record(properties, line, expected):
    assert LineReader.of(properties).read(line, 1) == expected


@pytest.mark.parametrize(
    ("properties", "line", "said"),
    [
        ({"parse.key": "true"}, "alone", "line 7: no key separator '\\t' found"),
        ({"parse.headers": "true"}, "alone", "line 7: no headers delimiter"),
        ({"parse.headers": "true"}, "h\tv", "line 7: header 'h' has no ':'"),
        (
            {"parse.headers": "true", "null.marker": "N"},
            "N:1\tv",
            "name of a header cannot be the null marker",
        ),
    ],
)
def test_a_line_without_its_parts_is_named(properties, line, said):
    with pytest.raises(LineError) as raised:
        LineReader.of(properties).read(line, 7)

    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"parse.keys": "true"}, "did you mean parse.key?"),
        ({"parse.key": "yes"}, "expected true or false"),
        ({"key.separator": ""}, "must not be empty"),
        ({"headers.separator": ":"}, "headers.separator and headers.key.separator must not both be ':'"),
        ({"null.marker": ","}, "null.marker and headers.separator"),
    ],
)
def test_wrong_properties_are_refused(properties, said):
    with pytest.raises(OptionError) as raised:
        LineReader.of(properties)

    assert said in raised.value.message
