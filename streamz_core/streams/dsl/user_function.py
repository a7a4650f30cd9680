"""``user_function``: what a word of the DSL is given to call.

Owns: refusing, when the topology is declared, what could only fail or be silently wrong at the first record: no
function at all, an asynchronous one, one that takes other arguments.
Must not know: which words there are, how functions are called.
"""

from __future__ import annotations

from functools import partial
from inspect import (
    Signature,
    isasyncgenfunction,
    iscoroutinefunction,
    isroutine,
    signature,
)
from typing import Any, Final, TypeVar

from streamz_core.errors import Misuse

F = TypeVar("F")
VALUE: Final = ("value",)
KEY_VALUE: Final = ("key", "value")


def user_function(function: F, what: str, takes: tuple[str, ...], *, is_awaited: bool = False) -> F:
    """``function``, which ``what`` calls with these arguments, and awaits or not. Raises ``Misuse``.

    >>> user_function(str.upper, "map_values()", ("value",))("a")
    'A'
    """
    expected = f"a function of ({', '.join(takes)})"
    if not callable(function):
        raise Misuse(f"{what} takes {expected}, not {function!r}")
    if not is_awaited and is_asynchronous(function):
        raise Misuse(
            f"{what}: {_name(function)} is asynchronous, and nobody would await it; map_async() calls such functions"
        )
    found = _signature(function)
    if found is not None and not _can_take(found, len(takes)):
        hint = "; with_key=True gives it the key, too" if takes == VALUE and _can_take(found, 2) else ""
        raise Misuse(f"{what} takes {expected}; {_name(function)} is one of {found}{hint}")
    return function


def keyed_function(function: F, what: str, *, with_key: bool) -> F:
    """The same of a function of a value, or of key and value."""
    return user_function(function, what, KEY_VALUE if with_key else VALUE)


def joiner_function(joiner: F, *, with_key: bool) -> F:
    """The same of what makes one value of two."""
    takes = ("value", "other_value")
    return user_function(joiner, "a join's joiner", ("key", *takes) if with_key else takes)


def aggregating_function(function: F, what: str) -> F:
    """The same of what takes a value into an aggregate, or out of it."""
    return user_function(function, what, (*KEY_VALUE, "aggregate"))


def reducing_function(function: F, what: str) -> F:
    """The same of what makes one value of two of the same kind."""
    return user_function(function, what, ("reduced", "value"))


def takes_one_more(function: Any, takes: tuple[str, ...]) -> bool:
    """Whether ``function`` needs more than these arguments, and one more is enough."""
    found = _signature(function)
    return found is not None and not _can_take(found, len(takes)) and _can_take(found, len(takes) + 1)


def is_asynchronous(function: Any) -> bool:
    """Whether a call would give something to await, or to iterate with ``async for``.

    >>> async def look_up(value): ...
    >>> is_asynchronous(look_up)
    True
    """
    while isinstance(function, partial):
        function = function.func
    calls = (function, getattr(type(function), "__call__", None))  # noqa: B004 - looked at, not asked for
    return any(iscoroutinefunction(call) or isasyncgenfunction(call) for call in calls)


def _signature(function: Any) -> Signature | None:
    """How it can be called; None where that is not known for sure: of classes, and of much that is built in."""
    if not isroutine(function) and not isinstance(function, partial):
        return None
    try:
        return signature(function)
    except (TypeError, ValueError):
        return None


def _can_take(found: Signature, arguments: int) -> bool:
    try:
        found.bind(*[None] * arguments)
    except TypeError:
        return False
    return True


def _name(function: Any) -> str:
    return getattr(function, "__qualname__", None) or repr(function)
