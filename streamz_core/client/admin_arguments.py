"""Checks of what an admin client is handed.

Owns: the checks of types, and the sentence that refuses a wrong one: a text in the place of a list of names
would otherwise be read letter by letter.
Must not know: requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from streamz_core.client.errors import IllegalArgumentError

K = TypeVar("K")
T = TypeVar("T")


class ArgumentTypeError(IllegalArgumentError, TypeError):
    """An argument is of another type."""


def one_of(kind: type[T], what: str, value: Any) -> T:
    """``value``, which must be a ``kind``."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        raise ArgumentTypeError(f"{what}={value!r}: must be {_name(kind)}")
    return value


def list_of(kind: type[T], what: str, values: Iterable[Any]) -> list[T]:
    """``values`` as a list, each of which must be a ``kind``."""
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise ArgumentTypeError(f"{what}={values!r}: must be a list, of {_name(kind)} each")
    return [one_of(kind, f"{what}[{index}]", value) for index, value in enumerate(values)]


def dict_of(keys: type[K], kind: type[T], what: str, mapping: Any) -> dict[K, T]:
    """``mapping`` as a dictionary of ``keys``, each with a ``kind``."""
    if not isinstance(mapping, Mapping):
        raise ArgumentTypeError(f"{what}={mapping!r}: must be a dictionary of {_name(keys)} to {_name(kind)}")
    return {
        one_of(keys, f"{what}: the key", key): one_of(kind, f"{what}[{key!r}]", value)
        for key, value in mapping.items()
    }


def config_text(value: object) -> str | None:
    """A config's value as Kafka writes it: ``true`` and ``false``, None for none, and the rest as it prints."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name(kind: type) -> str:
    return {str: "text", int: "a whole number", object: "a value"}.get(kind, kind.__name__)
