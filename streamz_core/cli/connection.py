"""How every verb reaches the log: the address option, the link, and what errors become.

Owns: ``--bootstrap-server``, ``--command-config``, and the translation of errors into click's.
Must not know: any verb.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import click
from click.core import ParameterSource

from streamz_core.cli.client_properties import ADMIN, arguments
from streamz_core.cli.options import OptionError, options, properties
from streamz_core.cli.security_properties import security_arguments, split
from streamz_core.client import address as addresses
from streamz_core.client.local_link import open_link
from streamz_core.client.settings import SettingError, check_connection, link_settings
from streamz_core.client.tcp.link_settings import LinkSettings
from streamz_core.errors import ErrorCode, StreamzError
from streamz_core.log import layout
from streamz_core.log.files import DiskFiles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from streamz_core.client.link import Link

ADDRESS_VARIABLE: Final = "STREAMZ_BOOTSTRAP_SERVER"
DEFAULT_ADDRESS: Final = "file://./data"

_SETTINGS: Final = "streamz.command-config"
_DEFAULTS: Final[dict[str, Any]] = {
    "client_id": "streamz-cli",
    "request_timeout_ms": 40_000,
    "security_protocol": "PLAINTEXT",
    "ssl_context": None,
    "sasl_mechanism": "PLAIN",
    "sasl_plain_username": None,
    "sasl_plain_password": None,
    "sasl_oauth_token_provider": None,
}

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")
ResultT = TypeVar("ResultT")


class _Settings(NamedTuple):
    """What ``--command-config`` says."""

    path: str | None
    arguments: dict[str, Any]


class CommandError(click.ClickException):
    """A failure a user can act on: one line, exit code 1."""


def address_option(function: FunctionT) -> FunctionT:
    """Add ``--bootstrap-server``."""
    return click.option(
        "--bootstrap-server",
        "address",
        default=default_address,
        metavar="ADDRESS",
        help="A data directory (file://path or a path), or host:port of a broker. "
        f"[env {ADDRESS_VARIABLE}; default {DEFAULT_ADDRESS}]",
    )(function)


def admin_options(function: FunctionT) -> FunctionT:
    """Add the options of verbs that ask the broker and neither produce nor consume."""
    config = click.option(
        "--command-config",
        metavar="FILE",
        callback=_admin_config,
        expose_value=False,
        help="A properties file for the client.",
    )
    return options(address_option, config)(function)


def chosen_address(context: click.Context, address: str) -> str:
    """Of a verb with subcommands: the address behind the subcommand, else the one before it (``context.obj``)."""
    is_given = context.get_parameter_source("address") is ParameterSource.COMMANDLINE
    return address if is_given else str(context.obj)


def default_address() -> str:
    """The address where none is given."""
    return os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS


def _admin_config(context: click.Context, _parameter: click.Parameter, path: str | None) -> None:
    """Keep what the file says for ``connected``; with subcommands it may stand before their name or behind it."""
    if path is None and _SETTINGS in context.meta:
        return
    given = properties(path, (), file_option="--command-config", option="")
    about_security, others = split(given)
    said = arguments(others, ADMIN, "--command-config")
    said |= security_arguments(about_security, "--command-config")
    context.meta[_SETTINGS] = _Settings(path, said)


def _link_settings(address: str) -> LinkSettings:
    """How to connect to ``address``, as ``--command-config`` says."""
    context = click.get_current_context(silent=True)
    kept: _Settings | None = None if context is None else context.meta.get(_SETTINGS)
    if kept is None:
        return LinkSettings()
    given = {**_DEFAULTS, **kept.arguments}
    try:
        check_connection(
            address,
            security_protocol=given["security_protocol"],
            sasl_mechanism=given["sasl_mechanism"],
            ssl_context=given["ssl_context"],
        )
        return link_settings(**{name: given[name] for name in _DEFAULTS})
    except SettingError as error:
        raise OptionError(f"--command-config {kept.path}: {error}") from error


@asynccontextmanager
async def connected(address: str, *, create: bool = False) -> AsyncIterator[Link]:
    """Open a link for the time of one command; a directory is made only where ``create`` says so."""
    if not create:
        require_directory(addresses.parse(address))
    link = await open_link(address, settings=_link_settings(address))
    try:
        yield link
    finally:
        await link.close()


def require_directory(address: addresses.Address) -> None:
    """Refuse a data directory that is not there: reading must not make one."""
    if not isinstance(address, addresses.FileAddress):
        return
    path = os.path.expanduser(address.path)
    signs = (layout.FORMAT_FILE, layout.CATALOG_FILE, layout.LOG_DIRECTORY)
    if not any(DiskFiles().exists(os.path.join(path, sign)) for sign in signs):
        raise CommandError(f"there is no data directory at {path}; name one with --bootstrap-server")


def run(coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run one command to its end; errors become a ``ClickException``, which ``main`` prints as one line."""
    try:
        return asyncio.run(coroutine)
    except BrokenPipeError:
        raise  # whoever read the output has had enough: main ends quietly
    except (addresses.AddressError, SettingError) as error:
        raise OptionError(str(error)) from error
    except (StreamzError, OSError) as error:
        raise CommandError(str(error)) from error


def refuse(code: ErrorCode, message: str | None, subject: str) -> None:
    """Raise a ``CommandError`` for a code that is not NONE."""
    if code is not ErrorCode.NONE:
        raise CommandError(f"{subject}: {message or code.name}")


def refuse_all(failures: list[str]) -> None:
    """Raise one ``CommandError`` for what failed among several things that were each tried."""
    if failures:
        raise CommandError("; ".join(failures))
