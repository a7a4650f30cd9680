"""``python -m tests.oracle.windows``: what Kafka Streams says to windows and suppressions, as ``windows.json.gz``.

Like ``python -m tests.oracle``, with programs that have little else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.oracle.kafka_streams import judge, keep, prepare
from tests.oracle.program import case, differs_on_purpose

CASES = Path(__file__).parent / "windows.json.gz"
COUNT = 360
FIRST_SEED = 100_000
WINDOWS = frozenset(
    {
        *("window_count", "window_reduce", "window_aggregate", "sliding"),
        *("session_count", "session_reduce", "session_aggregate"),
        *("suppress_closes", "suppress_limit"),
    }
)
BESIDE = frozenset(
    {
        *("group_by", "group_by_key", "window_stream", "to_stream", "count", "to_table"),
        *("table_filter", "table_filter_not", "table_map_values"),
    }
)


def main() -> None:
    prepare()
    wanted: list[dict[str, Any]] = []
    seed = FIRST_SEED
    while len(wanted) < COUNT:
        made = case(seed, WINDOWS | BESIDE)
        seed += 1
        if _has_windows(made) and not differs_on_purpose(made):
            wanted.append(made)
    kept = [one for one in judge(wanted) if "error" not in one]
    keep(kept, CASES)
    print(f"{len(kept)} cases kept, {len(wanted) - len(kept)} refused by Kafka Streams")


def _has_windows(made: dict[str, Any]) -> bool:
    return any(step["op"] in WINDOWS for step in made["steps"])


if __name__ == "__main__":
    main()
