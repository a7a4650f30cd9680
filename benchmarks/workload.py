"""The workload of every benchmark: page views as JSON, keyed by user, in event time.

1,000,000 of them average about 117 bytes, by 100,000 users (p ~ 1/(rank + 10)^0.9) on 1,000 pages
(p ~ 1/(rank + 5)^0.8). ``ms`` is uniform in 0..1000, so that half of them pass ``ms > 500``. Event time goes
on by 1 ms a view; a fifth of the views are up to 2 s late. ``agent`` is padding. The same seed gives the same
bytes on every machine.
"""

from __future__ import annotations

import random
from itertools import accumulate
from typing import NamedTuple

START_MS = 1_700_000_000_000
USERS = 100_000
PAGES = 1_000
LATE_SHARE = 0.2
LATE_MS_MAX = 2_000
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) Firefox",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X)",
    "Mozilla/5.0 (Windows NT 10.0; Win64)",
    "python-requests/2.32 CPython/3.11",
)


class Views(NamedTuple):
    """Page views as columns: the n-th entry of each is the n-th view's."""

    keys: list[bytes]
    values: list[bytes]
    timestamps: list[int]

    def batches(self, size: int) -> list[Views]:
        """The same views in their order, ``size`` to a batch."""
        return [
            Views(self.keys[at : at + size], self.values[at : at + size], self.timestamps[at : at + size])
            for at in range(0, len(self.values), size)
        ]


def views(count: int = 1_000_000, seed: int = 1) -> Views:
    """``count`` page views.

    >>> views(2).keys
    [b'u00051', b'u38030']
    """
    draw = random.Random(seed)
    users = draw.choices(range(USERS), cum_weights=_cumulative(USERS, 10, 0.9), k=count)
    pages = draw.choices(range(PAGES), cum_weights=_cumulative(PAGES, 5, 0.8), k=count)
    agents = draw.choices([agent.encode() for agent in AGENTS], k=count)
    milliseconds = [int(draw.random() * 1_001) for _ in range(count)]
    timestamps = [
        START_MS + at - (int(draw.random() * LATE_MS_MAX) if draw.random() < LATE_SHARE else 0)
        for at in range(count)
    ]
    keys = [b"u%05d" % user for user in users]
    values = [
        b'{"user":"%s","page":"/pages/%d.html","ms":%d,"ts":%d,"agent":"%s"}' % fields
        for fields in zip(keys, pages, milliseconds, timestamps, agents, strict=True)
    ]
    return Views(keys, values, timestamps)


def _cumulative(ranks: int, shift: int, exponent: float) -> list[float]:
    return list(accumulate(1 / (rank + shift) ** exponent for rank in range(ranks)))
