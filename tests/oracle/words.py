"""``python -m tests.oracle.words``: what Kafka Streams says to the words that came later, as ``words.json.gz``.

Like ``python -m tests.oracle``, with as few programs as it takes to have each of these words in some of them.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.oracle.kafka_streams import judge, keep, prepare
from tests.oracle.program import case, differs_on_purpose

CASES = Path(__file__).parent / "words.json.gz"
SEEDS = range(310_000, 311_500)
EACH = 16
"""In how many programs each word is, at least."""
WORDS = frozenset(
    {
        *(
            "map_values_with_key",
            "flat_map_values_with_key",
            "peek",
            "through",
            "branch_default",
            "to_chosen",
        ),
        *("process", "process_values", "process_global", "unlimited_count"),
        *("window_cogroup", "sliding_cogroup", "session_cogroup"),
        *("table_map_values_with_key", "table_transform_values", "table_join_with_key"),
        *("stream_self_join", "stream_versioned_join", "foreign_key_of_both_join"),
        *("versioned_reduce", "versioned_filter", "versioned_table_join", "versioned_foreign_key_join"),
    }
)


def main() -> None:
    prepare()
    wanted = [made for made in map(case, SEEDS) if _words(made) and not differs_on_purpose(made)]
    used: Counter[str] = Counter()
    kept: list[dict[str, Any]] = []
    for one in judge(wanted):
        words = _words(one)
        if "error" not in one and any(used[word] < EACH for word in words):
            used.update(words)
            kept.append(one)
    keep(kept, CASES)
    print(f"{len(kept)} cases kept; the rarest word is in {min(used[word] for word in WORDS)}")


def _words(made: dict[str, Any]) -> set[str]:
    return {step["op"] for step in made["steps"]} & WORDS


if __name__ == "__main__":
    main()
