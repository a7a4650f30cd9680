"""The history checker: a history in, everything that is wrong with it out.

Owns: the list of checks, and the report.
Must not know: what wrote the history. Run it on a directory of histories::

    python -m tests.chaos.checker DIRECTORY
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import NamedTuple

from tests.chaos import atomicity, groups, reads, topics, writes
from tests.chaos.anomaly import Anomaly
from tests.chaos.facts import Facts
from tests.chaos.operations import Committed, Ended, History, Opening, Polled, Sending, Sent

CHECKS = (writes, reads, atomicity, groups, topics)


class Size(NamedTuple):
    """How much a history holds."""

    operations: int
    lives: int
    records_sent: int
    records_acknowledged: int
    records_polled: int
    transactions_ended: int
    commits: int

    def __str__(self) -> str:
        return ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in self._asdict().items())


def check(history: History) -> list[Anomaly]:
    """Every anomaly of ``history``; empty if all is as promised."""
    facts = Facts(history)
    return [anomaly for module in CHECKS for anomaly in module.anomalies(facts)]


def size(history: History) -> Size:
    """Count what is in ``history``."""
    kinds = Counter(map(type, history))
    return Size(
        operations=len(history),
        lives=kinds[Opening],
        records_sent=sum(len(o.values) for o in history if isinstance(o, Sending)),
        records_acknowledged=sum(len(o.offsets) for o in history if isinstance(o, Sent)),
        records_polled=sum(len(o.offsets) for o in history if isinstance(o, Polled)),
        transactions_ended=kinds[Ended],
        commits=kinds[Committed],
    )


def report(history: History, found: list[Anomaly], most: int = 5) -> str:
    """What was found, by name, with the operations that show it."""
    lines = [f"{len(found)} anomalies in {size(history)}"]
    for name, number in Counter(anomaly.name for anomaly in found).items():
        lines.append(f"{number} x {name.value}")
        for anomaly in [anomaly for anomaly in found if anomaly.name is name][:most]:
            lines.append(f"  {anomaly}")
            lines += [f"    {at}: {history[at]}"[:400] for at in anomaly.at[:3]]
    return "\n".join(lines)


def main(directory: str) -> int:
    from tests.chaos.journal import load

    history = load(directory)
    found = check(history)
    print(report(history, found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
