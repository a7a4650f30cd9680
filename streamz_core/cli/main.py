"""The ``streamz`` command: finds the verb, imports only that verb's module, runs it.

Owns: the table of verbs.
Must not know: what any verb does.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

VERBS: Final[dict[str, tuple[str, str]]] = {
    "topics": ("topics", "List, create, describe, alter and delete topics."),
    "console-producer": ("console_producer", "Send lines of standard input to a topic."),
    "console-consumer": ("console_consumer", "Print the records of a topic."),
    "groups": ("groups", "List, describe, reset and delete consumer groups."),
    "check": ("check", "Verify the format of a data directory."),
    "repair": ("repair", "Repair a damaged data directory; says what it would do first."),
    "backup": ("backup", "Copy a data directory that nobody has open."),
    "restore": ("restore", "Make a data directory out of a backup."),
    "dump-log": ("dump_log", "Print the files of a partition."),
}
"""Verb -> (module in this package, one-line help). The module's command is called ``command``."""


class _LazyGroup(click.Group):
    """Imports a verb's module when it is run, so that ``--help`` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module; Kafka's ``kafka-`` prefix and ``.sh`` ending are accepted."""
        name = cmd_name.removeprefix("kafka-").removesuffix(".sh")
        name = {"consumer-groups": "groups"}.get(name, name)
        if name not in VERBS:
            return None
        command: click.Command = import_module(f"streamz_core.cli.{VERBS[name][0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    from streamz_core.protocol.compiled import is_compiled

    click.echo(f"streamz {version('streamz-core')} ({'compiled' if is_compiled() else 'pure Python'})")
    ctx.exit()


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version and whether the hot modules are compiled.",
)
def main() -> None:
    """A durable, partitioned log and stream processing in one process.

    Every verb takes --bootstrap-server: a data directory (file://./data or a plain path).
    """
