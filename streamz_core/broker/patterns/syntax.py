r"""Reading a regular expression into a tree.

Owns: the syntax that is taken: RE2's, without what RE2 itself lacks (back references, look-around), without Unicode
classes by name, word boundaries and possessive repeats.
Must not know: how a text is matched (``program``).

Source: https://github.com/google/re2/wiki/Syntax; the whole text must match (KIP-848), so the anchors ``^``, ``$``,
``\A``, ``\z`` are taken where they say just that: at the ends.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from streamz_core.errors import ErrorCode, Misuse

LENGTH_MAX: Final = 10_000
"""How long a regular expression may be, in characters."""
REPEATS_MAX: Final = 1_000
"""How often a counted repeat may ask for something (RE2's bound)."""
_DEPTH_MAX: Final = 100
"""How deep groups may lie in each other."""
_LAST: Final = 0x10FFFF

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""Code points, from and to, both included."""


class InvalidPattern(Misuse):
    """The text is no regular expression, or one that is not taken; the message says where and why."""

    code = ErrorCode.INVALID_REGULAR_EXPRESSION


class Characters(msgspec.Struct, frozen=True):
    """One character of any of these ranges, which are sorted and apart."""

    ranges: Ranges


def characters(ranges: Ranges) -> Characters:
    """One character of any of these ranges, in whatever order."""
    return Characters(inverted(inverted(ranges)))


class Sequence(msgspec.Struct, frozen=True):
    """One after the other."""

    parts: tuple[Node, ...]


class Choice(msgspec.Struct, frozen=True):
    """One of these."""

    ways: tuple[Node, ...]


class Repeat(msgspec.Struct, frozen=True):
    """The same again and again; ``most`` None is without end."""

    of: Node
    least: int
    most: int | None


class Start(msgspec.Struct, frozen=True):
    """Where the text begins."""


class End(msgspec.Struct, frozen=True):
    """Where the text ends."""


Node: TypeAlias = Characters | Sequence | Choice | Repeat | Start | End

_DIGIT: Final[Ranges] = ((0x30, 0x39),)
_UPPER: Final[Ranges] = ((0x41, 0x5A),)
_LOWER: Final[Ranges] = ((0x61, 0x7A),)
_SPACE: Final[Ranges] = ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))
_WORD: Final[Ranges] = (*_DIGIT, *_UPPER, (0x5F, 0x5F), *_LOWER)
_PERL: Final = {"d": _DIGIT, "s": _SPACE, "w": _WORD}
_POSIX: Final = {
    "alnum": (*_DIGIT, *_UPPER, *_LOWER),
    "alpha": (*_UPPER, *_LOWER),
    "ascii": ((0x00, 0x7F),),
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "cntrl": ((0x00, 0x1F), (0x7F, 0x7F)),
    "digit": _DIGIT,
    "graph": ((0x21, 0x7E),),
    "lower": _LOWER,
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": (*_DIGIT, (0x41, 0x46), (0x61, 0x66)),
}
_CONTROL: Final = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_ANY: Final[Ranges] = ((0, _LAST),)
_NO_NEWLINE: Final[Ranges] = ((0, 9), (11, _LAST))


def parse(text: str) -> Node:
    """The tree of ``text``. Raises ``InvalidPattern``."""
    if len(text) > LENGTH_MAX:
        raise InvalidPattern(f"a regular expression of {len(text)} characters: up to {LENGTH_MAX} are taken")
    reader = _Reader(text)
    tree = reader.choice(frozenset())
    if not reader.is_done:
        raise reader.wrong("unmatched )")
    return tree


def inverted(ranges: Ranges) -> Ranges:
    """All characters but these."""
    left: list[tuple[int, int]] = []
    first = 0
    for low, high in sorted(ranges):
        if low > first:
            left.append((first, low - 1))
        first = max(first, high + 1)
    if first <= _LAST:
        left.append((first, _LAST))
    return tuple(left)


def in_both_cases(ranges: Ranges) -> Ranges:
    """These characters, and letters of ASCII in the other case as well."""
    found = list(ranges)
    for low, high in ranges:
        for (first, last), shift in ((_UPPER[0], 32), (_LOWER[0], -32)):
            if low <= last and high >= first:
                found.append((max(low, first) + shift, min(high, last) + shift))
    return tuple(found)


class _Reader:
    """Recursive descent over the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    @property
    def is_done(self) -> bool:
        return self._at >= len(self._text)

    def wrong(self, why: str) -> InvalidPattern:
        return InvalidPattern(f"regular expression {self._text[:200]!r}: at character {self._at}: {why}")

    def _peek(self, length: int = 1) -> str:
        return self._text[self._at : self._at + length]

    def _take(self) -> str:
        if self.is_done:
            raise self.wrong("it ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _skip(self, expected: str) -> bool:
        if not self._text.startswith(expected, self._at):
            return False
        self._at += len(expected)
        return True

    # -- structure ------------------------------------------------------------------------------------

    def choice(self, flags: frozenset[str]) -> Node:
        ways: list[Node] = []
        while True:
            way, flags = self._sequence(flags)
            ways.append(way)
            if not self._skip("|"):
                return ways[0] if len(ways) == 1 else Choice(tuple(ways))

    def _sequence(self, flags: frozenset[str]) -> tuple[Node, frozenset[str]]:
        parts: list[Node] = []
        while not self.is_done and self._peek() not in "|)":
            if self._skip(r"\Q"):
                parts += self._quoted(flags)
                continue
            if self._peek(2) == "(?" and self._peek(3) not in ("(?:", "(?P", "(?<"):
                changed = self._flags(flags)
                if isinstance(changed, frozenset):
                    flags = changed
                    continue
                part: Node = changed
            else:
                part = self._atom(flags)
            parts.append(self._repeated(part))
        return (parts[0] if len(parts) == 1 else Sequence(tuple(parts))), flags

    def _quoted(self, flags: frozenset[str]) -> list[Node]:
        end = self._text.find(r"\E", self._at)
        quoted = self._text[self._at :] if end < 0 else self._text[self._at : end]
        self._at = len(self._text) if end < 0 else end + 2
        return [self._literal(ord(character), flags) for character in quoted]

    def _flags(self, flags: frozenset[str]) -> frozenset[str] | Node:
        """``(?i)`` changes what follows, ``(?i:...)`` what is in it."""
        self._at += 2
        on, is_on = set(flags), True
        while (mark := self._take()) not in ":)":
            if mark == "-" and is_on:
                is_on = False
            elif mark in "ismU":
                (on.add if is_on else on.discard)(mark)
            else:
                raise self.wrong(f"(?{mark} is not taken")
        return frozenset(on) if mark == ")" else self._group(frozenset(on))

    def _group(self, flags: frozenset[str]) -> Node:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise self.wrong(f"groups lie in each other deeper than {_DEPTH_MAX}")
        inside = self.choice(flags)
        self._depth -= 1
        if not self._skip(")"):
            raise self.wrong("a group is not closed by )")
        return inside

    def _atom(self, flags: frozenset[str]) -> Node:
        character = self._take()
        match character:
            case "(":
                self._group_name()
                return self._group(flags)
            case "[":
                return self._characters(self._bracket(flags), flags)
            case ".":
                return characters(_ANY if "s" in flags else _NO_NEWLINE)
            case "^":
                return self._anchor(Start(), flags)
            case "$":
                return self._anchor(End(), flags)
            case "\\":
                return self._escape(flags)
            case "*" | "+" | "?":
                raise self.wrong(f"nothing before {character} to repeat")
        return self._literal(ord(character), flags)

    def _anchor(self, node: Node, flags: frozenset[str]) -> Node:
        if "m" in flags:
            raise self.wrong("anchors of lines, (?m), are not taken")
        return node

    def _group_name(self) -> None:
        if self._skip("?:"):
            return
        if self._skip("?P<") or (self._peek(2) == "?<" and self._peek(3) not in ("?<=", "?<!")):
            self._skip("?<")
            end = self._text.find(">", self._at)
            if end < 0 or not self._text[self._at : end].replace("_", "a").isalnum():
                raise self.wrong("the name of a group is not closed by >")
            self._at = end + 1
        elif self._peek() == "?":
            raise self.wrong("look-around and other groups that begin with (? are not taken")

    def _repeated(self, part: Node) -> Node:
        found = self._repeat()
        if found is None:
            return part
        self._skip("?")  # which way is tried first makes no difference to whether the whole text matches
        if self._repeat() is not None:
            raise self.wrong("a repeat is repeated: put it into a group")
        return Repeat(part, *found)

    def _repeat(self) -> tuple[int, int | None] | None:
        for mark, least, most in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if self._skip(mark):
                return least, most
        if self._peek() != "{":
            return None
        end = self._text.find("}", self._at)
        first, comma, last = self._text[self._at + 1 : max(end, 0)].partition(",")
        is_count = _is_number(first) and (not last or _is_number(last))
        if end < 0 or not is_count:
            return None  # as RE2: a brace that counts nothing is a character
        self._at = end + 1
        least, most = int(first), int(last) if last else (None if comma else int(first))
        if least > REPEATS_MAX or (most is not None and not least <= most <= REPEATS_MAX):
            raise self.wrong(f"a repeat is from 0 to {REPEATS_MAX} times, the smaller number first")
        return least, most

    # -- characters -----------------------------------------------------------------------------------

    def _literal(self, code_point: int, flags: frozenset[str]) -> Node:
        return self._characters(((code_point, code_point),), flags)

    def _characters(self, ranges: Ranges, flags: frozenset[str]) -> Node:
        return characters(in_both_cases(ranges) if "i" in flags else ranges)

    def _escape(self, flags: frozenset[str]) -> Node:
        mark = self._peek()
        if mark in ("A", "z"):
            self._at += 1
            return Start() if mark == "A" else End()
        found = self._class_escape()
        return characters(found) if found is not None else self._literal(self._escaped(), flags)

    def _class_escape(self) -> Ranges | None:
        mark = self._peek()
        found = _PERL.get(mark.lower())
        if found is None or not mark:
            return None
        self._at += 1
        return found if mark.islower() else inverted(found)

    def _escaped(self) -> int:
        mark = self._take()
        if mark in _CONTROL:
            return _CONTROL[mark]
        if mark == "x":
            return self._hexadecimal()
        if mark == "0":
            return self._octal()
        if mark.isalnum():
            raise self.wrong(f"\\{mark} is not taken")
        return ord(mark)

    def _octal(self) -> int:
        digits = ""
        while len(digits) < 2 and self._peek() and self._peek() in "01234567":
            digits += self._take()
        return int(digits or "0", 8)

    def _hexadecimal(self) -> int:
        if self._skip("{"):
            end = self._text.find("}", self._at)
            digits = self._text[self._at : max(end, 0)]
            self._at = end + 1
        else:
            digits = self._peek(2)
            self._at += 2
        if not digits.isascii() or not all(one in "0123456789abcdefABCDEF" for one in digits):
            raise self.wrong("\\x is not followed by hexadecimal digits")
        if not digits or len(digits) > 8 or int(digits, 16) > _LAST:
            raise self.wrong("\\x names no character")
        return int(digits, 16)

    def _bracket(self, flags: frozenset[str]) -> Ranges:
        is_inverted = self._skip("^")
        ranges: list[tuple[int, int]] = []
        is_first = True
        while is_first or self._peek() != "]":
            is_first = False
            found = self._bracket_class()
            if found is not None:
                ranges += found
                continue
            low = high = self._bracket_character()
            if self._peek() == "-" and self._peek(2) != "-]":
                self._at += 1
                high = self._bracket_character()
                if high < low:
                    raise self.wrong("a range of characters runs backwards")
            ranges.append((low, high))
        self._at += 1
        found = in_both_cases(tuple(ranges)) if "i" in flags else tuple(ranges)
        return inverted(found) if is_inverted else found

    def _bracket_class(self) -> Ranges | None:
        if self._skip("[:"):
            end = self._text.find(":]", self._at)
            name = self._text[self._at : max(end, 0)]
            found = _POSIX.get(name.removeprefix("^"))
            if found is None:
                raise self.wrong(f"[:{name[:20]}:] is no class of characters")
            self._at = end + 2
            return inverted(found) if name.startswith("^") else found
        if self._peek() == "\\" and self._peek(2)[1:].lower() in _PERL:
            self._at += 1
            return self._class_escape()
        return None

    def _bracket_character(self) -> int:
        character = self._take()
        return self._escaped() if character == "\\" else ord(character)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9
