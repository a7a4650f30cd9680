"""``streamz server``: serve a data directory to any Kafka client.

Owns: the options, running until a signal, running as a daemon, and ``stop``.
Must not know: how requests are answered; ``streamz_core.server`` does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.aio.deadline import sleep
from streamz_core.app import own_process
from streamz_core.cli.connection import CommandError, default_address, run
from streamz_core.cli.directories import any_path, directory_path
from streamz_core.cli.interruption import hangups, interruption
from streamz_core.cli.options import OptionError, options
from streamz_core.cli.server_security import security_config, security_options
from streamz_core.client.local_link import broker_of, is_local, open_link
from streamz_core.clock import SystemClock
from streamz_core.errors import Misuse
from streamz_core.log import layout
from streamz_core.log.errors import DirectoryOwned
from streamz_core.log.files import DiskFiles
from streamz_core.model import Durability
from streamz_core.server.server import Server
from streamz_core.server.server_config import ServerConfig

if TYPE_CHECKING:
    from streamz_core.broker.broker import Broker
    from streamz_core.server.security.security_config import SecurityConfig

DEFAULT_LISTEN: Final = "127.0.0.1:9092"
READY: Final = b"ready"
STOP_CHECK_MS: Final = 50
_LEVELS: Final = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class _Options:
    data: str
    listen: str
    advertise: str | None
    durability: str | None
    security: SecurityConfig


@click.group("server", invoke_without_command=True)
@options(
    click.option("--data", metavar="DIRECTORY", help="The data directory; made if it is not there. [./data]"),
    click.option("--listen", default=DEFAULT_LISTEN, show_default=True, metavar="HOST:PORT"),
    click.option(
        "--advertise", metavar="HOST:PORT", help="What clients are told to connect to, if not that."
    ),
    click.option(
        "--durability",
        type=click.Choice([level.value for level in Durability]),
        help="The most an acknowledgement waits for. [sync]",
    ),
    security_options,
    click.option("--daemon", is_flag=True, help="Return once it listens, and leave it running."),
    click.option(
        "--log-file", metavar="FILE", help="Where a daemon logs to. [the data directory's name + .log]"
    ),
    click.option("-l", "--log-level", type=click.Choice(_LEVELS), default="info", show_default=True),
    click.option("--ready-fd", type=int, hidden=True),
)
@click.pass_context
def command(  # noqa: PLR0917 - as many as there are options
    ctx: click.Context,
    /,
    data: str | None,
    listen: str,
    advertise: str | None,
    durability: str | None,
    daemon: bool,
    log_file: str | None,
    log_level: str,
    ready_fd: int | None,
    **security: Any,
) -> None:
    """Serve a data directory at a port: Kafka's own tools and clients of any language reach it there.

    Runs until SIGTERM or SIGINT, then answers what is in hand and closes the directory. A second signal
    ends it at once, which costs nothing that was acknowledged. Renewed certificates are used within 10
    seconds, at SIGHUP at once.
    """
    if ctx.invoked_subcommand is not None:
        return
    path = any_path(data or default_address())
    if daemon:
        click.echo(_start_daemon(path, log_file or f"{path}.log"))
        return
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    own_process.tune()
    _allow_many_files()
    run(_serve(_Options(path, listen, advertise, durability, _security(security)), ready_fd))


@command.command("stop")
@click.option("--data", metavar="DIRECTORY", help="The data directory it serves. [./data]")
@click.option("--timeout", default=30, show_default=True, help="Seconds to wait for its end.")
def stop(data: str | None, timeout: int) -> None:
    """Stop the server of a data directory, and wait until it has closed it."""
    path = directory_path(data or default_address())
    click.echo(run(_stop(path, timeout * 1_000)))


async def _serve(chosen: _Options, ready_fd: int | None) -> None:
    config = ServerConfig.at(chosen.listen, advertise=chosen.advertise, security=chosen.security)
    # Before the directory is made for nothing.
    config.security.check_bind(config.host)
    with interruption() as interrupted:
        durability = None if chosen.durability is None else Durability(chosen.durability)
        link = await open_link(f"file://{chosen.data}", durability=durability)
        try:
            if not is_local(link):
                raise _served_by_another(chosen.data)
            broker = broker_of(link)
            server = await Server.start(broker, replace(config, socket_path=broker.socket_path))
            try:
                click.echo(f"{chosen.data} is served at {server.address}")
                _say_ready(ready_fd)
                with hangups(server.renew_certificates):
                    await _until_failed(broker, server, interrupted)
            finally:
                await server.close()
        finally:
            await link.close()


async def _until_failed(broker: Broker, server: Server, interrupted: asyncio.Future[None]) -> None:
    """Return when interrupted; raise what makes it impossible to go on."""
    failures = [
        asyncio.create_task(broker.wait_failed(), name="broker failure"),
        asyncio.create_task(server.wait_failed(), name="server failure"),
    ]
    ends: list[asyncio.Future[Any]] = [interrupted, *failures]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for failure in failures:
            if failure.done():
                raise CommandError(f"the server failed: {failure.result()!r}")
    finally:
        for failure in failures:
            failure.cancel()


def _served_by_another(path: str) -> CommandError:
    owner = _owner(path)
    who = "another process" if owner is None or owner.pid is None else f"process {owner.pid}"
    doors = owner.note.split() if owner is not None else []
    where = "".join(f" at {door}" for door in doors if door.startswith("kafka://"))
    return CommandError(
        f"{path} is open in {who}, which serves it{where}: connect to that one, end it first (streamz server stop "
        f"--data {path}), or, if it is an app, have it listen (App(listen=...))"
    )


def _security(given: dict[str, Any]) -> SecurityConfig:
    try:
        return security_config(given)
    except Misuse as wrong:
        raise OptionError(str(wrong)) from wrong


def _allow_many_files() -> None:
    """Each connection and each open segment takes one: as many as the system lets this process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _say_ready(ready_fd: int | None) -> None:
    if ready_fd is not None:
        with socket.socket(fileno=ready_fd) as parent:
            parent.sendall(READY)


def _start_daemon(path: str, log_file: str) -> str:
    """Run this very command line in a session of its own; what to say once it listens."""
    arguments = [one for one in sys.argv[1:] if one != "--daemon"]
    log = logging.FileHandler(log_file)
    here, there = socket.socketpair()
    with here:
        with there:
            process = subprocess.Popen(  # noqa: S603 - this program, with the arguments it was given
                [sys.executable, "-m", "streamz_core", *arguments, "--ready-fd", str(there.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log.stream,
                stderr=log.stream,
                start_new_session=True,
                pass_fds=(there.fileno(),),
            )
        log.close()
        if here.recv(len(READY)) != READY:
            raise CommandError(f"the server of {path} did not start: {log_file} says why")
    return f"the server of {path} runs as process {process.pid}; it logs to {log_file}"


async def _stop(path: str, timeout_ms: int) -> str:
    owner = _owner(path)
    if owner is None:
        return f"nobody serves {path}"
    if owner.pid is None or not owner.note:
        raise CommandError(f"{owner}; it is no server, so it is left alone")
    os.kill(owner.pid, signal.SIGTERM)
    clock = SystemClock()
    until_ms = clock.monotonic_ms() + timeout_ms
    while (still := _owner(path)) is not None and still.pid == owner.pid:
        if clock.monotonic_ms() >= until_ms:
            raise CommandError(f"process {owner.pid} has not given up {path} within {timeout_ms} ms")
        await sleep(clock, STOP_CHECK_MS)
    return f"process {owner.pid} has stopped"


def _owner(path: str) -> DirectoryOwned | None:
    """Who holds the data directory."""
    try:
        DiskFiles().lock(os.path.join(path, layout.LOCK_FILE)).release()
    except DirectoryOwned as owned:
        return owned
    return None
