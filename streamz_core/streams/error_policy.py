"""What becomes of a record that fails: a value, chosen by the user, carried out by the runtime.

Owns: ``ErrorPolicy`` and the ready-made policies.
Must not know: how a policy is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from streamz_core.errors import Misuse


class ErrorAction(Enum):
    """What finally happens to a record that keeps failing."""

    FAIL = "fail"
    """The process stops with the reason and a non-zero exit; nothing is skipped."""
    SKIP = "skip"
    """The record is counted, logged and passed over."""
    DEAD_LETTER = "dead_letter"
    """Its raw bytes go to the dead-letter topic, error and origin in headers, in the same commit."""


@dataclass(frozen=True, slots=True)
class ErrorPolicy:
    """Try ``retries`` more times with exponential back-off, then take ``action``.

    The waits are ``backoff_ms`` times 1, 2, 4 … up to ``backoff_max_ms``.
    ``dead_letter_topic`` None means ``{source topic}-dlq``.
    """

    action: ErrorAction = ErrorAction.FAIL
    retries: int = 0
    backoff_ms: int = 100
    backoff_max_ms: int = 10_000
    dead_letter_topic: str | None = None

    def backoff_before_retry_ms(self, attempt: int) -> int:
        """How long to wait before retry ``attempt``, counted from 1."""
        return min(self.backoff_ms << (attempt - 1), self.backoff_max_ms)


def error_policy(given: ErrorPolicy | str | None, what: str) -> ErrorPolicy:
    """``given`` by its name, or as it is; None is to fail. ``what`` opens the message of the ``Misuse``.

    >>> error_policy("skip", "topic 'views': on_decode_error").action.value
    'skip'
    """
    if given is None:
        return FAIL
    if isinstance(given, ErrorPolicy):
        return given
    try:
        return ErrorPolicy(ErrorAction(given))
    except ValueError:
        allowed = ", ".join(repr(action.value) for action in ErrorAction)
        raise Misuse(f"{what} must be one of {allowed}, or an ErrorPolicy; got {given!r}") from None


DEAD_LETTER_SUFFIX: Final = "-dlq"
"""What dead letters' topics end with, behind the name of the topic they come from."""

FAIL: Final = ErrorPolicy()
SKIP: Final = ErrorPolicy(ErrorAction.SKIP)
DEAD_LETTER: Final = ErrorPolicy(ErrorAction.DEAD_LETTER)
