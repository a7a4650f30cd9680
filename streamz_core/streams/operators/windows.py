"""Which windows a timestamp falls into.

Owns: tumbling and hopping assignment, as functions of numbers.
Must not know: stores, records, stream time, when windows close.

A window is named by its start and covers ``start <= timestamp < start + size_ms``; windows are
aligned to the epoch, so the same record falls into the same windows on every run.
"""

from __future__ import annotations

from streamz_core.errors import Misuse


def check(size_ms: int, advance_ms: int | None = None, grace_ms: int = 0) -> None:
    """Refuse sizes, advances and graces that make no windows."""
    if size_ms <= 0:
        raise Misuse(f"a window's size must be above 0 ms, not {size_ms}")
    if advance_ms is not None and not 0 < advance_ms <= size_ms:
        raise Misuse(
            f"a hopping window must advance by 1 to {size_ms} ms (its size), not {advance_ms}: "
            "records between two windows would be lost"
        )
    if grace_ms < 0:
        raise Misuse(f"a window's grace must not be negative, it is {grace_ms} ms")


def tumbling_start(timestamp: int, size_ms: int) -> int:
    """The start of the one tumbling window that holds ``timestamp``.

    >>> tumbling_start(12_345, 10_000)
    10000
    """
    return timestamp - timestamp % size_ms


def hopping_starts(timestamp: int, size_ms: int, advance_ms: int) -> range:
    """The starts of all hopping windows that hold ``timestamp``, oldest first; none before the epoch.

    >>> list(hopping_starts(12_345, 10_000, 5_000))
    [5000, 10000]
    """
    last = timestamp - timestamp % advance_ms
    first = max(0, (timestamp - size_ms) // advance_ms * advance_ms + advance_ms)
    return range(first, last + 1, advance_ms)
