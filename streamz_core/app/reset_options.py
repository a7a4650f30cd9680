"""The options that say where a group goes on reading, for every command line that has them.

Owns: their names and help, those of ``kafka-consumer-groups`` and ``kafka-streams-application-reset``.
Must not know: what they mean (``client.reset_target``), who asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

FunctionT = TypeVar("FunctionT", bound="Callable[..., Any]")


class _Lines(click.ParamType[list[str]]):
    """The lines of a text file."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        if isinstance(value, list):
            return value
        try:
            with click.open_file(value) as file:
                return str(file.read()).splitlines()
        except (OSError, UnicodeDecodeError) as error:
            self.fail(f"{value} cannot be read: {error}", param, ctx)


def target_options(begin: str = "", *, default: str = "") -> list[Callable[[Any], Any]]:
    """Decorators for ``--to-earliest`` and its like; help begins with ``begin``, ``default`` is named there."""
    known: tuple[tuple[str, dict[str, Any]], ...] = (
        ("--to-earliest", {"is_flag": True, "help": f"to the earliest record{default}."}),
        ("--to-latest", {"is_flag": True, "help": "to the end."}),
        ("--to-current", {"is_flag": True, "help": "to the committed offset."}),
        ("--to-offset", {"type": click.IntRange(0), "help": "to this offset."}),
        ("--shift-by", {"type": int, "help": "by so many offsets, back if negative."}),
        (
            "--to-datetime",
            {
                "metavar": "ISO",
                "help": "to the first record at or after YYYY-MM-DDTHH:mm:SS.sss; UTC without a zone.",
            },
        ),
        ("--by-duration", {"metavar": "PnDTnHnMnS", "help": "to so long before now."}),
        (
            "--from-file",
            {
                "type": _Lines(),
                "metavar": "FILE",
                "help": "to what a file of --export says: topic,partition,offset.",
            },
        ),
    )
    return [click.option(name, **{**about, "help": _help(begin, about["help"])}) for name, about in known]


def reset_options(function: FunctionT) -> FunctionT:
    """Add the options of Kafka's application reset tool."""
    for option in reversed(_RESET):
        function = option(function)
    return function


def _help(begin: str, text: str) -> str:
    return f"{begin}{text}" if begin else text[0].upper() + text[1:]


def _topics(_context: click.Context, _parameter: click.Parameter, texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(topic.strip() for text in texts for topic in text.split(",") if topic.strip())


_RESET: Final[tuple[Callable[[Any], Any], ...]] = (
    click.option(
        "--input-topics",
        metavar="TOPIC[,TOPIC]",
        multiple=True,
        callback=_topics,
        help="Only these input topics are read anew, and other committed offsets stay. [default: all]",
    ),
    click.option(
        "--internal-topics",
        metavar="TOPIC[,TOPIC]",
        multiple=True,
        callback=_topics,
        help="Only these of the app's own topics are deleted. [default: all]",
    ),
    *target_options("Input: ", default=" (the default)"),
    click.option("--force", is_flag=True, help="Remove members that the group still has."),
    click.option("--dry-run", is_flag=True, help="Show only what would be done."),
)
