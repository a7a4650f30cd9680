"""``TopicPattern``: topics that are read by a regular expression, those that are made later too.

Owns: which topics a pattern stands for, and which it never does.
Must not know: brokers, tasks, when topics are looked for.

A pattern stands for topics whose names match as a whole (as Java's ``matches``, Python's ``fullmatch``). What an app
makes for itself is none of them: changelogs, topics in between and dead letters would feed the app with its own work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from streamz_core.errors import Misuse
from streamz_core.streams.error_policy import DEAD_LETTER_SUFFIX, ErrorAction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from streamz_core.streams.error_policy import ErrorPolicy

_UNFIT: Final = re.compile(r"[^a-zA-Z0-9._-]+")
_VERSION: Final = re.compile(r"-v[0-9]+\Z")
_OWN_ENDS: Final = ("-changelog", "-repartition", "-topology")


@dataclass(frozen=True, slots=True)
class TopicPattern:
    """A regular expression for names of topics.

    >>> TopicPattern(re.compile("orders-(eu|us)")).matches("orders-eu-old")
    False
    """

    regex: re.Pattern[str]

    def __post_init__(self) -> None:
        """Refuse an expression for bytes: topics have names of text."""
        if not isinstance(self.regex.pattern, str):
            raise Misuse(f"pattern {self.regex.pattern!r}: names of topics are text, compile it from a str")

    def matches(self, topic: str) -> bool:
        """Whether it stands for ``topic``, as far as the name goes.

        Dead letters of a topic that matches are not one more such topic: they would fail again.
        """
        base = topic.removesuffix(DEAD_LETTER_SUFFIX)
        return self._fits(topic) and (base == topic or not self._fits(base))

    @property
    def text(self) -> str:
        """The expression with its flags: it can be compiled again.

        >>> TopicPattern(re.compile("Orders-.*", re.IGNORECASE)).text
        '(?i:Orders-.*)'
        """
        letters = {re.IGNORECASE: "i", re.DOTALL: "s", re.MULTILINE: "m", re.VERBOSE: "x", re.ASCII: "a"}
        flags = "".join(letter for flag, letter in letters.items() if self.regex.flags & flag)
        end = "\n" if self.regex.flags & re.VERBOSE else ""  # a comment goes to the end of its line
        return f"(?{flags}:{self.regex.pattern}{end})" if flags else self.regex.pattern

    @property
    def name(self) -> str:
        """What tasks are called by: fit for files, and another for each pattern.

        >>> TopicPattern(re.compile("orders-.*")).name
        'pattern-orders-.-91ef8f66'
        """
        readable = _UNFIT.sub("", self.regex.pattern)[:80]
        return f"pattern-{readable}-{sha256(self.text.encode()).hexdigest()[:8]}"

    def __str__(self) -> str:
        """As it was written."""
        return self.regex.pattern

    def _fits(self, topic: str) -> bool:
        return self.regex.fullmatch(topic) is not None


def topic_pattern(given: str | re.Pattern[str]) -> TopicPattern:
    """A pattern from its text, or compiled. Raises ``Misuse`` for what is no regular expression."""
    if isinstance(given, re.Pattern):
        return TopicPattern(given)
    try:
        return TopicPattern(re.compile(given))
    except (re.error, TypeError) as error:
        raise Misuse(f"pattern {given!r} is not a regular expression: {error}") from None


def is_own(topic: str, app_id: str) -> bool:
    """Whether the app made the topic for itself, in this version or another.

    >>> is_own("orders-app-counts-changelog", "orders-app-v2")
    True
    """
    return topic.startswith(f"{_VERSION.sub('', app_id)}-") and topic.endswith(_OWN_ENDS)


def dead_letter_topics(policies: Iterable[ErrorPolicy]) -> set[str]:
    """The topics that policies name for dead letters."""
    return {
        policy.dead_letter_topic
        for policy in policies
        if policy.action is ErrorAction.DEAD_LETTER and policy.dead_letter_topic is not None
    }


def stand_for(
    patterns: Iterable[TopicPattern],
    present: Iterable[str],
    *,
    app_id: str,
    named: Collection[str] = (),
    dead_letters: Collection[str] = (),
) -> dict[TopicPattern, tuple[str, ...]]:
    """By pattern: which of the topics that are ``present`` it stands for, in the order of their names.

    ``named`` are topics that the app reads by name, ``dead_letters`` those it is told to write dead letters to.
    Raises ``Misuse`` for a topic that is read by name and by pattern, or by two patterns.
    """
    found: dict[TopicPattern, list[str]] = {pattern: [] for pattern in patterns}
    for topic in sorted(set(present)):
        fitting = [pattern for pattern in found if pattern.matches(topic)]
        if not fitting or topic in dead_letters or is_own(topic, app_id):
            continue
        if topic in named:
            refuse_named(topic, fitting[0])
        if len(fitting) > 1:
            raise Misuse(
                f"topic {topic!r} matches two patterns, {fitting[0].text!r} and {fitting[1].text!r}: it can be read "
                "by one. Make them narrower, or read one pattern once and split the stream"
            )
        found[fitting[0]].append(topic)
    return {pattern: tuple(topics) for pattern, topics in found.items()}


def refuse_named(topic: str, pattern: TopicPattern) -> None:
    """Raise for a topic that is read by name too."""
    raise Misuse(
        f"topic {topic!r} is read by name, and matches pattern {pattern.text!r}, which is read as well: it can be "
        "read once. Make the pattern narrower, or split the stream of the pattern"
    )
