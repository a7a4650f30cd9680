"""``streamz configs`` end to end."""

from __future__ import annotations

import json

import pytest


def test_a_topics_settings_are_changed_and_described(made):
    said = made(
        "configs --entity-type topics --entity-name t --alter "
        "--add-config retention.ms=1000,cleanup.policy=[compact,delete]"
    )
    headline, *lines = made("configs --entity-type topics --entity-name t --describe").splitlines()

    assert said == "Completed updating config for topic t.\n"
    assert headline == "Dynamic configs for topic t are:"
    assert lines == [
        (
            "  cleanup.policy=compact,delete sensitive=false synonyms="
            "{DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, DEFAULT_CONFIG:log.cleanup.policy=delete}"
        ),
        (
            "  retention.ms=1000 sensitive=false synonyms="
            "{DYNAMIC_TOPIC_CONFIG:retention.ms=1000, DEFAULT_CONFIG:log.retention.ms=604800000}"
        ),
    ]

    made("configs --topic t --alter --delete-config retention.ms,cleanup.policy --add-config segment.ms=7")
    assert made("configs --topic t --describe").splitlines()[1:] == [
        (
            "  segment.ms=7 sensitive=false synonyms="
            "{DYNAMIC_TOPIC_CONFIG:segment.ms=7, DEFAULT_CONFIG:log.roll.ms=604800000}"
        )
    ]


def test_the_brokers_settings_hold_over_restarts_and_for_topics(made):
    made(
        "configs --entity-type brokers --entity-name 0 --alter --add-config num.partitions=3,log.retention.ms=5"
    )
    made("configs --broker-defaults --alter --add-config num.partitions=2")
    made("topics --create --topic new")

    assert "PartitionCount: 3" in made("topics --describe --topic new")
    assert "  log.retention.ms=5 " in made("configs --broker 0 --describe")
    (topic,) = json.loads(made("configs --topic new --describe --all --json"))
    assert topic["configs"]["retention.ms"] == {
        "value": "5",
        "source": "DYNAMIC_BROKER_CONFIG",
        "read_only": False,
        "type": "long",
    }
    made("configs --broker 0 --alter --delete-config num.partitions")
    headlines = [
        one for one in made("configs --entity-type brokers --describe").splitlines() if one[0] != " "
    ]
    assert headlines == [
        "Dynamic configs for broker 0 are:",
        "Default configs for brokers in the cluster are:",
    ]
    made("topics --create --topic newer")
    assert "PartitionCount: 2" in made("topics --describe --topic newer")


def test_all_settings_are_described(made):
    headline, *lines = made("configs --broker 0 --describe --all").splitlines()

    assert headline == "All configs for broker 0 are:"
    assert len(lines) > 40
    assert any(line.startswith("  durability=sync ") for line in lines)


def test_settings_are_read_from_a_file(made, tmp_path):
    file = tmp_path / "topic.properties"
    file.write_text("# these\nretention.ms=9\ncleanup.policy=compact,delete\n")

    made("configs --topic t --alter --add-config-file", str(file))

    (described,) = json.loads(made("configs --topic t --describe --json"))
    assert {key: one["value"] for key, one in described["configs"].items()} == {
        "retention.ms": "9",
        "cleanup.policy": "compact,delete",
    }


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("configs", 2, "--describe, --alter"),
        ("configs --describe", 2, "name one entity"),
        ("configs --describe --topic t --broker 0", 2, "name one entity"),
        ("configs --describe --entity-type groups", 2, "groups"),
        ("configs --describe --entity-type topics --entity-default", 2, "--entity-default"),
        ("configs --describe --topic t --add-config a=1", 2, "--alter"),
        ("configs --alter --topic t", 2, "--add-config"),
        ("configs --alter --entity-type topics --add-config a=1", 2, "--entity-name"),
        ("configs --alter --topic t --add-config retention.ms", 2, "--add-config"),
        ("configs --alter --topic t --add-config retention.ms=soon", 1, "allowed is"),
        ("configs --alter --topic t --add-config no.such=1", 1, "no.such"),
        ("configs --alter --topic t --delete-config retention.ms", 1, "not set"),
        ("configs --alter --topic nowhere --add-config retention.ms=1", 1, "nowhere"),
        ("configs --alter --broker 0 --add-config durability=none", 1, "cannot be changed"),
        ("configs --alter --broker 7 --add-config num.partitions=1", 1, "7"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(made, text, code, said):
    assert said in made(text, code=code)
