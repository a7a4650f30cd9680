"""The commands of an app that are about what it consists of.

Owns: ``python views.py describe|explain|plan|reset``.
Must not know: how any of it is found out.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import click

from streamz_core.app.exit_codes import exit_with

if TYPE_CHECKING:
    from streamz_core.app.services import Startable

DESTRUCTIVE: Final = 3
"""The exit code of ``plan`` where state would be lost."""
_FORMS: Final = ("text", "mermaid", "json")


def add_to(group: click.Group, app: Startable) -> None:
    """Add the commands of ``app``."""

    @group.command(help="Show what the app consists of: sub-topologies, sources, steps, stores, sinks.")
    @click.option("--format", "form", default="text", type=click.Choice(_FORMS), show_default=True)
    def describe(form: str) -> None:
        exit_with(lambda: click.echo(app.describe(form), nl=False))

    @group.command(help="Show what starting this version would change; exit code 3 where state is lost.")
    def plan() -> None:
        exit_with(lambda: _show_plan(app))

    @group.command(help="Have the app begin anew: input offsets reset, its own topics and state deleted.")
    @click.option("--to", default="earliest", type=click.Choice(("earliest", "latest")), show_default=True)
    @click.option("--execute", is_flag=True, help="Do it; without, it is only shown.")
    def reset(to: str, execute: bool) -> None:
        exit_with(lambda: _reset(app, to, execute=execute))

    @group.command(help="Show how records pass through the steps of the app's streams.")
    def explain() -> None:
        exit_with(lambda: click.echo(app.explain(), nl=False))


def _show_plan(app: Startable) -> None:
    from streamz_core.app.planning import planned

    found = asyncio.run(planned(app))
    click.echo(str(found))
    if found.is_destructive:
        raise SystemExit(DESTRUCTIVE)


def _reset(app: Startable, to: str, *, execute: bool) -> None:
    from streamz_core.app.reset import reset

    click.echo(str(asyncio.run(reset(app, to, dry_run=not execute))))
    if not execute:
        click.echo("Nothing was changed: this is a dry run; add --execute to do it.", err=True)
