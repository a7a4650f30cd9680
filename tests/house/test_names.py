"""Owns: the rule that a module is named after the one thing in it."""

from pathlib import PurePosixPath

from tests.house.sources import all_sources

NAMES_THAT_SAY_NOTHING = {
    "base",
    "common",
    "helper",
    "helpers",
    "misc",
    "shared",
    "stuff",
    "tools",
    "util",
    "utils",
}


def test_no_module_has_a_name_that_says_nothing():
    vague = [
        source.path
        for source in all_sources()
        if NAMES_THAT_SAY_NOTHING
        & {part.strip("_") for part in PurePosixPath(source.path).with_suffix("").parts}
        # Kafka's own module names are part of the drop-in surface.
        and not source.path.startswith("streamz_core/aiokafka/")
    ]

    assert vague == [], f"name each after the one thing in it: {vague}"
