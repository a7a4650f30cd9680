"""Owns: every flag that Kafka's own tools know is known to our verbs: it works, or is refused with the reason."""

from __future__ import annotations

import re

import click
import pytest

from streamz_core.cli.main import main

TOOLS = [
    "kafka-acls",
    "kafka-configs",
    "kafka-console-consumer",
    "kafka-console-producer",
    "kafka-consumer-groups",
    "kafka-consumer-perf-test",
    "kafka-delete-records",
    "kafka-dump-log",
    "kafka-get-offsets",
    "kafka-groups",
    "kafka-producer-perf-test",
    "kafka-streams-application-reset",
    "kafka-topics",
    "kafka-transactions",
]
FLAG = re.compile(r"^(?:\* | {2}|  -\w, )?(--[a-z][\w.-]*)", re.MULTILINE)
"""As the two libraries that Kafka's tools take list them."""


def known(command: click.Command) -> set[str]:
    names = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    subcommands = command.commands.values() if isinstance(command, click.Group) else ()
    return names.union(
        *map(known, subcommands), command.context_settings.get("help_option_names", ["--help"])
    )


@pytest.mark.parametrize("tool", TOOLS)
def test_every_flag_of_kafkas_tool_is_known(java_tools, tool):
    told = java_tools.run(tool, "--help")
    flags = set(FLAG.findall(told.out + told.err))

    command = main.get_command(click.Context(main), tool)

    assert command is not None
    assert "--help" in flags
    assert len(flags) > 3
    assert flags - known(command) == set()
