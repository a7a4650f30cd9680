"""Every row of docs/coming-from.md is true: the code of its right-hand column runs, and the topology it makes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest

from streamz_core import App
from streamz_core.app.command_line import command_line
from streamz_core.cli.main import VERBS, main
from streamz_core.streams import StreamsBuilder
from streamz_core.testing import TopologyTestDriver

PAGE = (Path(__file__).parents[3] / "docs" / "coming-from.md").read_text()
(PREPARED,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| there", "|---"))
]
CODE = [
    pytest.param(code, id=code)
    for _, here, *_ in ROWS
    for code in re.findall(r"`([^`]+)`", here)
    if not code.startswith("streamz ")
]
COMMANDS = [
    code for row in ROWS for cell in row[1:] for code in re.findall(r"`(streamz [^`]+|python [^`]+)`", cell)
]


@pytest.mark.parametrize("code", CODE)
def test_the_code_of_a_row_runs(code: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(PREPARED, names)

    exec(code, names)

    builder: StreamsBuilder = names["builder"]
    if "use(builder)" not in code and "TopologyTestDriver" not in code:
        with TopologyTestDriver(builder):
            pass


@pytest.mark.parametrize("command", dict.fromkeys(COMMANDS))
def test_the_commands_are_there(command: str) -> None:
    program, *words = command.split()
    group: click.Command = main if program == "streamz" else command_line(App("shop"))
    if program == "python":
        words = words[1:]
    context = click.Context(group)
    while words and isinstance(group, click.Group) and not words[0].startswith("-"):
        found = group.get_command(context, words.pop(0))
        assert found is not None, command
        group = found
    options = {option for param in group.params for option in param.opts}
    assert {word for word in words if word.startswith("-")} <= options, command
    assert VERBS


def test_the_page_has_what_it_promises() -> None:
    sections = dict(re.findall(r"^## Coming from (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))

    assert {name: text.count("\n| ") - 1 for name, text in sections.items()}.keys() == {
        "Kafka Streams",
        "Faust",
        "Quix Streams",
    }
    assert all(text.count("\n| ") > 20 for text in sections.values())
    assert len(ROWS) == sum(text.count("\n| ") - 1 for text in sections.values())
