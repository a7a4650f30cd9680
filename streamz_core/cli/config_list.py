"""Settings as ``--add-config`` lists them.

Owns: the syntax ``a=1,b=[x,y]`` and the names of ``--delete-config``.
Must not know: which settings there are.
"""

from __future__ import annotations

import re
from typing import Final

from streamz_core.cli.options import OptionError

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


def names(text: str) -> list[str]:
    """Read names with commas between them.

    >>> names("retention.ms, segment.ms")
    ['retention.ms', 'segment.ms']
    """
    return [name.strip() for name in text.split(",") if name.strip()]
