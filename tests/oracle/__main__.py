"""``python -m tests.oracle [cases] [--first SEED]``: ask Kafka Streams, and write what it says to ``cases.json.gz``.

Needs Java 17 and Maven. The programs use every operation that ``topology.py`` can build.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.oracle.kafka_streams import judge, keep, prepare
from tests.oracle.program import OPERATIONS, case, differs_on_purpose
from tests.oracle.topology import OPERATIONS as OURS

CASES = Path(__file__).parent / "cases.json.gz"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("cases", nargs="?", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--only", type=_names, help="use no other operations than these, by commas")
    parser.add_argument("--having", type=_names, help="keep only programs with one of these operations")
    parser.add_argument("--out", default=CASES.name, help="the file in this directory to write to")
    given = parser.parse_args()
    prepare()
    used = OURS & OPERATIONS & (given.only or OPERATIONS)
    wanted = [case(seed, used) for seed in range(given.first, given.first + given.cases)]
    if given.having:
        wanted = [one for one in wanted if given.having & {step["op"] for step in one["steps"]}]
    wanted = [one for one in wanted if not differs_on_purpose(one)]
    judged = judge(wanted)
    refused = [one for one in judged if "error" in one]
    kept = [one for one in judged if "error" not in one]
    keep(kept, CASES.parent / given.out)
    print(f"{len(kept)} cases kept, {len(refused)} refused by Kafka Streams")
    for reason in sorted({one["error"] for one in refused}):
        print(f"  {reason}")


def _names(given: str) -> frozenset[str]:
    return frozenset(given.split(","))


if __name__ == "__main__":
    main()
