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
        self._told_ms: dict[tuple[str, ...], float] = {}
        self._untold: dict[tuple[str, ...], int] = {}

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
        line = f"denied: {printable(subject.principal)} from {subject.host}: {api}: {named}{more}"
        self._tell((line,), line)

    def login_failed(self, host: str, mechanism: str, reason: str) -> None:
        """Tell that a peer did not prove who it is."""
        self.failed_logins += 1
        line = f"login failed: from {host} by {printable(mechanism)}: {printable(reason)}"
        self._tell((line,), line)

    def logged_in(self, principal: str, host: str, mechanism: str) -> None:
        """Tell that a peer did."""
        _log.info("login: %s from %s by %s", printable(principal), host, mechanism)

    def _tell(self, key: tuple[str, ...], line: str) -> None:
        now_ms = self._clock.monotonic_ms()
        told_ms = self._told_ms.get(key)
        if told_ms is not None and now_ms - told_ms < REPEATED_MS:
            self._untold[key] = self._untold.get(key, 0) + 1
            return
        if len(self._told_ms) >= _REMEMBERED_MAX:
            self._told_ms.clear()
            self._untold.clear()
        self._told_ms[key] = now_ms
        repeated = self._untold.pop(key, 0)
        _log.warning("%s%s", line, f" (and {repeated} times before)" if repeated else "")
