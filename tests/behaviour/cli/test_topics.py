"""``streamz topics`` end to end."""

from __future__ import annotations

import json

import pytest


def test_a_topic_is_created_listed_described_altered_and_deleted(line):
    assert (
        line("topics --create --topic a.b --partitions 2 --config retention.ms=1000")
        == "Created topic a.b.\n"
    )
    line("topics --create --topic a-b")
    assert line("topics --list") == "a-b\na.b\n"

    first, *parts = line("topics --describe --topic a.b").splitlines()
    fields = dict(field.split(": ") for field in first.split("\t"))
    assert list(fields) == ["Topic", "TopicId", "PartitionCount", "ReplicationFactor", "Configs"]
    assert (fields["Topic"], fields["PartitionCount"], fields["Configs"]) == ("a.b", "2", "retention.ms=1000")
    assert len(fields["TopicId"]) == 22
    one = "\tTopic: a.b\tPartition: {}\tLeader: 0\tReplicas: 0\tIsr: 0\tElr: \tLastKnownElr: "
    assert parts == [one.format(number) for number in (0, 1)]
    assert line(f"topics --describe --topic-id {fields['TopicId']}").startswith("Topic: a.b\t")

    line(
        "topics --alter --topic a.b --partitions 3 --config cleanup.policy=compact,delete --delete-config retention.ms"
    )
    (described,) = json.loads(line("topics --describe --topic a.b --json"))
    assert described["configs"] == {"cleanup.policy": "compact,delete"}
    assert [part["partition"] for part in described["partitions"]] == [0, 1, 2]

    assert line("topics --delete --topic a.b") == "Deleted topic a.b.\n"
    assert json.loads(line("topics --list --json")) == ["a-b"]


def test_topics_are_meant_by_pattern_and_list(line):
    for name in ("one", "two", "three"):
        line(f"topics --create --topic {name}")

    assert line("topics --list --topic t.*") == "three\ntwo\n"
    assert line("topics --list --topic one,two") == "one\ntwo\n"
    line("topics --delete --topic t.*")
    assert line("topics --list") == "one\n"


def test_internal_topics_can_be_left_out_and_are_not_deleted(made):
    made.produce("x")
    made.consume("--group g")

    assert made("topics --list") == "__consumer_offsets\nt\n"
    assert made("topics --list --exclude-internal") == "t\n"
    assert "kept by the broker itself" in made("topics --delete --topic .*", code=1)
    assert made("topics --list") == "__consumer_offsets\n", "what could be deleted is"


def test_partitions_and_topics_are_filtered(made):
    made("topics --create --topic set --config retention.ms=1")

    assert made("topics --describe --unavailable-partitions") == ""
    assert made("topics --describe --under-replicated-partitions") == ""
    assert made("topics --describe --topics-with-overrides").splitlines()[0].startswith("Topic: set\t")
    assert len(made("topics --describe --at-min-isr-partitions").splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("topics --create --topic t", 1, "exists already"),
        ("topics --create --topic t --if-not-exists", 0, ""),
        ("topics --create --topic no/slash", 1, "no/slash"),
        ("topics --create --topic x --config retention.mss=1", 1, "retention.mss"),
        ("topics --create --topic x --config retention.ms", 2, "--config takes key=value"),
        ("topics --create --topic x --partitions 0", 1, "0 partitions"),
        ("topics --create", 2, "--create needs --topic"),
        ("topics", 2, "give exactly one of --list"),
        ("topics --list --partitions 3", 2, "--partitions goes with"),
        ("topics --list --nonsense", 2, "--nonsense"),
        ("topics --describe --topic none", 1, "topic 'none' does not exist (see: streamz topics --list)"),
        ("topics --describe --topic none --if-exists", 0, ""),
        ("topics --delete --topic none --if-exists", 0, ""),
        ("topics --delete --topic none", 1, "does not exist"),
        ("topics --describe --topic a(", 2, "no regular expression"),
        ("topics --alter --topic t", 2, "--alter needs"),
        ("topics --alter --topic t --partitions 1", 1, "t"),
        ("topics --alter --topic none --partitions 2 --if-exists", 0, ""),
        ("topics --list --command-config /no/such/file", 2, "cannot be read"),
    ],
)
def test_topics_says_what_is_wrong(made, text, code, said):
    assert said in made(text, code=code)


def test_a_command_config_is_read_and_security_it_cannot_give_refused(made, tmp_path):
    path = tmp_path / "client.properties"
    path.write_text("client.id=me\n")
    assert made(f"topics --list --command-config {path}") == "t\n"

    path.write_text("security.protocol=SASL_SSL\n")
    assert "embedded log" in made(f"topics --list --command-config {path}", code=2)
