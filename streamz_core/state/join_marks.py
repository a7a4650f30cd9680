"""``JoinMarks``: what a stream-stream join knows besides its rows.

Owns: the marks, as they are written to the store and its changelog.
Must not know: rows, stores.

Not compiled: msgspec reads the class as it is written.
"""

from __future__ import annotations

from typing import Final

import msgspec

NEVER: Final = (1 << 63) - 1
"""The earliest time where there is no row."""


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
