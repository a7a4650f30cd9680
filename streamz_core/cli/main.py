"""The ``streamz`` command: finds the verb, imports only that verb's module, runs it.

Owns: the table of verbs, exit codes, and the one line that an error becomes.
Must not know: what any verb does.

Exit codes: 0 done (also where the reader of the output went away); 1 it failed, for the reason on
standard error; 2 the command line is wrong; 130 interrupted.
"""

from __future__ import annotations

import difflib
import io
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

VERBS: Final[dict[str, tuple[str, str]]] = {
    "server": ("server", "Serve a data directory at a port, to any Kafka client."),
    "topics": ("topics", "List, create, describe, alter and delete topics."),
    "configs": ("configs", "Describe and change settings of topics and the broker."),
    "console-producer": ("console_producer", "Send lines of standard input to a topic."),
    "console-consumer": ("console_consumer", "Print the records of a topic."),
    "get-offsets": ("get_offsets", "Print the offsets of partitions at a time or an end."),
    "fork": ("fork", "Make a new topic with what another one had at a time."),
    "delete-records": ("delete_records", "Delete the records of partitions before an offset."),
    "groups": ("groups", "List, describe, reset and delete consumer groups."),
    "list-groups": ("list_groups", "List the groups of all types, as kafka-groups."),
    "transactions": ("transactions", "List, describe and end transactions, and find those that hang."),
    "acls": ("acls", "List, add and remove the entries that say who may do what."),
    "users": ("users", "List, add and remove the users that log in with a password."),
    "worker": ("worker", "Run a stream application, as one process or several."),
    "app": ("app", "Run, describe, plan and reset a stream application."),
    "streams-application-reset": (
        "streams_application_reset",
        "Have an application begin anew, as Kafka's tool.",
    ),
    "check": ("check", "Verify the format of a data directory."),
    "repair": ("repair", "Repair a damaged data directory; says what it would do first."),
    "backup": ("backup", "Copy a data directory that nobody has open."),
    "restore": ("restore", "Make a data directory out of a backup."),
    "dump-log": ("dump_log", "Print the files of a partition."),
    "completion": ("completion", "Print a script for the completion of a shell."),
    "kcat": ("kcat", "Read, write and list with the letters of kcat."),
    "producer-perf": ("producer_perf", "Measure how fast records are sent."),
    "consumer-perf": ("consumer_perf", "Measure how fast records are read."),
    "e2e-latency": ("end_to_end_latency", "Measure how long records are on their way."),
}
"""Verb -> (module in this package, one-line help). The module's command is called ``command``."""

PREFIX: Final = "kafka-"
KAFKA_NAMES: Final = {
    "consumer-groups": "groups",
    "consumer-perf-test": "consumer-perf",
    "end-to-end-latency": "e2e-latency",
    "kafka-groups": "list-groups",
    "kafkacat": "kcat",
    "producer-perf-test": "producer-perf",
}
_ONE_BROKER: Final = "there is one broker, and nothing to move between brokers"
_NO_CONTROLLER: Final = "there is no controller and no quorum"
ABSENT: Final = {
    "broker-api-versions": "Kafka's own tool works on the port; docs/wire.md says what is served",
    "client-metrics": "clients are asked for no metrics",
    "cluster": "the cluster id is in streamz.json of the data directory; Kafka's own tool works on the port",
    "delegation-tokens": "there are no delegation tokens; see streamz users",
    "features": "nothing is turned on by feature levels",
    "leader-election": _ONE_BROKER,
    "log-dirs": "the data directory is the only one: look into its log/; Kafka's own tool works on the port",
    "metadata-quorum": _NO_CONTROLLER,
    "metadata-shell": _NO_CONTROLLER,
    "mirror-maker": "topics are not mirrored; see streamz backup",
    "reassign-partitions": _ONE_BROKER,
    "replica-verification": "there is one copy; see streamz check",
    "server-start": "use streamz server",
    "server-stop": "use streamz server stop",
    "share-groups": "there are no share groups",
    "storage": "a data directory is made when it is first used; see streamz check",
    "streams-groups": "there are no streams groups; see streamz app",
}
"""What Kafka has a tool for and this command has no verb for, and why, or what to use in its place."""
INTERRUPTED: Final = 130
TRACEBACK_VARIABLE: Final = "STREAMZ_TRACEBACK"


class _LazyGroup(click.Group):
    """Imports a verb's module when it is run, so that ``--help`` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module; Kafka's ``kafka-`` prefix and ``.sh`` ending are accepted."""
        name = cmd_name.removesuffix(".sh")
        name = KAFKA_NAMES.get(name, name.removeprefix(PREFIX))
        name = KAFKA_NAMES.get(name, name)
        if name in ABSENT:
            ctx.fail(f"no command {cmd_name!r}: {ABSENT[name]}")
        if name not in VERBS:
            close = difflib.get_close_matches(name, VERBS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(VERBS)}"
            ctx.fail(f"no command {cmd_name!r}; {hint}")
        command: click.Command = import_module(f"streamz_core.cli.{VERBS[name][0]}").command
        if _VERSION_OF_VERBS not in command.params:
            command.params.append(_VERSION_OF_VERBS)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; a reader of its output that went away ends it quietly."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # What is still buffered cannot be written, and the interpreter's last flush must not try.
            sys.stdout = io.StringIO()
            ctx.exit(0)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line; whatever goes wrong is one line on standard error."""
        prog_name = prog_name or "streamz"  # also for python -m streamz_core
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.ClickException as error:
            _give_up(error.format_message(), error.exit_code, _help_of(error))
        except click.Abort:
            _give_up("interrupted", INTERRUPTED)
        except Exception as error:  # the process's outermost boundary: what comes here is a bug of ours
            if os.environ.get(TRACEBACK_VARIABLE):
                raise
            _give_up(
                f"this is a bug in streamz: {type(error).__name__}: {error}; "
                f"set {TRACEBACK_VARIABLE}=1 and report what is printed then",
                1,
            )
        sys.exit(code if isinstance(code, int) else 0)


def _help_of(error: click.ClickException) -> str:
    """Where to read about the options, for who used one wrongly."""
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return ""
    return f" (see: {error.ctx.command_path} --help)"


def _give_up(message: str, code: int, remedy: str = "") -> NoReturn:
    click.echo(f"Error: {' '.join(message.split())}{remedy}", err=True)
    sys.exit(code)


def _print_version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    from streamz_core.protocol.compiled import is_compiled

    try:
        number = version("streamz-core")
    except PackageNotFoundError:
        number = "(from a source tree)"
    click.echo(f"streamz {number} ({'compiled' if is_compiled() else 'pure Python'})")
    ctx.exit()


def _version_option(*, hidden: bool = False) -> click.Option:
    return click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print_version,
        help="Print the version and whether the hot modules are compiled.",
        hidden=hidden,
    )


_VERSION_OF_VERBS: Final = _version_option(hidden=True)
"""Each of Kafka's tools has it."""


@click.group(
    cls=_LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """A durable, partitioned log and stream processing in one process.

    Every verb takes --bootstrap-server: a data directory (file://./data or a plain path). Names of Kafka's
    tools are understood: kafka-topics, kafka-console-consumer, kafka-consumer-groups,
    kafka-groups, kafka-streams-application-reset.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)


main.params.append(_version_option())
