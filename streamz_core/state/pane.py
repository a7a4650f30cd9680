"""``Pane``: what is in memory of one window.

Owns: its values, and which of them changed.
Must not know: stores, bytes.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Any, Final

ABSENT: Final[Any] = object()
"""Nothing is known in memory."""
DELETED: Final[Any] = object()
"""Known not to exist."""


class Pane:
    """One window's values by key; a value that is DELETED is none."""

    def __init__(self, *, is_complete: bool) -> None:
        """``is_complete``: the window begins now, in memory."""
        self.is_complete = is_complete
        """Whether what is not in memory does not exist: the window began in memory, and all stayed."""
        self.is_stored = not is_complete
        """Whether the store may hold something of it."""
        self.values: dict[Any, Any] = {}
        self.dirty: dict[Any, Any] = {}
        """Keys that changed since the last ``collect``, with what they had before: None or DELETED where nothing."""
        self.pending: dict[Any, Any] = {}
        """Collected, and not yet written to the store."""
