"""The command line of an app.

Owns: ``python views.py worker|send|agents|tables``, and the group of all commands.
Must not know: how an app runs (``worker``), what the commands about its topology do (``topology_commands``).

A command finds its app as the click context's object, so that ``streamz app`` has the very same commands.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.app import topology_commands
from streamz_core.app.exit_codes import exit_with
from streamz_core.app.restore_bar import restores_shown
from streamz_core.app.workers import OPTION, own_command, run_workers

if TYPE_CHECKING:
    from streamz_core.app.services import Startable

_LEVELS: Final = ("debug", "info", "warn", "warning", "error", "critical")


def command_line(app: Startable) -> click.Group:
    """The click group of an app."""

    @click.group(help=f"The stream app {app.id!r} at {app.conf.broker}.")
    @click.pass_context
    def group(context: click.Context) -> None:
        context.obj = app

    for command in COMMANDS:
        group.add_command(command)
    group.add_command(_send)
    return group


@click.command(help="Run the app until SIGTERM or SIGINT.")
@click.option("-l", "--loglevel", default="warn", type=click.Choice(_LEVELS), show_default=True)
@click.option("--accept-destructive", is_flag=True, help="Start even where state is lost; see `plan`.")
@click.option(
    OPTION,
    "count",
    type=click.IntRange(1),
    help="Run so many processes that share the partitions, and start again those that die.",
)
@click.pass_obj
def worker(app: Startable, loglevel: str, accept_destructive: bool, count: int | None) -> None:
    """Run the app as this process."""
    if accept_destructive:
        app.reconfigure(accept_destructive=True)
    with restores_shown(app) as handler:
        logging.basicConfig(
            level={"WARN": "WARNING"}.get(loglevel.upper(), loglevel.upper()),
            format="%(asctime)s %(levelname)s %(name)s: %(message)s",
            handlers=[handler],
        )
        _run(app, count)


def _run(app: Startable, count: int | None) -> None:
    from streamz_core.app import own_process
    from streamz_core.app.worker import run

    own_process.tune()
    if count is not None:
        exit_with(lambda: asyncio.run(run_workers(app, count, own_command())))
        return
    exit_with(lambda: asyncio.run(run(app, own_process.begin_anew)))


@click.command(help="List the agents and their topics.")
@click.pass_obj
def agents(app: Startable) -> None:
    """A line for each."""
    for agent in app.agents.values():
        click.echo(f"{agent.name}\t{', '.join(agent.get_topic_names())}\t{_first_line(agent.help)}")


@click.command(help="List the tables.")
@click.pass_obj
def tables(app: Startable) -> None:
    """A line for each."""
    for table in app.tables.values():
        click.echo(f"{table.name}\t{'windowed' if table.window else 'plain'}\t{_first_line(table.help)}")


COMMANDS: Final = (worker, agents, tables, *topology_commands.COMMANDS)
"""Those that need nothing but the app."""


@click.command("send", help="Send one record to a topic (NAME), or to an agent's topic (@AGENT).")
@click.argument("entity")
@click.argument("value")
@click.option("-k", "--key", help="The record's key.")
@click.option("--partition", type=int, help="The partition; else the key decides.")
@click.pass_obj
def _send(app: Startable, entity: str, value: str, key: str | None, partition: int | None) -> None:
    exit_with(lambda: click.echo(asyncio.run(_sent(app, entity, value, key, partition))))


async def _sent(app: Startable, entity: str, value: str, key: str | None, partition: int | None) -> str:
    topic = _target(app, entity)
    async with app.client() as client:
        sent = await client.produce(
            topic, key.encode() if key is not None else None, value.encode(), partition, None, ()
        )
        metadata: Any = await sent
    return f"{metadata.topic}-{metadata.partition} offset {metadata.offset}"


def _target(app: Startable, entity: str) -> str:
    if not entity.startswith("@"):
        return entity
    agent = app.agents.get(entity[1:])
    if agent is None:
        raise click.BadParameter(f"no agent {entity!r}; there are: {', '.join(app.agents) or 'none'}")
    return str(agent.get_topic_names()[0])


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""
