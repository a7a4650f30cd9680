"""``JoinMarks``: how far a join of two streams has come.

Owns: the record in which a join buffer's marks are saved.
Must not know: rows, how matches are found. Not compiled: a msgspec Struct is made by msgspec.
"""

from __future__ import annotations

import msgspec

from streamz_core.state.unmatched import NEVER


class JoinMarks(msgspec.Struct):
    """What a join remembers besides rows."""

    stream_time_ms: int = -1
    """The highest time of any row, taken or not."""
    times_ms: list[int] = msgspec.field(default_factory=lambda: [-1, -1])
    """By side: the highest time of a row that was taken."""
    look_again_ms: int = NEVER
    """The time of the row whose window has to close before unmatched rows are looked at again."""
    number: int = 0
    """Goes up with every row that is taken."""
