"""``Marks``: how far a window store has come.

Owns: that record, and its names in the stored JSON.
Must not know: who moves the marks.
"""

from __future__ import annotations

import msgspec


class Marks(msgspec.Struct, array_like=True):
    """How far a window store has come; stored and changelogged with its contents."""

    stream_time_ms: int = -1
    """The highest timestamp this store was told of."""
    closed_before_ms: int = 0
    """Windows that start before this were handed out."""
    dropped_before_ms: int = 0
    """Windows that start before this are gone."""
    late_count: int = 0
    """Records that came after their window had closed."""
