"""Owns: messages with random contents, whatever a table allows in one version."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

from streamz_core.errors import ErrorCode
from streamz_core.protocol.wire.binding import Field, Shape, Structure
from streamz_core.protocol.wire.table import FIXED, STRUCTURE
from streamz_core.secret import Secret

_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
MILLISECONDS = 2**41
"""A time that every library can put in words of its own."""
_TEXTS = ["", "a", "orders", "zażółć", "日本語", "x" * 126, "y" * 127, "z" * 300]
OUR_TAGS = 10_000
"""From here on tagged fields are this project's own."""
_SAID_OTHERWISE = {ErrorCode.PRODUCER_FENCED, ErrorCode.UNSUPPORTED_VERSION}
_SIZES = [0, 1, 126, 127, 128, 4096, 4097, 20_000]


def random_structure(structure: Structure, rng: random.Random) -> Any:
    """What the fields of a structure could be."""
    values = {field.row.name: random_field(field, rng) for field in structure.fields if is_kafkas(field)}
    if structure.shape is Shape.MESSAGE:
        return structure.made(**values, **structure.absent)
    return tuple(values.values()) if structure.shape is Shape.ENTRY else next(iter(values.values()))


def is_kafkas(field: Field) -> bool:
    """Whether others know the field as well: tags of ours begin at 10,000."""
    return field.used and (field.row.tag or 0) < 10_000


def random_field(field: Field, rng: random.Random) -> Any:
    """What one field could be."""
    row = field.row
    if row.tag is not None and row.tag >= OUR_TAGS:
        return row.default  # others have no such field to compare it with
    if field.is_nullable and field.may_be_none and rng.random() < 0.25:
        return None
    if not row.is_array:
        return _one(field, rng)
    count = rng.choice([0, 1, 2, 3]) if row.type == STRUCTURE else rng.choice([0, 1, 5, 130])
    elements = [_one(field, rng) for _ in range(count)]
    if field.structure is not None and field.structure.shape is Shape.ENTRY:
        return dict(elements)
    return tuple(elements) if field.as_tuple else elements


def _one(field: Field, rng: random.Random) -> Any:
    kind = field.row.type
    if field.structure is not None:
        return random_structure(field.structure, rng)
    if field.enum is not None:
        # What some versions say otherwise is tested by itself.
        known = [member for member in field.enum if member not in _SAID_OTHERWISE]
        return rng.choice([*known, 111] if field.is_open else known)
    if kind in FIXED:
        return _fixed(field, rng)
    if kind == "string":
        return rng.choice(_TEXTS)
    data = rng.randbytes(rng.choice(_SIZES if kind == "records" else _SIZES[:5]))
    return Secret(data) if field.is_secret else data


def _fixed(field: Field, rng: random.Random) -> Any:
    kind = field.row.type
    if kind == "bool":
        return rng.random() < 0.5
    if kind == "float64":
        return rng.uniform(-1e9, 1e9)
    if kind == "uuid":
        return None if field.may_be_none and rng.random() < 0.3 else UUID(int=rng.getrandbits(128) | 1 << 64)
    if kind.startswith("u"):
        return rng.getrandbits(int(kind[4:]))
    bits = _BITS[kind]
    if kind == "int64" and field.row.name.endswith(("_ms", "timestamp")):
        return rng.choice([0, 1, rng.randrange(MILLISECONDS)])
    return rng.choice([0, -1, 1, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1, rng.getrandbits(bits - 1)])
