"""Owns: the notation of the tables, and that a table that does not fit its message is noticed."""

from __future__ import annotations

import pytest

from streamz_core.protocol.messages.request import Message
from streamz_core.protocol.wire.binding import bind
from streamz_core.protocol.wire.table import BadTable, Versions, parse


class Part(Message, frozen=True, kw_only=True):
    a: int


class Whole(Message, frozen=True, kw_only=True):
    name: str
    parts: list[Part]
    extra: int = 5


TABLE = """
versions 2-9, flexible 6+
name: string?3+ 2-7 = null
parts: [] 4+
    a: int32
    b: [int64]? 5-6 unused
extra: int8 6+ tag 3 = -1
"""


def test_a_table_says_versions_types_and_defaults():
    table = parse(TABLE)
    name, parts, extra = table.rows

    assert (table.versions, table.flexible) == (Versions(2, 9), 6)
    assert (name.versions, name.nullable, name.default) == (Versions(2, 7), Versions(3, 7), None)
    assert [row.name for row in parts.rows] == ["a", "b"]
    assert (parts.is_array, parts.rows[0].versions) == (True, Versions(4, 9))
    assert (parts.rows[1].type, parts.rows[1].unused, parts.rows[1].versions) == (
        "int64",
        True,
        Versions(5, 6),
    )
    assert (extra.tag, extra.default) == (3, -1)


def test_what_a_version_lacks_has_the_rows_default_unless_the_message_has_one():
    structure = bind(parse(TABLE).rows, Whole, 3)

    assert [field.row.name for field in structure.fields] == ["name"]
    assert structure.absent == {"parts": []}


@pytest.mark.parametrize(
    "text",
    [
        "name: string",
        "versions 0-1\nname string",
        "versions 0-1\nname: varchar",
        "versions 0-1\nname: string\n    a: int32",
        "versions 0-1\nparts: []",
        "versions 0-1\n  name: string",
    ],
)
def test_what_is_no_table_is_noticed(text):
    with pytest.raises(BadTable):
        parse(text)


@pytest.mark.parametrize("row", ["nmae: string", "name: string\nother: int8"])
def test_rows_and_attributes_that_differ_are_noticed(row):
    with pytest.raises(BadTable, match="rows and attributes differ"):
        bind(parse(f"versions 0-1\n{row}").rows, Part, 0)
