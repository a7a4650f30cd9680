"""The command line of an app, and running it as a process.

Owns: ``python views.py worker|send|agents|tables``, and the signals SIGTERM and SIGINT.
Must not know: how an app starts or stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.aio.deadline import wait_for
from streamz_core.app import topology_commands
from streamz_core.app.exit_codes import exit_with

if TYPE_CHECKING:
    from streamz_core.app.services import Startable

logger: Final = logging.getLogger(__name__)

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_LEVELS: Final = ("debug", "info", "warn", "warning", "error", "critical")


def command_line(app: Startable) -> click.Group:
    """The click group of an app."""

    @click.group(help=f"The stream app {app.id!r} at {app.conf.broker}.")
    def group() -> None:
        pass

    @group.command(help="Run the app until SIGTERM or SIGINT.")
    @click.option("-l", "--loglevel", default="warn", type=click.Choice(_LEVELS), show_default=True)
    @click.option("--accept-destructive", is_flag=True, help="Start even where state is lost; see `plan`.")
    def worker(loglevel: str, accept_destructive: bool) -> None:
        if accept_destructive:
            app.reconfigure(accept_destructive=True)
        logging.basicConfig(
            level={"WARN": "WARNING"}.get(loglevel.upper(), loglevel.upper()),
            format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        )
        from streamz_core.app import own_process

        own_process.tune()
        exit_with(lambda: asyncio.run(run(app)))

    @group.command(help="Send one record to a topic (NAME), or to an agent's topic (@AGENT).")
    @click.argument("entity")
    @click.argument("value")
    @click.option("-k", "--key", help="The record's key.")
    @click.option("--partition", type=int, help="The partition; else the key decides.")
    def send(entity: str, value: str, key: str | None, partition: int | None) -> None:
        exit_with(lambda: click.echo(asyncio.run(_send(app, entity, value, key, partition))))

    @group.command(help="List the agents and their topics.")
    def agents() -> None:
        for agent in app.agents.values():
            click.echo(f"{agent.name}\t{', '.join(agent.get_topic_names())}\t{_first_line(agent.help)}")

    @group.command(help="List the tables.")
    def tables() -> None:
        for table in app.tables.values():
            click.echo(f"{table.name}\t{'windowed' if table.window else 'plain'}\t{_first_line(table.help)}")

    topology_commands.add_to(group, app)
    return group


async def run(app: Startable) -> None:
    """Run the app until a signal or a failure; raises the failure.

    The first signal stops it gracefully within its ``shutdown_timeout``; a second one ends the process
    at once, which costs no data: it goes on from its last commit.
    """
    stop_wanted = asyncio.Event()
    with _signals(stop_wanted):
        await app.start()
        failed = asyncio.ensure_future(app.wait_failed())
        stopped = asyncio.ensure_future(stop_wanted.wait())
        try:
            await asyncio.wait((failed, stopped), return_when=asyncio.FIRST_COMPLETED)
            failure = failed.result() if failed.done() else None
        finally:
            failed.cancel()
            stopped.cancel()
            await _stop(app)
        if failure is not None:
            raise failure


async def _stop(app: Startable) -> None:
    limit_ms = app.conf.milliseconds("shutdown_timeout")
    await wait_for(
        app.clock, app.stop(), limit_ms, what=f"stopping app {app.id!r} (setting 'shutdown_timeout')"
    )


@contextlib.contextmanager
def _signals(stop_wanted: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def on_signal(number: signal.Signals) -> None:
        if stop_wanted.is_set():  # it came before the first one was looked at, and is the second one still
            signal.raise_signal(number)
        logger.info("%s: stopping; once more ends the process at once", number.name)
        stop_wanted.set()
        for one in _SIGNALS:
            loop.remove_signal_handler(one)
            signal.signal(one, signal.SIG_DFL)

    for number in _SIGNALS:
        # Where the loop cannot (Windows, another thread), Python's own SIGINT stays: KeyboardInterrupt.
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                loop.remove_signal_handler(number)
                signal.signal(number, before[number])


async def _send(app: Startable, entity: str, value: str, key: str | None, partition: int | None) -> str:
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
