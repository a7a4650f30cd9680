"""``streamz app``: the commands of a stream application, found by its name.

Owns: finding the app that ``views:app`` names, and resetting one without its program.
Must not know: what the commands do (``app.command_line``).
"""

from __future__ import annotations

import os
import sys
from functools import partial
from importlib import import_module
from typing import Any, Final

import click

from streamz_core.app.app import App
from streamz_core.app.command_line import COMMANDS
from streamz_core.app.reset import reset_by_id
from streamz_core.app.topology_commands import refuse_both, reset, show_reset
from streamz_core.cli.client_settings import settings_for
from streamz_core.cli.connection import ADDRESS_VARIABLE, default_address, require_directory, run
from streamz_core.cli.options import OptionError
from streamz_core.client.address import parse

DEFAULT_NAME: Final = "app"
THIS_DIRECTORY: Final = ""
"""As ``sys.path`` has it."""
_NEEDED: Final = "name the app: MODULE:ATTRIBUTE, for instance views:app for 'app = App(…)' in views.py"


@click.group("app")
def command() -> None:
    """Run, describe, plan and reset a stream application.

    MODULE:ATTRIBUTE names it: views:app is what 'app' is in views.py of this directory, shop.views:make_app
    may be a function that makes it. What is left out is 'app'.
    """


def find_app(name: str) -> App:
    """The app that ``module:attribute`` names; raises ``OptionError`` that says what there is instead."""
    module_name, _, attribute = name.partition(":")
    module_name = module_name.removesuffix(".py").replace(os.sep, ".").strip(".")
    if not module_name:
        raise OptionError(f"{_NEEDED}; got {name!r}")
    module = _imported(module_name, name)
    found = getattr(module, attribute or DEFAULT_NAME, None)
    if not isinstance(found, (App, type)) and callable(found):
        found = found()
    if not isinstance(found, App):
        apps = [known for known, value in vars(module).items() if isinstance(value, App)]
        what = "is not there" if found is None else f"is no App: {found!r}"
        raise OptionError(
            f"{name}: {attribute or DEFAULT_NAME!r} of module {module_name!r} {what}; "
            f"its apps: {', '.join(apps) or 'none'}"
        )
    return found


def _imported(module_name: str, name: str) -> Any:
    if THIS_DIRECTORY not in sys.path:
        sys.path.insert(0, THIS_DIRECTORY)
    try:
        return import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise OptionError(f"{name}: importing {module_name!r} failed: {error}") from error
        raise OptionError(
            f"{name}: there is no module {module_name!r} in this directory or on the path"
        ) from error
    except Exception as error:  # whatever the user's module does when it is imported
        raise OptionError(f"{name}: importing {module_name!r} failed: {error!r}") from error


def _params() -> list[click.Parameter]:
    """What says which app is meant."""
    return [
        click.Argument(["target"], required=False, metavar="[MODULE:ATTRIBUTE]"),
        click.Option(["--app", "named"], metavar="MODULE:ATTRIBUTE", help="The same as an option."),
        click.Option(
            ["--bootstrap-server", "address"],
            metavar="ADDRESS",
            help="The app's broker, in the place of the one it names itself.",
        ),
    ]


def _chosen(given: dict[str, Any]) -> str | None:
    target: str | None = given.pop("target")
    named: str | None = given.pop("named")
    if target and named:
        raise click.UsageError("name the app once: as the argument, or by --app")
    return target or named


def _use(name: str, address: str | None) -> None:
    """Make the app of this name the one that the command is about."""
    app = find_app(name)
    if address is not None:
        app.reconfigure(broker=address)
    click.get_current_context().obj = app


def _on_named(inner: click.Command) -> click.Command:
    """A command of an app's own command line, as one that is told which app is meant."""

    def invoke(address: str | None, **given: Any) -> Any:
        name = _chosen(given)
        if name is None:
            raise click.UsageError(_NEEDED)
        _use(name, address)
        assert inner.callback is not None
        return inner.callback(**given)

    return click.Command(
        inner.name,
        callback=invoke,
        params=[*_params(), *inner.params],
        help=inner.help,
        no_args_is_help=False,
    )


def _reset(application_id: str | None, address: str | None, execute: bool, **given: Any) -> None:
    name = _chosen(given)
    if (name is None) is (application_id is None):
        raise click.UsageError(f"give --application-id, or {_NEEDED}")
    if name is not None:
        _use(name, address)
        assert reset.callback is not None
        reset.callback(execute=execute, **given)
        return
    refuse_both(execute, given["dry_run"])
    reset_application(str(application_id), address or default_address(), given, execute=execute)


def reset_application(
    application_id: str, address: str, given: dict[str, Any], *, execute: bool, remedy: str = "add --execute"
) -> None:
    """Reset an application of which only the id is at hand; ``remedy`` ends a dry run."""
    require_directory(parse(address))
    carry_out = partial(
        reset_by_id, application_id, address, dry_run=not execute, settings=settings_for(address)
    )
    run(show_reset(carry_out, given, execute=execute, remedy=remedy))


def application_id_option(*, required: bool = False) -> click.Option:
    """``--application-id``."""
    return click.Option(
        ["--application-id"],
        metavar="ID",
        required=required,
        help="The application, where its program is not at hand: what it has noted of itself is reset.",
    )


for _command in COMMANDS:
    if _command is not reset:
        command.add_command(_on_named(_command))
command.add_command(
    click.Command(
        "reset",
        callback=_reset,
        params=[*_params(), application_id_option(), *reset.params],
        help=reset.help,
        epilog=f"Without --bootstrap-server, --application-id looks at {ADDRESS_VARIABLE}, or at ./data.",
    )
)
