"""What an app has written, as values that can be compared; and in what two runs differ.

Owns: which topics count, how much of their order does, and saying what is missing or too much.
Must not know: why there are two runs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Literal, get_args

from streamz_core.errors import Misuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Order = Literal["in_order", "any_order", "latest"]
"""How outputs are compared: the records of each key in their order; all records in any order; or the last value of
each key, for tables whose updates are merged between commits."""

Place = tuple[str, int, Any]
"""Topic, partition, key."""
DIFFERENCES_MAX = 5


def check_order(order: str) -> None:
    """Refuse what is none."""
    if order not in get_args(Order):
        raise Misuse(f"compare is {order!r}; allowed are {', '.join(map(repr, get_args(Order)))}")


def comparable(written: Mapping[str, Sequence[Any]], topics: Iterable[str], order: Order) -> dict[Place, Any]:
    """What of ``written``, consumer records by topic, is compared."""
    found: defaultdict[Place, list[Any]] = defaultdict(list)
    for topic in topics:
        for record in written.get(topic, ()):
            row = (record.value, record.timestamp, tuple(record.headers))
            found[topic, record.partition, record.key].append(row)
    compared = {place: _compared(order, place[2])(rows) for place, rows in found.items()}
    return {place: value for place, value in compared.items() if value}


def contents(written: Mapping[str, Sequence[Any]], topics: Iterable[str]) -> dict[Place, Any]:
    """What stores contain that have these changelogs."""
    found: dict[Place, Any] = {}
    for topic in topics:
        for record in written.get(topic, ()):
            found[topic, record.partition, record.key] = record.value
    return {place: value for place, value in found.items() if value is not None}


def _compared(order: Order, key: Any) -> Callable[[list[Any]], Any]:
    if order == "latest":
        # A key that was deleted is as one that never was.
        return lambda rows: [] if rows[-1][0] is None else rows[-1:]
    if order == "any_order" or key is None:
        return Counter
    return list


def differences(expected: Mapping[Place, Any], found: Mapping[Place, Any]) -> str:
    """In what the second differs from the first, in words; empty where it does not."""
    lines = []
    for place in [*expected, *(new for new in found if new not in expected)]:
        wanted, got = expected.get(place), found.get(place)
        if wanted != got:
            topic, partition, key = place
            lines.append(f"topic {topic!r} partition {partition} key {key!r}: expected {wanted}, got {got}")
    more = len(lines) - DIFFERENCES_MAX
    return "\n".join([*lines[:DIFFERENCES_MAX], *([f"and {more} keys more"] if more > 0 else [])])
