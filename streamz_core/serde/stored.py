"""JSON for the keys and values of tables without types: what is written comes back the same, or is refused.

Owns: which untyped values JSON gives back as they were, and the form that keys of bytes take in it.
Must not know: tables, stores, topics.

A table hands out what is in memory, and after a restart or an eviction what was decoded. Where the two
differ (a dict with numbers for keys, a set, NaN) figures would depend on when a process was restarted.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from streamz_core.serde.codecs import JsonCodec, kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamz_core.serde.errors import EncodeError

_BYTES: Final = "bytes"


class StoredValueCodec(JsonCodec):
    """JSON of text, numbers, lists and dicts with text for keys; a tuple comes back as a list."""

    __slots__ = ()

    def encode(self, value: Any) -> bytes | None:
        """JSON; raises ``EncodeError`` for what would come back as something else."""
        if not _comes_back(value):
            self._check(value, value)
        return super().encode(value)

    def _check(self, part: Any, value: Any) -> None:
        kind_of = type(part)
        if kind_of is float:
            if not isfinite(part):
                raise self._changed(value, f"{part} is no JSON number")
        elif kind_of is dict:
            entries: dict[Any, Any] = part
            for key, inner in entries.items():
                if type(key) is not str:
                    raise self._changed(value, f"the key {kind(key)} would come back as text")
                if not _comes_back(inner):
                    self._check(inner, value)
        elif kind_of is list or kind_of is tuple:
            for inner in part:
                if not _comes_back(inner):
                    self._check(inner, value)
        else:
            raise self._changed(value, f"{kind(part)} would come back as something else")

    def _changed(self, value: Any, why: str) -> EncodeError:
        return self._refuse(value, f"{why}; give the table a value_type, dict[int, float] for instance")


class StoredKeyCodec(JsonCodec):
    """JSON of text, numbers, bytes, None, and tuples of these. Equal numbers are written equally."""

    __slots__ = ()

    def encode(self, value: Any) -> bytes | None:
        """JSON; raises ``EncodeError`` for what would come back as something else."""
        if type(value) is not str and type(value) is not int:
            value = self._written(value, value)
        return super().encode(value)

    def _written(self, part: Any, key: Any) -> Any:
        kind_of = type(part)
        if kind_of is tuple:
            return [self._written(inner, key) for inner in part]
        if kind_of is bytes:
            return {_BYTES: b64encode(part).decode()}
        if kind_of is float and isfinite(part):
            return int(part) if part.is_integer() else part
        if _comes_back(part):
            return part
        why = f"{kind(part)} would come back as something else; give the table a key_type"
        raise self._refuse(key, why)

    def _decoder(self) -> Callable[[Any], Any]:
        return lambda data: _read(self._decode(data))


def _comes_back(value: Any) -> bool:
    """Whether JSON gives ``value`` back as it was, whatever it says."""
    kind_of = type(value)
    return kind_of is str or kind_of is int or kind_of is bool or value is None


def _read(value: Any) -> Any:
    if type(value) is list:
        return tuple(map(_read, value))
    if type(value) is dict and len(value) == 1 and type(value.get(_BYTES)) is str:
        return b64decode(value[_BYTES])
    return value
