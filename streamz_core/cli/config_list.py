"""Settings as ``--add-config`` lists them.

Owns: the syntax ``a=1,b=[x,y]``, the names of ``--delete-config``, and what a change is made of.
Must not know: which settings there are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import click

from streamz_core.cli.options import OptionError, properties

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAIR: Final = re.compile(
    r"\s*(?P<key>[^=,\[\]\s]+)\s*=\s*(?:\[(?P<list>[^\]]*)\]|(?P<value>[^,\[\]]*))\s*(?:,|$)"
)


def settings(text: str, option: str) -> dict[str, str]:
    """Read ``key=value`` pairs with commas between them; a value with commas in it stands in brackets.

    >>> settings("retention.ms=1000,cleanup.policy=[compact,delete]", "--add-config")
    {'retention.ms': '1000', 'cleanup.policy': 'compact,delete'}
    """
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None:
            raise OptionError(f"{option} takes key=value,key=[value,value], got {text[at:]!r}")
        key = pair["key"]
        if key in found:
            raise OptionError(f"{option} names {key} twice")
        found[key] = pair["list"] if pair["list"] is not None else pair["value"].strip()
        at = pair.end()
    return found


def changes(given: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """What ``--add-config`` or ``--add-config-file`` sets, and what ``--delete-config`` takes back; not neither."""
    if given["added"] and given["file"]:
        raise click.UsageError("--add-config and --add-config-file exclude each other")
    added = settings(given["added"], "--add-config") | properties(
        given["file"], (), file_option="--add-config-file", option=""
    )
    deleted = names(given["deleted"])
    if not added and not deleted:
        raise click.UsageError("--alter needs --add-config, --add-config-file or --delete-config")
    return added, deleted


def names(text: str) -> list[str]:
    """Read names with commas between them.

    >>> names("retention.ms, segment.ms")
    ['retention.ms', 'segment.ms']
    """
    return [name.strip() for name in text.split(",") if name.strip()]
