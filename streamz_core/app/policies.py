"""An agent's or topic's words for what becomes of a failing record, as an ``ErrorPolicy``.

Owns: the reading of ``error_policy=``, ``dead_letter=`` and ``retry=``.
Must not know: how a policy is carried out (``streams.runtime``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamz_core.app.durations import Seconds, milliseconds
from streamz_core.app.errors import ImproperlyConfigured
from streamz_core.errors import Misuse
from streamz_core.streams.error_policy import ErrorAction, ErrorPolicy
from streamz_core.streams.error_policy import error_policy as policy_named


@dataclass(frozen=True, slots=True)
class Retry:
    """Try ``times`` more, waiting ``backoff`` seconds, then twice that, up to ``backoff_max``."""

    times: int
    backoff: Seconds = 0.1
    backoff_max: Seconds = 10.0


def error_policy(
    what: str,
    policy: ErrorPolicy | str | None,
    dead_letter: bool | str | None,
    retry: Retry | int | None,
) -> ErrorPolicy:
    """One policy of the three options; ``what`` opens the messages.

    >>> error_policy("agent 'a'", None, "views-bad", 3).action.value
    'dead_letter'
    """
    chosen = _action(what, policy)
    if dead_letter:
        topic = dead_letter if isinstance(dead_letter, str) else None
        if policy is not None and chosen.action is not ErrorAction.DEAD_LETTER:
            raise ImproperlyConfigured(
                f"{what}: error_policy={chosen.action.value!r} and dead_letter={dead_letter!r} contradict "
                f"each other; give one of them"
            )
        chosen = replace(chosen, action=ErrorAction.DEAD_LETTER, dead_letter_topic=topic)
    if retry is None:
        return chosen
    wanted = Retry(retry) if isinstance(retry, int) else retry
    if wanted.times < 0:
        raise ImproperlyConfigured(f"{what}: retry must be 0 or more, got {wanted.times}")
    return replace(
        chosen,
        retries=wanted.times,
        backoff_ms=milliseconds(wanted.backoff, f"{what}: retry backoff"),
        backoff_max_ms=milliseconds(wanted.backoff_max, f"{what}: retry backoff_max"),
    )


def _action(what: str, policy: ErrorPolicy | str | None) -> ErrorPolicy:
    try:
        return policy_named(policy, f"{what}: error_policy")
    except Misuse as error:
        raise ImproperlyConfigured(str(error)) from None
