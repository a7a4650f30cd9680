"""The commands of an app that are about what it consists of.

Owns: ``describe``, ``explain``, ``plan`` and ``reset``, on the app's own command line and on ``streamz app``.
Must not know: how any of it is found out, how the app was found.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.app.exit_codes import exit_with
from streamz_core.app.reset_options import reset_options
from streamz_core.progress_bar import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from streamz_core.app.reset import Reset, ResetOptions
    from streamz_core.app.services import Startable

DESTRUCTIVE: Final = 3
"""The exit code of ``plan`` where state would be lost."""
_FORMS: Final = ("text", "mermaid", "json")


@click.command(help="Show what the app consists of: sub-topologies, sources, steps, stores, sinks.")
@click.option("--format", "form", default="text", type=click.Choice(_FORMS), show_default=True)
@click.pass_obj
def describe(app: Startable, form: str) -> None:
    """Print the description."""
    exit_with(lambda: click.echo(app.describe(form), nl=False))


@click.command(help="Show how records pass through the steps of the app's streams.")
@click.pass_obj
def explain(app: Startable) -> None:
    """Print the explanation."""
    exit_with(lambda: click.echo(app.explain(), nl=False))


@click.command(help="Show what starting this version would change; exit code 3 where state is lost.")
@click.pass_obj
def plan(app: Startable) -> None:
    """Print the plan."""
    exit_with(lambda: _show_plan(app))


@click.command(help="Have the app begin anew: input offsets reset, its own topics and state deleted.")
@reset_options
@click.option("--execute", is_flag=True, help="Do it; without, it is only shown.")
@click.pass_obj
def reset(app: Startable, /, execute: bool, **given: Any) -> None:
    """Show what a reset does, or do it."""
    refuse_both(execute, given["dry_run"])

    def work() -> None:
        from streamz_core.app.reset import reset as reset_app

        carry_out = partial(reset_app, app, dry_run=not execute)
        asyncio.run(show_reset(carry_out, given, execute=execute))

    exit_with(work)


COMMANDS: Final[tuple[click.Command, ...]] = (describe, explain, plan, reset)


def refuse_both(execute: bool, dry_run: bool) -> None:
    """Raise where both are asked for."""
    if execute and dry_run:
        raise click.UsageError("--execute and --dry-run exclude each other")


async def show_reset(
    carry_out: Callable[[ResetOptions], Coroutine[Any, Any, Reset]],
    given: dict[str, Any],
    *,
    execute: bool,
    remedy: str = "add --execute",
) -> None:
    """Do what ``given`` says, as click has it, and print what that is. Raises ``Misuse``.

    ``remedy`` is how to have done what was only shown.
    """
    from streamz_core.app.reset import ResetOptions
    from streamz_core.client.reset_target import target_of

    with progress_bar(is_wanted=execute) as bar:
        options = ResetOptions(
            target=target_of(given, "to_earliest"),
            input_topics=given["input_topics"],
            internal_topics=given["internal_topics"],
            force=given["force"],
            progress=bar,
        )
        done = await carry_out(options)
    click.echo(str(done))
    if not execute:
        click.echo(f"Nothing was changed: this is a dry run; {remedy} to do it.", err=True)


def _show_plan(app: Startable) -> None:
    from streamz_core.app.planning import planned

    found = asyncio.run(planned(app))
    click.echo(str(found))
    if found.is_destructive:
        raise SystemExit(DESTRUCTIVE)
