"""The audit log: who was let in, who was not, and who was refused what.

Owns: its lines, that one peer cannot fill the disk with them, and the counters beside them.
Must not know: what is permitted.

Logger ``streamz_core.audit``: denials and failed logins are warnings, logins are info. What a peer chose (its name, a
topic) is escaped; passwords, proofs and tokens are never part of a line.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from streamz_core.server.security.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamz_core.broker.security.acl_table import Subject
    from streamz_core.clock import Clock
    from streamz_core.server.security.asking import Rule

REPEATED_MS: Final = 60_000
"""The same denial is a line once in so long."""
LINES_MAX: Final = 100
"""Lines about one peer in as long; what is more is told in one line, and how much it was in the next after that."""
_REMEMBERED_MAX: Final = 1_000
_NAMED_MAX: Final = 10
"""Resources of one request that are named; of more, how many there are."""

_log: Final = logging.getLogger("streamz_core.audit")


class Audit:
    """What is told of one server's peers."""

    def __init__(self, clock: Clock) -> None:
        self.denials = 0
        """Resources that were asked for and refused."""
        self.failed_logins = 0
        self._clock = clock
        self._told_ms: dict[str, float] = {}
        self._untold: dict[str, int] = {}
        self._lines: dict[str, _Lines] = {}

    def denied(self, subject: Subject, api: str, refused: Iterable[tuple[Rule, str]]) -> None:
        """Tell that a request, or a part of one, was refused."""
        distinct = list(dict.fromkeys(refused))
        self.denials += len(distinct)
        if not distinct:
            return
        named = ", ".join(
            f"{rule.operation.name} on {rule.resource_type.name} {printable(name)!r}"
            for rule, name in distinct[:_NAMED_MAX]
        )
        more = f" and {len(distinct) - _NAMED_MAX} more" if len(distinct) > _NAMED_MAX else ""
        who = f"denied: {printable(subject.principal)} from {subject.host}"
        self._tell(who, f"{who}: {api}: {named}{more}")

    def login_failed(self, host: str, mechanism: str, reason: str) -> None:
        """Tell that a peer did not prove who it is."""
        self.failed_logins += 1
        who = f"login failed: from {host}"
        self._tell(who, f"{who} by {printable(mechanism)}: {printable(reason)}")

    def logged_in(self, principal: str, host: str, mechanism: str) -> None:
        """Tell that a peer did."""
        _log.info("login: %s from %s by %s", printable(principal), host, mechanism)

    def _tell(self, who: str, line: str) -> None:
        now_ms = self._clock.monotonic_ms()
        told_ms = self._told_ms.get(line)
        if told_ms is not None and now_ms - told_ms < REPEATED_MS:
            self._untold[line] = self._untold.get(line, 0) + 1
            return
        if len(self._told_ms) >= _REMEMBERED_MAX:
            self._told_ms.clear()
            self._untold.clear()
        self._told_ms[line] = now_ms
        if self._may_say_more(who, now_ms):
            repeated = self._untold.pop(line, 0)
            _log.warning("%s%s", line, f" (and {repeated} times before)" if repeated else "")

    def _may_say_more(self, who: str, now_ms: float) -> bool:
        """Whether there is a line left for this peer: it may find something new to be refused every time."""
        lines = self._lines.get(who)
        if lines is None or now_ms - lines.since_ms >= REPEATED_MS:
            if lines is not None and lines.count > LINES_MAX:
                _log.warning("%s: %d more in %d s", who, lines.count - LINES_MAX, REPEATED_MS // 1_000)
            if len(self._lines) >= _REMEMBERED_MAX:
                self._lines.clear()
            lines = self._lines[who] = _Lines(now_ms)
        lines.count += 1
        if lines.count == LINES_MAX + 1:
            _log.warning(
                "%s: more than %d in %d s; the rest is counted", who, LINES_MAX, REPEATED_MS // 1_000
            )
        return lines.count <= LINES_MAX


class _Lines:
    """How much was told, or not, about one peer."""

    __slots__ = ("count", "since_ms")

    def __init__(self, since_ms: float) -> None:
        self.since_ms = since_ms
        self.count = 0
