"""Options of Kafka's tools that have nothing to act on here.

Owns: refusing those that scripts rely on, with the reason, and taking those that only tune a client.
Must not know: any verb.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from streamz_core.cli.options import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")


def refused(*names: str, because: str, is_flag: bool = False) -> Callable[[FunctionT], FunctionT]:
    """Options that are refused, and why: who gives one must not believe that it holds."""

    def refuse(context: click.Context, parameter: click.Parameter, value: object) -> None:
        del context
        if value:
            raise OptionError(f"{parameter.opts[0]}: {because}")

    def decorate(function: FunctionT) -> FunctionT:
        for name in names:
            option = click.option(name, is_flag=is_flag, hidden=True, expose_value=False, callback=refuse)
            function = option(function)
        return function

    return decorate


def of_no_effect(*names: str) -> Callable[[FunctionT], FunctionT]:
    """Options that are taken and change nothing anybody could see, such as the size of a buffer."""

    def decorate(function: FunctionT) -> FunctionT:
        for name in names:
            function = click.option(name, hidden=True, expose_value=False)(function)
        return function

    return decorate
