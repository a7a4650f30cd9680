"""Codecs by name, and which codec a type gets.

Owns: ``CodecRegistry``: an app's own table of names (there is no global one) and the rules below.
Must not know: topics; the caller passes the subject of the messages.

The rules, first match: a serializer named for the topic; the record's own ``serializer=``; ``bytes``
is raw, ``str`` text, ``int`` decimal; a pydantic model its own JSON; what has ``codec_over`` makes its own, over the
codec of its ``inner_type``; any other type JSON checked against it; no type: the default the app sets (keys ``raw``,
values ``json``).
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from streamz_core.errors import Misuse
from streamz_core.serde.codecs import (
    ColumnCodec,
    IntCodec,
    JsonCodec,
    ModelCodec,
    PydanticCodec,
    RawCodec,
    SerializerCodec,
    TextCodec,
    kind,
)
from streamz_core.serde.errors import DecodeError

if TYPE_CHECKING:
    from streamz_core.serde.codecs import Serializer

_PLAIN: dict[Any, type[ColumnCodec[Any]]] = {bytes: RawCodec, str: TextCodec, int: IntCodec}
BUILT_IN = ("raw", "text", "int", "json")


class CodecRegistry:
    """The serializers one app knows by name.

    >>> CodecRegistry().codec(int, None, default="raw").encode(12)
    b'12'
    """

    def __init__(self) -> None:
        """Only the built-in names."""
        self._own: dict[str, Serializer] = {}

    def register(self, name: str, serializer: Serializer) -> None:
        """Make ``serializer`` (an object with ``dumps`` and ``loads``) known as ``name``."""
        if name in BUILT_IN:
            raise Misuse(f"serializer {name!r} is built in; register yours under another name")
        if not callable(getattr(serializer, "dumps", None)) or not callable(
            getattr(serializer, "loads", None)
        ):
            raise Misuse(f"serializer {name!r} needs dumps(obj) and loads(s); got {kind(serializer)}")
        self._own[name] = serializer

    def codec(
        self,
        type_: Any,
        serializer: str | Serializer | None,
        *,
        default: str,
        subject: str = "value",
        error: type[DecodeError] = DecodeError,
    ) -> ColumnCodec[Any]:
        """The codec for a type and a serializer's name, either of which may be None."""
        if serializer is None and (compose := getattr(type_, "codec_over", None)) is not None:
            inner = self.codec(type_.inner_type, None, default=default, subject=subject, error=error)
            composed: ColumnCodec[Any] = compose(inner)
            return composed
        options = getattr(type_, "__record_options__", None)
        chosen = serializer or getattr(options, "serializer", None)
        if chosen is None and type_ in _PLAIN_TYPES:
            return _PLAIN[type_](subject, error)
        if chosen is None:
            chosen = default if type_ is None else "json"
        if not isinstance(chosen, str):
            return SerializerCodec(chosen, type(chosen).__name__, subject, error)
        if chosen == "json":
            return _json_codec(type_, subject, error)
        return self._by_name(chosen, type_, subject, error)

    def _by_name(self, name: str, type_: Any, subject: str, error: type[DecodeError]) -> ColumnCodec[Any]:
        if name in self._own:
            return SerializerCodec(self._own[name], name, subject, error)
        if name == "raw":
            # Faust's raw with a plain type reads that type from the bytes.
            return _PLAIN.get(type_, RawCodec)(subject, error)
        if name == "text":
            return TextCodec(subject, error)
        if name == "int":
            return IntCodec(subject, error)
        known = (*BUILT_IN, *self._own)
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise Misuse(f"{subject}: unknown serializer {name!r}; {hint}known: {', '.join(known)}")


_PLAIN_TYPES = (bytes, str, int)


def _json_codec(type_: Any, subject: str, error: type[DecodeError]) -> ColumnCodec[Any]:
    if type_ is None or type_ is Any:
        return JsonCodec(subject, error)
    if hasattr(type_, "model_validate_json"):
        return PydanticCodec(type_, subject, error)
    options = getattr(type_, "__record_options__", None)
    return ModelCodec(type_, subject, error, strict=not getattr(options, "coerce", False))
