"""Tables of fields, read from their notation into values.

Owns: ``Versions``, ``Row``, ``Table`` and ``parse``, for the notation that ``protocol/schemas`` explains.
Must not know: messages; how fields are laid out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

FIXED: Final = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "float64": "d",
    "uuid": "16s",
}
"""The types of one size, and what ``struct`` calls them."""
STRUCTURE: Final = "structure"
NOT_ON_WIRE: Final = "-"
_SIZED: Final = frozenset({"string", "bytes", "records", STRUCTURE, NOT_ON_WIRE})

_HEAD: Final = re.compile(r"versions (?P<versions>\d+-\d+)(, flexible (?P<flexible>\d+)\+)?")
_ROW: Final = re.compile(
    r"(?P<indent> *)(?P<name>\w+): (?P<type>\w+|\[\w*\]|\{\}|-)(?P<null>\?(?:\d+\+|\d+-\d+)?)?"
    r"(?: (?P<versions>\d+\+|\d+-\d+|\d+))?(?: tag (?P<tag>\d+))?(?: = (?P<default>\S+))?(?P<unused> unused)?"
)
_INDENT: Final = 4
Default = int | float | str | bool | bytes | None
_ZERO: Final[dict[str, Default]] = {
    "bool": False,
    "float64": 0.0,
    "string": "",
    "bytes": b"",
    "records": b"",
    "uuid": None,
}


@dataclass(frozen=True, slots=True)
class Versions:
    """From ``first`` to ``last``, both included."""

    first: int
    last: int

    def __contains__(self, version: int) -> bool:
        return self.first <= version <= self.last


@dataclass(frozen=True, slots=True)
class Row:
    """One field. ``type`` is that of the elements where it is an array; ``rows`` are those of a structure."""

    name: str
    type: str
    is_array: bool
    versions: Versions
    nullable: Versions | None
    tag: int | None
    default: Default
    unused: bool
    rows: tuple[Row, ...] = ()

    def is_nullable(self, version: int) -> bool:
        """Whether it may be null in ``version``."""
        return self.nullable is not None and version in self.nullable


@dataclass(frozen=True, slots=True)
class Table:
    """All the fields of a message. ``flexible`` is the first flexible version, past the last where there is none."""

    versions: Versions
    flexible: int
    rows: tuple[Row, ...]


class BadTable(AssertionError):
    """A table of this package is not in the notation: a mistake of ours."""


def parse(text: str) -> Table:
    """Read one table; raises ``BadTable``."""
    lines = [line for line in text.strip("\n").split("\n") if line.strip()]
    head = _HEAD.fullmatch(lines[0].strip())
    if head is None:
        raise BadTable(f"a table begins with its versions, not {lines[0]!r}")
    versions = _versions(head["versions"], Versions(0, 0))
    flexible = int(head["flexible"]) if head["flexible"] else versions.last + 1
    rows, rest = _rows(lines[1:], 0, versions)
    if rest:
        raise BadTable(f"indented under nothing: {rest[0]!r}")
    return Table(versions, flexible, rows)


def _rows(lines: list[str], indent: int, within: Versions) -> tuple[tuple[Row, ...], list[str]]:
    """The rows that stand at ``indent``, with what stands below them, and the lines after."""
    found: list[Row] = []
    while lines:
        match = _ROW.fullmatch(lines[0])
        if match is None:
            raise BadTable(f"not a row: {lines[0]!r}")
        if len(match["indent"]) != indent:
            break
        row = _row(match, within)
        below, lines = _rows(lines[1:], indent + _INDENT, row.versions)
        if bool(below) != (row.type == STRUCTURE):
            raise BadTable(f"rows stand below structures, and nothing else: {row.name}")
        found.append(replace(row, rows=below))
    return tuple(found), lines


def _row(match: re.Match[str], within: Versions) -> Row:
    versions = _versions(match["versions"], within) if match["versions"] else within
    kind = match["type"].strip("[]{}") or STRUCTURE
    if kind not in FIXED and kind not in _SIZED:
        raise BadTable(f"no such type: {match['type']}")
    nullable = None
    if match["null"]:
        nullable = _versions(match["null"][1:], versions) if match["null"] != "?" else versions
    is_array = match["type"].startswith("[")
    return Row(
        name=match["name"],
        type=kind,
        is_array=is_array,
        versions=versions,
        nullable=nullable,
        tag=int(match["tag"]) if match["tag"] else None,
        default=None if is_array or kind == STRUCTURE else _default(kind, match["default"]),
        unused=match["unused"] is not None,
    )


def _versions(text: str, within: Versions) -> Versions:
    if text.endswith("+"):
        return Versions(int(text[:-1]), within.last)
    first, _, last = text.partition("-")
    return Versions(int(first), int(last or first))


def _default(kind: str, text: str | None) -> Default:
    if text is None:
        return _ZERO.get(kind, 0)
    if text == "null":
        return None
    if kind == "bool":
        return text == "true"
    return text if kind == "string" else int(text, 0)
