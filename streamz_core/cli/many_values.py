"""Options that take every value up to the next option: ``--producer-props acks=1 linger.ms=5``.

Owns: Kafka's tools' way of giving several values at once, for click.
Must not know: any verb.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

MANY: Final = "K=V …"


def spread(arguments: Iterable[str], names: frozenset[str]) -> list[str]:
    """Repeat the option before each of its values, as click expects it.

    >>> spread(["--props", "a=1", "b=2", "--topic", "t"], frozenset({"--props"}))
    ['--props', 'a=1', '--props', 'b=2', '--topic', 't']
    """
    result: list[str] = []
    option: str | None = None
    for argument in arguments:
        if argument.startswith("-"):
            option = argument if argument in names else None
            if option is None:
                result.append(argument)
        else:
            result += [argument] if option is None else [option, argument]
    return result


class ManyValuesCommand(click.Command):
    """A command whose ``multiple`` options with metavar ``K=V …`` take many values each."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spread the values before click reads them."""
        names = frozenset(
            name
            for parameter in self.params
            if isinstance(parameter, click.Option) and parameter.multiple and parameter.metavar == MANY
            for name in parameter.opts
        )
        return super().parse_args(ctx, spread(args, names))


def many_values(*names: str, help: str) -> Any:  # noqa: A002 - click's word
    """An option of a ``ManyValuesCommand``."""
    return click.option(*names, multiple=True, metavar=MANY, help=help)
