"""How a request is taken apart into what is permitted and what is refused, and the answer put together again.

Owns: the few kinds of steps that the table of APIs is made of, and carrying them out one after the other.
Must not know: which API takes which steps; any API in particular.

- ``Whole``: a permission for the request as it is; without it the request is answered with an error.
- ``Each``: a permission for each part of a list; parts without it are taken out and answered with an error.
- ``Shown``: a permission for each part of the answer; parts without it are left out, or replaced by an error.
- ``Told``: what the request means by a pattern is left to who carries it out, with the means to ask.
- ``Bits``: an answer's field of authorized operations keeps the bits of what is permitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from streamz_core.broker.authorized_operations import OPERATIONS_ON, bits
from streamz_core.protocol.messages.authorized_operations import NOT_ASKED_FOR
from streamz_core.server.security.asking import Rule, code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streamz_core.errors import ErrorCode
    from streamz_core.protocol.messages.acls import ResourceType
    from streamz_core.server.security.asking import Asking


class Split(NamedTuple):
    """What of a request is permitted (None: nothing), and what makes the answer of that one's answer."""

    request: Any
    finish: Callable[[Any], Any]


class Step(Protocol):
    """One thing that is checked."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Any of them is enough; they are tried in this order."""

    @property
    def scope(self) -> str:
        """What it is checked for, in words for the documentation."""

    def split(self, asking: Asking, request: Any) -> Split:
        """Take the request apart."""


def carry_out(steps: Sequence[Step], asking: Asking, request: Any) -> Split:
    """Take ``request`` apart by all of ``steps``; the answer is put together in the opposite order."""
    finishes: list[Callable[[Any], Any]] = []
    for step in steps:
        request, finish = step.split(asking, request)
        finishes.append(finish)
        if request is None:
            break

    def finish_all(answer: Any) -> Any:
        for finish in reversed(finishes):
            answer = finish(answer)
        return answer

    return Split(request, finish_all)


@dataclass(frozen=True, slots=True)
class Whole:
    """The request as it is."""

    rules: tuple[Rule, ...]
    refused: Callable[[Any, ErrorCode], Any]
    """The answer to a request without the permission."""
    names: Callable[[Any], Sequence[str]] = lambda _: ("",)
    """The resources that it names; none: nothing is checked."""
    scope: str = "the request"

    def split(self, asking: Asking, request: Any) -> Split:
        """See ``Step``."""
        if all(asking.may(self.rules, name) for name in self.names(request)):
            return Split(request, _as_it_is)
        code = code_of(self.rules)
        return Split(None, lambda _: self.refused(request, code))


@dataclass(frozen=True, slots=True)
class Each:
    """The parts of the request's list ``asked``; the refused ones' answers join the answer's list ``answered``."""

    rules: tuple[Rule, ...]
    asked: str
    answered: str
    refused: Callable[[Any, ErrorCode], Any]
    """The answer to a part without the permission."""
    name: Callable[[Asking, Any], str | None]
    """Of a part; None where nothing is there to be protected: an id that no topic has."""
    applies: Callable[[Asking, Any, Any], bool] = lambda _asking, _request, _part: True
    """Whether a part of this request needs the permission."""
    nothing_left: Callable[[Any], Any] | None = None
    """The answer, still without parts, where a request without parts would mean all there are."""
    all_or_nothing: Callable[[Any], Any] | None = None
    """The answer to a permitted part where another is refused and the request is carried out as a whole."""
    scope: str = "each one named"

    def split(self, asking: Asking, request: Any) -> Split:
        """See ``Step``."""
        parts = getattr(request, self.asked)
        if not parts:
            return Split(request, _as_it_is)
        kept, refused = [], []
        code = code_of(self.rules)
        for part in parts:
            name = self.name(asking, part) if self.applies(asking, request, part) else None
            if name is None or asking.may(self.rules, name):
                kept.append(part)
            else:
                refused.append(self.refused(part, code))
        if not refused:
            return Split(request, _as_it_is)
        if self.all_or_nothing is not None:
            refused += [self.all_or_nothing(part) for part in kept]
            kept = []
        if not kept and self.nothing_left is not None:
            empty = self.nothing_left(request)
            return Split(None, lambda _: self._join(empty, refused))
        permitted = msgspec.structs.replace(request, **{self.asked: kept})
        return Split(permitted, lambda answer: self._join(answer, refused))

    def _join(self, answer: Any, refused: list[Any]) -> Any:
        return msgspec.structs.replace(answer, **{self.answered: [*getattr(answer, self.answered), *refused]})


@dataclass(frozen=True, slots=True)
class Shown:
    """The parts of the answer's list ``answered``: what is not permitted is left out, or replaced."""

    rules: tuple[Rule, ...]
    answered: str
    names: Callable[[Asking, Any], Sequence[str | None]]
    """All that must be permitted for a part to be shown; None is permitted."""
    replaced: Callable[[Any, ErrorCode], Any] | None = None
    """What a part becomes that is not permitted; None: it is left out, and nobody is told."""
    is_extra: bool = False
    """Whether what is replaced was not asked for: then its refusal is none for the audit."""
    scope: str = "each one shown"

    def split(self, asking: Asking, request: Any) -> Split:
        """See ``Step``."""
        return Split(request, lambda answer: self._shown(asking, answer))

    def _shown(self, asking: Asking, answer: Any) -> Any:
        parts = getattr(answer, self.answered)
        if not parts:
            return answer
        may = asking.may_quietly if self.replaced is None or self.is_extra else asking.may
        shown, is_changed = [], False
        for part in parts:
            if all(name is None or may(self.rules, name) for name in self.names(asking, part)):
                shown.append(part)
                continue
            is_changed = True
            if self.replaced is not None:
                shown.append(self.replaced(part, code_of(self.rules)))
        return msgspec.structs.replace(answer, **{self.answered: shown}) if is_changed else answer


@dataclass(frozen=True, slots=True)
class Told:
    """What is permitted is told by a function in the request's ``field``, to be asked about each name."""

    rules: tuple[Rule, ...]
    field: str
    scope: str

    def split(self, asking: Asking, request: Any) -> Split:
        """See ``Step``."""
        told = msgspec.structs.replace(request, **{self.field: partial(asking.may_quietly, self.rules)})
        return Split(told, _as_it_is)


@dataclass(frozen=True, slots=True)
class Bits:
    """The authorized operations that an answer, or each part of its list ``answered``, tells of a resource."""

    rules: tuple[Rule, ...]
    """What has to be permitted for any bit to be told."""
    field: str
    answered: str | None = None
    name: Callable[[Any], str] = lambda _: ""
    scope: str = "its authorized operations"

    def split(self, asking: Asking, request: Any) -> Split:
        """See ``Step``."""
        return Split(request, lambda answer: self._told(asking, answer))

    def _told(self, asking: Asking, answer: Any) -> Any:
        if self.answered is None:
            return self._masked(asking, answer)
        parts = [self._masked(asking, part) for part in getattr(answer, self.answered)]
        return msgspec.structs.replace(answer, **{self.answered: parts})

    def _masked(self, asking: Asking, part: Any) -> Any:
        told = getattr(part, self.field)
        if told in (NOT_ASKED_FOR, 0):
            return part
        name = self.name(part)
        is_told = asking.may_quietly(self.rules, name)
        mask = permitted_bits(asking, self.rules[0].resource_type, name) if is_told else 0
        return msgspec.structs.replace(part, **{self.field: told & mask})


def permitted_bits(asking: Asking, kind: ResourceType, name: str) -> int:
    """The operations on a resource that are permitted, as bits (KIP-430)."""
    return bits(one for one in OPERATIONS_ON[kind] if asking.may_quietly((Rule(one, kind),), name))


def _as_it_is(answer: Any) -> Any:
    return answer
