"""Aggregates by name: ``agg(total=Sum("amount"), n=Count(), last=Latest())``.

Owns: what each of them keeps, how it takes in a value, joins with another of its kind, and what its result is.
Must not know: streams, windows, stores.

What is kept is made of lists, numbers and values as they came, so that a store can write it. A value is picked
by a field's name (of a mapping, or an attribute), by a function of the value, or is the whole value. A picked
None is no value: ``Count(field)`` passes over it, as SQL's does, and so do all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from streamz_core.errors import Misuse

if TYPE_CHECKING:
    from collections.abc import Callable


class Aggregate:
    """One aggregate. ``state`` is None before the first value."""

    def __init__(self, field: str | Callable[[Any], Any] | None = None) -> None:
        """``field``: its name, a function of the value, or None for the whole value."""
        if field is not None and not isinstance(field, str) and not callable(field):
            raise Misuse(
                f"{type(self).__name__}({field!r}): expected a field's name or a function of the value"
            )
        self._field = field

    def picked(self, value: Any) -> Any:
        """What is aggregated of ``value``."""
        field = self._field
        if field is None or value is None:
            return value
        if not isinstance(field, str):
            return field(value)
        return value.get(field) if isinstance(value, Mapping) else getattr(value, field)

    def added(self, state: Any, value: Any) -> Any:
        """The state with one more picked value, which is not None."""
        return value if state is None else self.joined(state, value)

    def joined(self, one: Any, other: Any) -> Any:
        """The states of two sessions as one; ``one`` is of the earlier values."""
        raise Misuse(f"{type(self).__name__} has no joined()")

    def result(self, state: Any) -> Any:
        """What the table shows."""
        return state


class Sum(Aggregate):
    """The sum; None before the first value."""

    def joined(self, one: Any, other: Any) -> Any:
        """Both sums."""
        return one + other


class Min(Aggregate):
    """The smallest value."""

    def joined(self, one: Any, other: Any) -> Any:
        """The smaller one."""
        return min(one, other)


class Max(Aggregate):
    """The largest value."""

    def joined(self, one: Any, other: Any) -> Any:
        """The larger one."""
        return max(one, other)


class Count(Aggregate):
    """How many values there are; without a field, how many records."""

    def picked(self, value: Any) -> Any:
        """Records without value count too, where no field is asked for."""
        return 1 if self._field is None else super().picked(value)

    def added(self, state: Any, value: Any) -> Any:
        """One more."""
        return 1 if state is None else state + 1

    def joined(self, one: Any, other: Any) -> Any:
        """Both counts."""
        return one + other

    def result(self, state: Any) -> Any:
        """0 before the first."""
        return 0 if state is None else state


class Mean(Aggregate):
    """The arithmetic mean; None before the first value."""

    def added(self, state: Any, value: Any) -> Any:
        """Sum and count."""
        return [value, 1] if state is None else [state[0] + value, state[1] + 1]

    def joined(self, one: Any, other: Any) -> Any:
        """Both sums and counts."""
        return [one[0] + other[0], one[1] + other[1]]

    def result(self, state: Any) -> Any:
        """Sum by count."""
        return None if state is None else state[0] / state[1]


class First(Aggregate):
    """The value that came first."""

    def joined(self, one: Any, other: Any) -> Any:
        """The one of the earlier session."""
        return one


class Last(Aggregate):
    """The value that came last."""

    def joined(self, one: Any, other: Any) -> Any:
        """The one of the later session."""
        return other


class _ByTime(Aggregate):
    """The value whose ``by`` is extreme: a field or function of the value."""

    def __init__(
        self, field: str | Callable[[Any], Any] | None = None, *, by: str | Callable[[Any], Any]
    ) -> None:
        """``by`` tells a value's time, or whatever is to be compared."""
        super().__init__(field)
        self._by = Aggregate(by)

    def picked(self, value: Any) -> Any:
        """The value with its time; none without a time."""
        found, time = super().picked(value), self._by.picked(value)
        return None if found is None or time is None else [time, found]

    def result(self, state: Any) -> Any:
        """Without its time."""
        return None if state is None else state[1]


class Earliest(_ByTime):
    """The value of the earliest time: ``Earliest("price", by="at")``; of equal times, the first that came."""

    def joined(self, one: Any, other: Any) -> Any:
        """The earlier one."""
        return other if other[0] < one[0] else one


class Latest(_ByTime):
    """The value of the latest time: ``Latest("price", by="at")``; of equal times, the last that came."""

    def __init__(
        self, field: str | Callable[[Any], Any] | None = None, *, by: str | Callable[[Any], Any] | None = None
    ) -> None:
        """Without ``by``, the value that came last."""
        super().__init__(field, by=(lambda _value: 0) if by is None else by)

    def joined(self, one: Any, other: Any) -> Any:
        """The later one."""
        return one if other[0] < one[0] else other


class Collect(Aggregate):
    """All values in a list, in the order they came; at most ``limit``, the first ones."""

    def __init__(self, field: str | Callable[[Any], Any] | None = None, *, limit: int | None = None) -> None:
        """Without ``limit`` the list grows as long as values come: it is written anew with each commit."""
        super().__init__(field)
        self._limit = limit

    def added(self, state: Any, value: Any) -> Any:
        """One more."""
        return self.joined([] if state is None else state, [value])

    def joined(self, one: Any, other: Any) -> Any:
        """Both lists."""
        return [*one, *other][: self._limit]

    def result(self, state: Any) -> Any:
        """Empty before the first value."""
        return [] if state is None else state


class TopK(Aggregate):
    """The ``k`` largest values, largest first: ``TopK(3, "price")``, or ``TopK(3, "name", by="price")``."""

    def __init__(
        self,
        k: int,
        field: str | Callable[[Any], Any] | None = None,
        *,
        by: str | Callable[[Any], Any] | None = None,
        smallest: bool = False,
    ) -> None:
        """``by``: what is compared, the value itself unless given; of equal ones, those that came first."""
        super().__init__(field)
        if type(k) is not int or k < 1:
            raise Misuse(f"TopK({k!r}): expected a number of values, 1 or more")
        self._k = k
        self._by = None if by is None else Aggregate(by)
        self._smallest = smallest

    def picked(self, value: Any) -> Any:
        """The value with what it is compared by."""
        found = super().picked(value)
        rank = found if self._by is None else self._by.picked(value)
        return None if found is None or rank is None else [rank, found]

    def added(self, state: Any, value: Any) -> Any:
        """One more, and the least of them gone."""
        return self.joined([] if state is None else state, [value])

    def joined(self, one: Any, other: Any) -> Any:
        """The best of both; sorting keeps the order of equal ones."""
        ranked = sorted([*one, *other], key=_rank, reverse=not self._smallest)
        return ranked[: self._k]

    def result(self, state: Any) -> Any:
        """Without what they are compared by."""
        return [] if state is None else [found for _, found in state]


class Combined(NamedTuple):
    """Several aggregates as one: what an aggregation is made of."""

    initial: Callable[[], list[Any]]
    add: Callable[[Any, Any, list[Any]], list[Any]]
    merged: Callable[[Any, list[Any], list[Any]], list[Any]]
    results: Callable[[list[Any]], dict[str, Any]]


def combined(aggregates: Mapping[str, Aggregate]) -> Combined:
    """All of them over the same values; their states are kept in a list, by the order of the names given."""
    if not aggregates:
        raise Misuse("agg() needs aggregates: agg('name', total=Sum('amount'), n=Count())")
    for name, one in aggregates.items():
        if not isinstance(one, Aggregate):
            raise Misuse(f"agg({name}={one!r}): expected Sum(…), Count() or another aggregate")
    parts = list(aggregates.values())
    names = list(aggregates)

    def add(_key: Any, value: Any, states: list[Any]) -> list[Any]:
        return [_added(part, state, value) for part, state in zip(parts, states, strict=True)]

    def merged(_key: Any, one: list[Any], other: list[Any]) -> list[Any]:
        return [_joined(part, a, b) for part, a, b in zip(parts, one, other, strict=True)]

    def results(states: list[Any]) -> dict[str, Any]:
        return {name: part.result(state) for name, part, state in zip(names, parts, states, strict=True)}

    return Combined(lambda: [None] * len(parts), add, merged, results)


def _added(part: Aggregate, state: Any, value: Any) -> Any:
    picked = part.picked(value)
    return state if picked is None else part.added(state, picked)


def _joined(part: Aggregate, one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return part.joined(one, other)


def _rank(ranked: list[Any]) -> Any:
    return ranked[0]
