"""How every verb reaches the log: the address option, the link, and what errors become.

Owns: ``--bootstrap-server``, exit codes, and the translation of errors into one line on stderr.
Must not know: any verb.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from streamz_core.client import address as addresses
from streamz_core.client.local_link import open_link
from streamz_core.errors import ErrorCode, Misuse, StreamzError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from streamz_core.client.link import Link

ADDRESS_VARIABLE: Final = "STREAMZ_BOOTSTRAP_SERVER"
DEFAULT_ADDRESS: Final = "file://./data"
FORMAT_FILE: Final = "streamz.json"

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")
ResultT = TypeVar("ResultT")


class CommandError(click.ClickException):
    """A failure a user can act on: one line, exit code 1."""


def address_option(function: FunctionT) -> FunctionT:
    """Add ``--bootstrap-server``."""
    return click.option(
        "--bootstrap-server",
        "address",
        default=lambda: os.environ.get(ADDRESS_VARIABLE, DEFAULT_ADDRESS),
        metavar="ADDRESS",
        help=f"Data directory: file://path or a path. [env {ADDRESS_VARIABLE}; default {DEFAULT_ADDRESS}]",
    )(function)


@asynccontextmanager
async def connected(address: str, *, create: bool = False) -> AsyncIterator[Link]:
    """Open a link for the time of one command; a directory is made only where ``create`` says so."""
    if not create:
        require_directory(address)
    link = await open_link(address)
    try:
        yield link
    finally:
        await link.close()


def require_directory(address: str) -> None:
    """Refuse a data directory that is not there: reading must not make one."""
    parsed = addresses.parse(address)
    if isinstance(parsed, addresses.FileAddress) and not os.path.exists(
        os.path.join(parsed.path, FORMAT_FILE)
    ):
        raise CommandError(f"there is no data directory at {parsed.path}; name one with --bootstrap-server")


def run(coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run one command to its end; this project's and the system's errors become one line and exit 1."""
    try:
        return asyncio.run(coroutine)
    except (StreamzError, OSError) as error:
        raise CommandError(str(error)) from error


def pairs(options: tuple[str, ...], option: str) -> dict[str, str]:
    """Read repeated ``key=value`` options."""
    result: dict[str, str] = {}
    for text in options:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise Misuse(f"{option} takes key=value, got {text!r}")
        result[key.strip()] = value
    return result


def refuse(code: ErrorCode, message: str | None, subject: str) -> None:
    """Raise a ``CommandError`` for a code that is not NONE."""
    if code is not ErrorCode.NONE:
        raise CommandError(f"{subject}: {message or code.name}")
