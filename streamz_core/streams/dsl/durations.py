"""Durations of the DSL: a ``timedelta``, or a number of milliseconds.

Owns: reading them, and the message where they are none.
Must not know: what they are for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from streamz_core.errors import Misuse

Duration = timedelta | int
"""A ``timedelta``, or milliseconds."""
_MAX_MS: Final = 1 << 53


def milliseconds(duration: Duration, what: str, *, at_least: int = 0) -> int:
    """``duration`` in milliseconds; ``what`` opens the message.

    >>> milliseconds(timedelta(seconds=1.5), "size"), milliseconds(20, "size")
    (1500, 20)
    """
    if isinstance(duration, timedelta):
        duration = round(duration.total_seconds() * 1000)
    if type(duration) is not int:
        raise Misuse(f"{what}: expected a timedelta or milliseconds, got {duration!r}")
    if not at_least <= duration <= _MAX_MS:
        raise Misuse(f"{what}: expected {at_least} ms or more, got {duration} ms")
    return duration


def signed_milliseconds(duration: Duration, what: str) -> int:
    """The same for a duration that may be below 0.

    >>> signed_milliseconds(timedelta(seconds=-1), "lower")
    -1000
    """
    is_negative_timedelta = isinstance(duration, timedelta) and duration < timedelta(0)
    is_negative = is_negative_timedelta or (type(duration) is int and duration < 0)
    return -milliseconds(-duration, what) if is_negative else milliseconds(duration, what)
