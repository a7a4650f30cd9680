"""How every verb reaches the log: the address option, the link, and what errors become.

Owns: ``--bootstrap-server``, ``--command-config``, and the translation of errors into click's.
Must not know: any verb.
"""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from click.core import ParameterSource

from streamz_core.cli.client_properties import ADMIN
from streamz_core.cli.client_settings import client_arguments, settings_for
from streamz_core.cli.options import OptionError, options, properties
from streamz_core.client import address as addresses
from streamz_core.client.client_errors import KafkaConnectionError
from streamz_core.client.local_link import open_link
from streamz_core.client.settings import SettingError
from streamz_core.errors import ErrorCode, StreamzError
from streamz_core.log import layout
from streamz_core.log.files import DiskFiles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from streamz_core.client.link import Link

ADDRESS_VARIABLE: Final = "STREAMZ_BOOTSTRAP_SERVER"
DEFAULT_ADDRESS: Final = "file://./data"

_ERROR_NUMBER: Final = re.compile(r"^\[Error -?\d+\] ")
FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")
ResultT = TypeVar("ResultT")


class CommandError(click.ClickException):
    """A failure a user can act on: one line, exit code 1."""


class Interrupted(CommandError):
    """A signal came before the end: who relies on the work must know that it was not done whole."""

    exit_code = 130


def address_option(function: FunctionT) -> FunctionT:
    """Add ``--bootstrap-server``."""
    return click.option(
        "--bootstrap-server",
        "address",
        default=default_address,
        metavar="ADDRESS",
        help=f"host:port of a broker, or a data directory. [env {ADDRESS_VARIABLE}; default {DEFAULT_ADDRESS}]",
    )(function)


def admin_options(function: FunctionT) -> FunctionT:
    """Add the options of verbs that ask the broker and neither produce nor consume."""
    config = click.option(
        "--command-config",
        "--config-file",
        metavar="FILE",
        callback=_use_admin_config,
        expose_value=False,
        help="A properties file for the client, such as sasl.jaas.config=… and ssl.truststore.location=….",
    )
    return options(address_option, config)(function)


def chosen_address(context: click.Context, address: str) -> str:
    """Of a verb with subcommands: the address behind the subcommand, else the one before it (``context.obj``)."""
    is_given = context.get_parameter_source("address") is ParameterSource.COMMANDLINE
    return address if is_given else str(context.obj)


def default_address() -> str:
    """The address where none is given."""
    return os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS


def _use_admin_config(_context: click.Context, _parameter: click.Parameter, path: str | None) -> None:
    given = properties(path, (), file_option="--command-config", option="")
    client_arguments(given, ADMIN, "--command-config")


@asynccontextmanager
async def connected(address: str, *, create: bool = False) -> AsyncIterator[Link]:
    """Open a link for the time of one command; a directory is made only where ``create`` says so."""
    if not create:
        require_directory(addresses.parse(address))
    link = await open_link(address, settings=settings_for(address))
    try:
        yield link
    finally:
        await link.close()


def require_directory(address: addresses.Address, remedy: str = "name one with --bootstrap-server") -> None:
    """Refuse a data directory that is not there: reading must not make one."""
    if not isinstance(address, addresses.FileAddress):
        return
    path = os.path.expanduser(address.path)
    try:
        found = DiskFiles().listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        found = []
    except OSError as error:
        raise failure(error) from error
    if not {layout.FORMAT_FILE, layout.CATALOG_FILE, layout.LOG_DIRECTORY}.intersection(found):
        raise CommandError(f"there is no data directory at {path}; {remedy}")


def run(coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run one command to its end; errors become a ``ClickException``, which ``main`` prints as one line."""
    try:
        return asyncio.run(coroutine)
    except BrokenPipeError:
        raise  # whoever read the output has had enough: main ends quietly
    except (addresses.AddressError, SettingError) as error:
        raise OptionError(_said(error)) from error
    except (StreamzError, OSError) as error:
        raise failure(error) from error


def failure(error: Exception) -> CommandError:
    """What an error is at the command line."""
    if isinstance(error, PermissionError) and error.filename is not None:
        return CommandError(
            f"no permission for {error.filename}; give this user access to it, or run as its owner"
        )
    if isinstance(error, KafkaConnectionError):
        return CommandError(f"{_said(error)}; is it the right address, and is a server running there?")
    return CommandError(_said(error))


def _said(error: Exception) -> str:
    """The message without what aiokafka's errors begin with, which people at a terminal need not read."""
    return _ERROR_NUMBER.sub("", str(error)).removeprefix(f"{type(error).__name__}: ")


def refuse(code: ErrorCode, message: str | None, subject: str) -> None:
    """Raise a ``CommandError`` for a code that is not NONE."""
    if code is not ErrorCode.NONE:
        raise CommandError(f"{subject}: {message or code.name}")


def refuse_all(failures: list[str]) -> None:
    """Raise one ``CommandError`` for what failed among several things that were each tried."""
    if failures:
        raise CommandError("; ".join(failures))
