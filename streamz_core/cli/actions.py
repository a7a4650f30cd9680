"""The flags of which a verb takes exactly one: ``--list``, ``--create`` and their like.

Owns: finding the one, and refusing none and several.
Must not know: what any of them does.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


def actions(**helps: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a flag for each name, ``delete_offsets`` as ``--delete-offsets``; the command gets the one as ``action``."""
    flags = {name: f"--{name.replace('_', '-')}" for name in helps}

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def choose(**given: Any) -> Any:
            chosen = [flag for name, flag in flags.items() if given.pop(f"action_{name}")]
            if len(chosen) != 1:
                what = f"not {' and '.join(chosen)}" if chosen else "none is given"
                raise click.UsageError(f"give exactly one of {', '.join(flags.values())}; {what}")
            return function(action=chosen[0].removeprefix("--"), **given)

        decorated: Any = choose
        for name, flag in reversed(flags.items()):
            decorated = click.option(flag, f"action_{name}", is_flag=True, help=helps[name])(decorated)
        result: Callable[..., Any] = decorated
        return result

    return decorate
