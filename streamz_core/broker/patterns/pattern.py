"""A regular expression that cannot be used to hang whoever matches it.

Owns: the automaton of a tree (Thompson's), and its walk over a text: every character costs a step for each place the
automaton is in at once, and what a set of places becomes with a character is remembered.
Must not know: the syntax (``syntax``), what is matched.

Python's own ``re`` tries one way after the other; ``(a+)+$`` makes it try more ways than there will be seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, TypeAlias

from streamz_core.broker.patterns.syntax import (
    Characters,
    Choice,
    End,
    InvalidPattern,
    Node,
    Repeat,
    Sequence,
    Start,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

PLACES_MAX: Final = 2_000
"""How large an automaton may be; ``x{1000}`` is one of about a thousand places."""
STEPS_MAX: Final = 2_000_000
"""How many steps one question may cost (about half a second)."""
_PARTS_MAX: Final = 20_000
"""How many parts may be looked at to make an automaton: repeats of nothing cost time too."""
_REMEMBERED_MAX: Final = 10_000

_Places: TypeAlias = frozenset[int]


class Pattern:
    """A regular expression, and what was found out about it.

    Pattern("orders-.*").matching(["orders-eu", "reorders"])  # ["orders-eu"]
    """

    def __init__(self, text: str) -> None:
        """Raises ``InvalidPattern`` for what is none, is not taken, or is too large."""
        self.text = text
        self._automaton = _Automaton(text)
        self._first = self._automaton.closure((self._automaton.entry,), is_start=True)
        self._after: dict[tuple[_Places, str], _Places] = {}
        self._steps = 0

    def matching(self, texts: Iterable[str]) -> list[str]:
        """Those of ``texts`` that match as a whole. Raises ``InvalidPattern`` when that costs too much to say."""
        self._steps = 0
        return [text for text in texts if self._matches(text)]

    def _matches(self, text: str) -> bool:
        places = self._first
        after = self._after
        for character in text:
            following = after.get((places, character))
            places = self._step(places, character) if following is None else following
            if not places:
                return False
        return self._automaton.ends_in(places, is_start=not text)

    def _step(self, places: _Places, character: str) -> _Places:
        self._steps += len(places)
        if self._steps > STEPS_MAX:
            raise InvalidPattern(f"regular expression {self.text[:200]!r} costs too much: make it simpler")
        if len(self._after) >= _REMEMBERED_MAX:
            self._after.clear()
        found = self._after[places, character] = self._automaton.step(places, ord(character))
        return found


class _Automaton:
    """Places, and the ways between them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._parts = 0
        self._on: list[tuple[list[int], list[int], int] | None] = []
        """The way out of each place that takes a character: from these, to those code points."""
        self._free: list[list[int]] = []
        """The ways out that take none."""
        self._at_start: set[int] = set()
        """Places whose free ways are open where the text begins only."""
        self._at_end: set[int] = set()
        """Places whose free ways are open where the text ends only."""
        self.exit = self._place()
        self.entry = self._add(parse(text), self.exit)

    def step(self, places: _Places, code_point: int) -> _Places:
        """Where ``places`` lead with a character."""
        reached = []
        for place in places:
            way = self._on[place]
            if way is None:
                continue
            firsts, lasts, following = way
            index = bisect_right(firsts, code_point) - 1
            if index >= 0 and code_point <= lasts[index]:
                reached.append(following)
        return self.closure(reached)

    def closure(self, places: list[int] | tuple[int, ...], *, is_start: bool = False) -> _Places:
        """These places, and all that are reached from them without a character before the text's end."""
        return self._spread(places, is_start=is_start, is_end=False)

    def ends_in(self, places: _Places, *, is_start: bool) -> bool:
        """Whether the text may end in one of these."""
        return self.exit in places or self.exit in self._spread(tuple(places), is_start=is_start, is_end=True)

    def _spread(self, places: list[int] | tuple[int, ...], *, is_start: bool, is_end: bool) -> _Places:
        seen = set(places)
        waiting = list(places)
        while waiting:
            place = waiting.pop()
            if (place in self._at_start and not is_start) or (place in self._at_end and not is_end):
                continue
            for following in self._free[place]:
                if following not in seen:
                    seen.add(following)
                    waiting.append(following)
        return frozenset(seen)

    def _check_size(self) -> None:
        if len(self._on) >= PLACES_MAX or self._parts >= _PARTS_MAX:
            raise InvalidPattern(
                f"regular expression {self._text[:200]!r} is too large: repeat less, or name less in it"
            )

    def _place(self, *free: int) -> int:
        self._check_size()
        self._on.append(None)
        self._free.append(list(free))
        return len(self._on) - 1

    def _add(self, node: Node, after: int) -> int:
        """Add the places of ``node`` before the place ``after``; its entry."""
        self._parts += 1
        self._check_size()
        match node:
            case Characters(ranges):
                place = self._place()
                self._on[place] = ([low for low, _ in ranges], [high for _, high in ranges], after)
                return place
            case Sequence(parts):
                for part in reversed(parts):
                    after = self._add(part, after)
                return after
            case Choice(ways):
                return self._place(*[self._add(way, after) for way in ways])
            case Repeat(of, least, most):
                return self._add_repeat(of, least, most, after)
            case Start():
                place = self._place(after)
                self._at_start.add(place)
                return place
            case End():
                place = self._place(after)
                self._at_end.add(place)
                return place

    def _add_repeat(self, of: Node, least: int, most: int | None, after: int) -> int:
        if most is None:
            loop = self._place(after)
            self._free[loop].append(self._add(of, loop))
            after = loop
        else:
            for _ in range(most - least):
                after = self._place(self._add(of, after), after)
        for _ in range(least):
            after = self._add(of, after)
        return after
