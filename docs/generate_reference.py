"""Write ``docs/reference.md`` from the program: ``python docs/generate_reference.py``.

Owns: the page's order and headings. All else comes from where it is defined, so that it cannot be wrong.
Must not know: what any setting means. ``tests/behaviour/test_reference.py`` holds the page to what this makes.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, fields
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

import streamz_core
from streamz_core.app import exit_codes as app_exits
from streamz_core.app.settings import ENV_PREFIX, Settings
from streamz_core.broker.config import BrokerConfig
from streamz_core.cli import main as command_line
from streamz_core.cli.connection import ADDRESS_VARIABLE, DEFAULT_ADDRESS
from streamz_core.errors import Fatal, Misuse, Retriable, StreamzError
from streamz_core.log.config import NEVER, TopicConfig
from streamz_core.streams.runtime import failures

PAGE = Path(__file__).parent / "reference.md"
NOTE = "Made by `python docs/generate_reference.py` from the program itself; a test compares the two."

COMPLETION = """\
Verbs and flags complete in the shell. For bash, zsh or fish, once:

```console
echo 'eval "$(_STREAMZ_COMPLETE=bash_source streamz)"' >> ~/.bashrc
echo 'eval "$(_STREAMZ_COMPLETE=zsh_source streamz)"' >> ~/.zshrc
echo '_STREAMZ_COMPLETE=fish_source streamz | source' > ~/.config/fish/completions/streamz.fish
```
"""


def generate() -> str:
    """The whole page."""
    sections = (
        ("Settings of an app", app_settings()),
        ("Settings of a topic", topic_settings()),
        ("Settings of a broker", broker_settings()),
        ("Command line", commands()),
        ("Exit codes", exit_codes()),
        ("Environment variables", environment()),
        ("Dead letters", dead_letters()),
        ("Errors", errors()),
    )
    anchors = "".join(f"- [{title}](#{title.lower().replace(' ', '-')})\n" for title, _ in sections)
    return f"# Reference\n\n{NOTE}\n\n{anchors}\n" + "\n".join(
        f"## {title}\n\n{text}" for title, text in sections
    )


def app_settings() -> str:
    """Every keyword of ``App``."""
    documented = attribute_docstrings(Settings)
    rows = [(f"`{field.name}`", literal(field.default), documented[field.name]) for field in fields(Settings)]
    return (
        f"Keywords of `App(id, …)`, or environment variables `{ENV_PREFIX}…` in capitals, which win. Durations "
        "are seconds or `timedelta`, sizes bytes. An unknown keyword is refused with the nearest name.\n\n"
        + table(("setting", "default", "meaning"), rows)
    )


def topic_settings() -> str:
    """Every topic config."""
    rows = []
    defaults = TopicConfig().entries()
    for field in sorted(fields(TopicConfig), key=lambda field: str(field.metadata["setting"].key)):
        setting = field.metadata["setting"]
        allowed = setting.allowed.replace(str(NEVER), "2^63-1")
        default = defaults[setting.key]
        rows.append((f"`{setting.key}`", "never" if default == str(NEVER) else f"`{default}`", allowed))
    return (
        "Kafka's names and meanings, for `streamz topics --config`, the admin client's `NewTopic(topic_configs=…)` and "
        "`app.topic(config=…)`. Times are milliseconds, sizes bytes; 2^63-1 is Kafka's *never*.\n\n"
        + table(("config", "default", "allowed"), rows)
    )


def broker_settings() -> str:
    """Every field of ``BrokerConfig``."""
    documented = attribute_docstrings(BrokerConfig)
    rows = [
        (
            f"`{field.name}`",
            literal({} if field.default is MISSING else field.default),
            documented[field.name],
        )
        for field in fields(BrokerConfig)
    ]
    return (
        "`BrokerConfig` of the embedded log. Apps and clients use the defaults; `App(durability=…)` sets the "
        "first one.\n\n" + table(("setting", "default", "meaning"), rows)
    )


def commands() -> str:
    """Every verb with its flags."""
    text = (
        "`streamz VERB …`, or `python -m streamz_core VERB …`. The address is `--bootstrap-server`, else the "
        f"environment variable `{ADDRESS_VARIABLE}`, else `{DEFAULT_ADDRESS}`. Kafka's names of the tools "
        f"(`kafka-topics`, `kafka-consumer-groups.sh`) mean the verbs here.\n\n{COMPLETION}\n"
    )
    for verb, (module, _) in command_line.VERBS.items():
        text += described(verb, importlib.import_module(f"streamz_core.cli.{module}").command)
    return text.rstrip() + "\n"


def described(name: str, command: click.Command) -> str:
    """One verb with its flags, and after it its subcommands."""
    rows = [(flags(option), option_help(option)) for option in command.params if is_shown(option)]
    text = f"### streamz {name}\n\n{one_line(command.help or '')}\n\n{table(('flag', 'meaning'), rows)}\n"
    if isinstance(command, click.Group):
        text += "".join(described(f"{name} {sub}", below) for sub, below in command.commands.items())
    return text


def is_shown(parameter: click.Parameter) -> bool:
    """Whether help shows it."""
    return not getattr(parameter, "hidden", False)


def flags(parameter: click.Parameter) -> str:
    """How a flag, or an argument, is written."""
    if isinstance(parameter, click.Argument):
        return f"`{(parameter.name or '').upper()}`"
    assert isinstance(parameter, click.Option)
    value = ""
    if not parameter.is_flag:
        choices = "|".join(parameter.type.choices) if isinstance(parameter.type, click.Choice) else None
        value = " " + (parameter.metavar or choices or "NUMBER")
    return ", ".join(f"`{name}{value}`" for name in parameter.opts)


def option_help(parameter: click.Parameter) -> str:
    """What help says of it."""
    if isinstance(parameter, click.Argument):
        return "The data directory: a path or file://path."
    return one_line(getattr(parameter, "help", None) or "").replace("  [", " [")


def exit_codes() -> str:
    """What a process ends with."""
    rows = (
        (
            "0",
            "done; stopped by SIGTERM or SIGINT after committing",
            "done, also where the output's reader went away",
        ),
        ("1", "the app failed", "it failed, or `check` found damage"),
        ("2", "the command line or the configuration is wrong", "the command line is wrong"),
        ("3", "`plan`: starting this version would lose state", ""),
        ("130", "", "interrupted before it was done"),
        ("-15, -2", "a second SIGTERM or SIGINT: it goes on from its last commit", "a second signal"),
    )
    said = inspect.getdoc(app_exits) or ""
    assert "exit codes: 0 after a graceful stop; 1 when the app failed" in said, (
        "the app's exit codes have changed"
    )
    return "The reason is one line on standard error.\n\n" + table(
        ("code", "`python app.py worker`", "`streamz`"), rows
    )


def environment() -> str:
    """Every variable the program reads."""
    rows = [
        (f"`{ENV_PREFIX}{field.name.upper()}`", f"the app setting `{field.name}`")
        for field in fields(Settings)
    ]
    rows += [
        (f"`{ADDRESS_VARIABLE}`", "the command line's address where `--bootstrap-server` is not given"),
        (
            f"`{command_line.TRACEBACK_VARIABLE}`",
            "the command line shows the traceback of what it calls a bug",
        ),
        ("`STREAMZ_PURE`", "read when building: no module is compiled"),
    ]
    return table(("variable", "meaning"), rows)


def dead_letters() -> str:
    """The headers of a dead letter, from the docstring of the module that writes them."""
    rows = []
    for line in (inspect.getdoc(failures) or "").splitlines():
        if line.startswith("``__dlq."):
            names, _, meaning = line.rpartition("``")
            rows.append((f"{names}``".replace("``", "`"), meaning.strip()))
    assert len(rows) >= 4, "the docstring of streams.runtime.failures lists the headers no more"
    return (
        "A record in a dead-letter topic has the raw key, value, timestamp and headers of the one that failed, "
        "and these headers as UTF-8.\n\n" + table(("header", "content"), rows)
    )


def errors() -> str:
    """Every exception by what its reader must do."""
    found = sorted(set(exceptions()), key=lambda cls: (cls.__module__, cls.__name__))
    text = "Every error is one of three kinds; `except` a kind, or a class.\n\n"
    for root, remedy in (
        (Retriable, "the same call may succeed later, unchanged: wait and call again"),
        (Fatal, "stop this component; the message says what a person has to mend"),
        (Misuse, "change the call or the configuration; the message says what is allowed"),
    ):
        rows = [(f"`{path_of(cls)}`", code_of(cls), summary(cls)) for cls in found if kind_of(cls) is root]
        text += f"### {root.__name__}: {remedy}\n\n" + table(("error", "code", "meaning"), rows) + "\n"
    return text.rstrip() + "\n"


def exceptions() -> Iterator[type[StreamzError]]:
    """Every public exception of the package, the command line's and the test doubles' left out."""
    for found in pkgutil.walk_packages(streamz_core.__path__, "streamz_core."):
        if found.name.startswith(("streamz_core.cli", "streamz_core.testing", "streamz_core.__main__")):
            continue
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, StreamzError)
                and not value.__name__.startswith("_")
            ):
                yield value


def kind_of(cls: type[StreamzError]) -> type[StreamzError] | None:
    """What its reader must do; None for the roots themselves and for what is above them."""
    roots = (Retriable, Fatal, Misuse)
    return None if cls in roots else next((root for root in roots if issubclass(cls, root)), None)


def path_of(cls: type) -> str:
    """Where a program imports it from."""
    if cls.__module__.startswith("streamz_core.client."):
        errors_module = importlib.import_module("streamz_core.aiokafka.errors")
        if getattr(errors_module, cls.__name__, None) is cls:
            return f"streamz_core.aiokafka.errors.{cls.__name__}"
    return f"{cls.__module__}.{cls.__name__}"


def code_of(cls: type) -> str:
    """Kafka's error code, where it has one."""
    code = getattr(cls, "errno", getattr(cls, "code", None))
    return str(int(code)) if isinstance(code, int) else ""


def summary(cls: type) -> str:
    """The first paragraph of a class's docstring."""
    return one_line((inspect.getdoc(cls) or source_docstring(cls)).split("\n\n")[0])


def source_docstring(cls: type) -> str:
    """What the source says of a class that is compiled, and has lost its docstring."""
    source = Path(streamz_core.__file__).parents[1] / f"{cls.__module__.replace('.', '/')}.py"
    classes = (node for node in ast.parse(source.read_text("utf-8")).body if isinstance(node, ast.ClassDef))
    (found,) = (node for node in classes if node.name == cls.__name__)
    return ast.get_docstring(found) or ""


def attribute_docstrings(cls: type) -> dict[str, str]:
    """The strings that stand below the fields of a class."""
    (body,) = (node.body for node in ast.parse(inspect.getsource(cls)).body if isinstance(node, ast.ClassDef))
    return {
        field.target.id: one_line(inspect.cleandoc(text.value.value))
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def literal(value: Any) -> str:
    """A default as Python writes it."""
    return f"`{value.value!r}`" if isinstance(value, Enum) else f"`{value!r}`"


def one_line(text: str) -> str:
    """Without line breaks, and with Markdown's quotes for code."""
    return " ".join(text.replace("``", "`").split())


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [titles, ["---"] * len(titles), *[[cell.replace("|", "\\|") for cell in row] for row in rows]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(generate(), encoding="utf-8")
