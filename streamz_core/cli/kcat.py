"""``streamz kcat``: kcat's modes, letters and habits on a data directory or an address.

Owns: the letters and what each mode needs of them.
Must not know: how a mode does its work (``kcat_modes``).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.cli import kcat_modes as modes
from streamz_core.cli.client_properties import ADMIN, CONSUMER, PRODUCER, as_producers_have_it
from streamz_core.cli.client_settings import client_arguments
from streamz_core.cli.connection import default_address, run
from streamz_core.cli.foreign_options import of_no_effect, refused
from streamz_core.cli.kcat_format import NULL_TEXT, KcatFormat, unescaped
from streamz_core.cli.kcat_json import envelope
from streamz_core.cli.names_there import group_names, topic_names
from streamz_core.cli.options import OptionError, options, pairs, properties
from streamz_core.cli.record_offset import StartOffset

if TYPE_CHECKING:
    from collections.abc import Callable

    Action = Callable[[dict[str, Any], dict[str, str]], None]

CONFIG_VARIABLE: Final = "KCAT_CONFIG"
_OF_TOPICS: Final = "topic."
"""What librdkafka's settings of topics may begin with."""


def _version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        context.invoke(context.find_root().command.main, ["--version"])


_modes = options(
    click.option("-C", "mode", flag_value="consume", help="Print records (the default at a terminal)."),
    click.option("-P", "mode", flag_value="produce", help="Send lines of standard input."),
    click.option("-L", "mode", flag_value="list", help="List topics and partitions."),
    click.option("-Q", "mode", flag_value="query", help="Print offsets for -t topic:partition:timestamp."),
    click.option(
        "-G", "group", shell_complete=group_names, metavar="GROUP", help="Read as a member: -G GROUP TOPIC…"
    ),
)
_what = options(
    click.option(
        "-b", "address", default=default_address, metavar="ADDRESS", help="Broker or data directory."
    ),
    click.option(
        "-t",
        "topics",
        shell_complete=topic_names,
        multiple=True,
        metavar="TOPIC",
        help="The topic; -Q: topic:partition:timestamp.",
    ),
    click.option("-p", "partition", type=click.IntRange(-1), help="Only this partition; -P -p -1: any."),
    click.option(
        "-o",
        "start",
        metavar="OFFSET",
        help="beginning, end, stored, an offset, -N from the end, s@MS from, e@MS until a time; may be repeated.",
        multiple=True,
    ),
    click.option("-c", "count", type=click.IntRange(1), help="Stop after so many records."),
    click.option("-e", "exits", is_flag=True, help="Stop at the end of the topic."),
    click.option("-q", "quiet", is_flag=True, help="Say nothing on standard error."),
    click.option("-u", "unbuffered", is_flag=True, help="Flush after each record."),
)
_how = options(
    click.option(
        "-f", "format", metavar="FORMAT", help="%s %S %R value, size; %k %K key; %t %p %o %T %h; \\n."
    ),
    click.option("-J", "json_lines", is_flag=True, help="Records, or with -L topics, as JSON."),
    click.option("-K", "key_delimiter", metavar="TEXT", help="Between key and value."),
    click.option("-D", "delimiter", default="\\n", metavar="TEXT", help="After each record.  [default: \\n]"),
    click.option(
        "-Z", "nulls", is_flag=True, help="Nulls print as NULL; -P: empty keys and values are null."
    ),
    click.option("-k", "key", metavar="KEY", help="-P: the key of every record."),
    click.option("-H", "headers", multiple=True, metavar="K=V", help="-P: a header of every record."),
    click.option("-l", "is_lines", is_flag=True, help="-P -l FILE: each line of the file is a record."),
    click.option("-T", "tees", is_flag=True, help="-P: print what is sent, too."),
    click.option("-z", "codec", help="-P: gzip, snappy, lz4 or zstd."),
    click.option("-X", "settings", multiple=True, metavar="K=V", help="A client setting by Kafka's name."),
    click.argument("more", nargs=-1, metavar="[TOPIC…|FILE…]"),
    click.option(
        "-F",
        "config",
        metavar="FILE",
        help=f"A properties file with such settings. [env {CONFIG_VARIABLE}]",
    ),
    click.option(
        "-V",
        "version",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_version,
        help="The version.",
    ),
    of_no_effect("-m", "-d"),
    click.option("-v", "-E", "-O", "nothing", hidden=True, is_flag=True, expose_value=False),
    refused("-s", because="take console-consumer with --key-deserializer and --value-deserializer"),
    refused("-r", because="there is no schema registry here"),
)


@click.command("kcat")
@_modes
@_what
@_how
def command(mode: str | None, more: tuple[str, ...], **given: Any) -> None:
    """Read, write and list as kcat (kafkacat) does.

    -P FILE… sends each file as one record.
    """
    mode = mode or ("consume" if sys.stdin.isatty() else "produce")
    if given["group"] is not None:
        mode, given["topics"] = "consume", (*given["topics"], *more)
    elif mode == "produce":
        given["files"] = more
    elif more:
        raise click.UsageError(f"{more[0]!r} is no option; topics stand after -t, or after -G GROUP")
    config = given["config"] or os.environ.get(CONFIG_VARIABLE)
    if config is not None:
        click.echo(f"% Reading configuration from file {config}", err=True)
    said = {
        name.removeprefix(_OF_TOPICS): value
        for name, value in properties(config, given["settings"], file_option="-F", option="-X").items()
    }
    given["address"] = said.pop("bootstrap.servers", given["address"])
    _ACTIONS[mode](given, said)


_ANY: Final = -1
"""No partition in particular."""


def _one_topic(given: dict[str, Any], mode: str) -> str:
    if len(given["topics"]) != 1:
        raise click.UsageError(f"{mode} needs one -t TOPIC")
    return str(given["topics"][0])


def _consume(given: dict[str, Any], said: dict[str, str]) -> None:
    if not given["topics"]:
        raise click.UsageError("-C needs -t TOPIC, -G needs topics")
    if given["partition"] == _ANY:
        raise OptionError("-p: a partition is 0 or more; without -p, all are read")
    starts = [StartOffset.of(text) for text in given["start"]] or [StartOffset.of("beginning")]
    if len(starts) > 2 or (len(starts) == 2 and [one.is_until for one in starts] != [False, True]):
        raise OptionError("-o: give one offset, or s@MS and then e@MS")
    if starts[0].is_until:
        starts.insert(0, StartOffset.of("beginning"))
    if given["group"] is not None and (given["start"] or given["partition"] is not None):
        raise click.UsageError(
            "-G goes without -o and -p: a group knows where it is (see -X auto.offset.reset)"
        )
    settings = client_arguments(said, CONSUMER, "-X")
    if given["group"] is not None:
        settings["group_id"] = given["group"]
        settings.setdefault("auto_offset_reset", "latest")
    reading = modes.Reading(
        topics=given["topics"],
        partition=given["partition"],
        start=starts[0],
        until=starts[1] if len(starts) == 2 else None,
        count=given["count"],
        exits=given["exits"] or len(starts) == 2,
        is_quiet=given["quiet"],
        is_unbuffered=given["unbuffered"],
        render=_render(given),
    )
    run(modes.consume(given["address"], settings, reading))


def _render(given: dict[str, Any]) -> modes.Render:
    if given["json_lines"]:
        return envelope
    null_text = NULL_TEXT if given["nulls"] else b""
    if given["format"] is not None:
        return KcatFormat(given["format"], null_text=null_text).format
    key = "" if given["key_delimiter"] is None else "%k" + given["key_delimiter"].replace("%", "%%")
    return KcatFormat(f"{key}%s{given['delimiter'].replace('%', '%%')}", null_text=null_text).format


def _produce(given: dict[str, Any], said: dict[str, str]) -> None:
    transactional_id = said.pop("transactional.id", None)
    settings = as_producers_have_it(client_arguments(said, PRODUCER, "-X"))
    if transactional_id is not None:
        settings["transactional_id"] = transactional_id
    if given["is_lines"] and len(given["files"]) != 1:
        raise click.UsageError("-l needs one FILE")
    if given["codec"] is not None:
        settings["compression_type"] = given["codec"]
    writing = modes.Writing(
        topic=_one_topic(given, "-P"),
        partition=None if given["partition"] == _ANY else given["partition"],
        key=None if given["key"] is None else given["key"].encode(),
        key_delimiter=None if given["key_delimiter"] is None else unescaped(given["key_delimiter"]),
        delimiter=unescaped(given["delimiter"]),
        headers=[(name, value.encode()) for name, value in pairs(given["headers"], "-H").items()],
        has_nulls=given["nulls"],
        files=given["files"],
        is_lines=given["is_lines"],
        count=given["count"],
        tees=given["tees"],
        is_quiet=given["quiet"],
    )
    run(modes.produce(given["address"], settings, writing))


def _list(given: dict[str, Any], said: dict[str, str]) -> None:
    client_arguments(said, ADMIN, "-X")
    topics = list(given["topics"]) or None
    run(modes.list_topics(given["address"], topics, as_json=given["json_lines"]))


def _query(given: dict[str, Any], said: dict[str, str]) -> None:
    client_arguments(said, ADMIN, "-X")
    if not given["topics"]:
        raise click.UsageError("-Q needs -t topic:partition:timestamp")
    run(modes.query(given["address"], [modes.Moment.of(text) for text in given["topics"]]))


_ACTIONS: Final[dict[str, Action]] = {
    "consume": _consume,
    "produce": _produce,
    "list": _list,
    "query": _query,
}
