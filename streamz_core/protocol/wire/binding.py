"""A table held against a message: what each row of one version becomes in Python.

Owns: ``Structure`` and ``Field``: the rows that exist in a version, with the class, the attribute and the enumeration
that the message's annotations name for them.
Must not know: bytes.
"""

from __future__ import annotations

import functools
import operator
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any, Final

import msgspec

from streamz_core.protocol.wire.table import NOT_ON_WIRE, STRUCTURE, BadTable, Row
from streamz_core.secret import Secret

REQUIRED: Final = msgspec.NODEFAULT


class Shape(Enum):
    """What the fields of a structure become together."""

    MESSAGE = "an object of a class"
    ENTRY = "a key and a value of a dict"
    VALUE = "the one field that is used, by itself"
    NOTHING = "nothing: all are dropped"


@dataclass(frozen=True, slots=True)
class Field:
    """A row in one version. ``used``: something is made of it; ``may_be_none``: its attribute may be None."""

    row: Row
    is_nullable: bool
    used: bool
    may_be_none: bool = True
    enum: type[IntEnum] | None = None
    is_open: bool = False
    """Numbers that the enumeration does not have stay numbers."""
    is_secret: bool = False
    as_tuple: bool = False
    structure: Structure | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    """Fields in the order of the wire; ``absent`` has the values of attributes that this version does not carry."""

    shape: Shape
    made: type | None
    fields: tuple[Field, ...]
    absent: dict[str, Any]

    def plain(self) -> tuple[Field, ...]:
        """The fields that stand one after the other."""
        return tuple(field for field in self.fields if field.row.tag is None)

    def tagged(self) -> tuple[Field, ...]:
        """Those that come behind them, by tag, if they have anything to say."""
        return tuple(sorted((f for f in self.fields if f.row.tag is not None), key=_tag))


def bind(rows: tuple[Row, ...], made: type, version: int) -> Structure:
    """The structure that ``rows`` and the class ``made`` have in ``version``.

    Raises ``BadTable`` where a row has no attribute and does not say so, or an attribute has no row.
    """
    hints = typing.get_type_hints(made)
    attributes = {field.name: field for field in msgspec.structs.fields(made)}
    known = {row.name for row in rows if not row.unused}
    if known != set(attributes):
        raise BadTable(f"{made.__name__}: rows and attributes differ in {sorted(known ^ set(attributes))}")
    present = [row for row in rows if version in row.versions and row.type != NOT_ON_WIRE]
    absent: dict[str, Any] = {
        row.name: [] if row.is_array else row.default
        for row in rows
        if row not in present and not row.unused and _is_required(attributes[row.name])
    }
    fields = tuple(_field(row, hints.get(row.name), version) for row in present)
    return Structure(Shape.MESSAGE, made, fields, absent)


def _field(row: Row, hint: Any, version: int) -> Field:
    used = hint is not None
    may_be_none, hint = _without_none(hint)
    element = _element(hint) if row.is_array and not _is_dict(hint) else hint
    structure = None
    if row.type == STRUCTURE:
        structure = _structure(row.rows, element if used else None, version)
    kinds = set(typing.get_args(element)) if _is_union(element) else {element}
    return Field(
        row=row,
        is_nullable=row.is_nullable(version),
        used=used,
        may_be_none=may_be_none,
        enum=next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, IntEnum)), None),
        is_open=int in kinds,
        is_secret=Secret in kinds,
        as_tuple=typing.get_origin(hint) is tuple,
        structure=structure,
    )


def _structure(rows: tuple[Row, ...], element: Any, version: int) -> Structure:
    if element is None:
        return _together(Shape.NOTHING, rows, {}, version)
    if isinstance(element, type) and issubclass(element, msgspec.Struct):
        return bind(rows, element, version)
    used = [row for row in rows if not row.unused]
    if _is_dict(element):
        return _together(
            Shape.ENTRY,
            rows,
            dict(zip((r.name for r in used), typing.get_args(element), strict=True)),
            version,
        )
    if len(used) != 1:
        raise BadTable(f"one field makes a {element}, not {[row.name for row in used]}")
    return _together(Shape.VALUE, rows, {used[0].name: element}, version)


def _together(shape: Shape, rows: tuple[Row, ...], hints: dict[str, Any], version: int) -> Structure:
    fields = tuple(_field(row, hints.get(row.name), version) for row in rows if version in row.versions)
    return Structure(shape, None, fields, {})


def _without_none(hint: Any) -> tuple[bool, Any]:
    """Whether ``hint`` allows None, and what else it says."""
    if not _is_union(hint):
        return hint is None, hint
    rest = [one for one in typing.get_args(hint) if one is not types.NoneType]
    return len(rest) < len(typing.get_args(hint)), functools.reduce(operator.or_, rest)


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in {typing.Union, types.UnionType}


def _is_dict(hint: Any) -> bool:
    return typing.get_origin(hint) in {dict, Mapping}


def _element(hint: Any) -> Any:
    return typing.get_args(hint)[0] if typing.get_args(hint) else None


def _is_required(field: msgspec.structs.FieldInfo) -> bool:
    return field.default is REQUIRED and field.default_factory is REQUIRED


def _tag(field: Field) -> int:
    assert field.row.tag is not None
    return field.row.tag
