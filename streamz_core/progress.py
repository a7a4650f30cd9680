"""How long work tells how far it has come.

Owns: the form in which it tells.
Must not know: who listens, or how it is shown (``progress_bar``).
"""

from __future__ import annotations

from typing import Final, Protocol

BYTES: Final = "bytes"
"""The unit that is shown as KiB, MiB and so on; any other is a noun in the plural."""


class Progress(Protocol):
    """Hears of work that may take long; must not take long itself."""

    def begin(self, what: str, unit: str, total: int | None = None) -> None:
        """A piece of work begins, such as ``checking``; ``total`` units of it, as far as that is known."""

    def add(self, amount: int) -> None:
        """So many units more are done."""


class Unheard:
    """Nobody listens."""

    def begin(self, what: str, unit: str, total: int | None = None) -> None:
        """Do nothing."""

    def add(self, amount: int) -> None:
        """Do nothing."""


UNHEARD: Final = Unheard()
