"""Seconds as Faust takes them, milliseconds as everything below takes them.

Owns: ``Seconds`` and its conversion.
Must not know: what is measured.
"""

from __future__ import annotations

from datetime import timedelta

from streamz_core.app.errors import ImproperlyConfigured

Seconds = float | int | timedelta
"""A duration: a number of seconds, or a timedelta."""


def milliseconds(value: Seconds, what: str) -> int:
    """``value`` in whole milliseconds; ``what`` opens the message for what is no duration.

    >>> milliseconds(1.5, "interval"), milliseconds(timedelta(minutes=1), "interval")
    (1500, 60000)
    """
    if isinstance(value, timedelta):
        return round(value.total_seconds() * 1000)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ImproperlyConfigured(f"{what}: expected seconds or a timedelta, got {value!r}")
    if not 0 <= value < 1e11:
        raise ImproperlyConfigured(f"{what}: expected 0 seconds or more, got {value!r}")
    return round(value * 1000)
