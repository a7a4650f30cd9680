"""Where reading starts or ends, as kcat writes it after ``-o``.

Owns: the notation.
Must not know: consumers.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self

from streamz_core.cli.options import OptionError

_NAMES: Final = ("beginning", "end", "stored")
_NUMBER: Final = re.compile(r"(s@|e@|-|\+)?(\d+)")


class StartOffset(NamedTuple):
    """``kind``: beginning, end, stored, at, before_end, since_ms or until_ms; ``number`` for the last four."""

    kind: str
    number: int = 0

    @classmethod
    def of(cls, text: str) -> Self:
        """Read it.

        >>> StartOffset.of("-5")
        StartOffset(kind='before_end', number=5)
        """
        if text in _NAMES:
            return cls(text)
        found = _NUMBER.fullmatch(text)
        if found is None:
            raise OptionError(f"-o takes {', '.join(_NAMES)}, N, -N, s@MS or e@MS, got {text!r}")
        kinds = {"s@": "since_ms", "e@": "until_ms", "-": "before_end"}
        return cls(kinds.get(found[1] or "", "at"), int(found[2]))

    @property
    def is_until(self) -> bool:
        """Whether it says where to end."""
        return self.kind == "until_ms"
