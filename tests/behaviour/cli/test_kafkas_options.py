"""Owns: options of Kafka's tools that are taken, and those that are refused with the reason."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from streamz_core.cli.main import main


def test_replicas_are_assigned_to_the_one_broker(line):
    line("topics --create --topic t --replica-assignment 0,0,0")
    line("topics --alter --topic t --partitions 4 --replica-assignment 0,0,0,0")

    (described,) = json.loads(line("topics --describe --topic t --json"))
    assert len(described["partitions"]) == 4
    assert "broker" in line("topics --create --topic u --replica-assignment 0,1", code=1)


def test_topics_tell_what_was_done_as_json(made):
    assert json.loads(made("topics --alter --topic t --config retention.ms=1 --json")) == {
        "topic": "t",
        "done": "altered",
    }
    assert json.loads(made("topics --delete --topic t --json")) == {"topic": "t", "done": "deleted"}


def test_groups_of_all_types_are_listed(grouped):
    def rows(options: str) -> list[list[str]]:
        titles, *found = grouped(f"kafka-groups --list {options}").splitlines()
        assert titles.split() == ["GROUP", "TYPE", "PROTOCOL"]
        return [row.split() for row in found]

    group = ["g", "Classic", "consumer"]
    for options in ("", "--consumer", "--group-type classic --protocol consumer"):
        assert rows(options) == [group]
    for options in ("--share", "--streams", "--group-type consumer", "--protocol connect"):
        assert rows(options) == []
    assert json.loads(grouped("list-groups --json")) == [
        {"group": "g", "type": "classic", "protocol": "consumer"}
    ]


def test_a_pattern_of_members_is_judged_without_an_address(line):
    assert line("groups --validate-regex a.*") == "The regular expression `a.*` is valid.\n"
    assert "`a(` is invalid" in line("groups --validate-regex a(", code=1)


def test_a_group_deleted_as_json(grouped):
    assert json.loads(grouped("groups --delete --group g --json")) == ["g"]


def test_epochs_are_shown_where_they_are_asked_for(grouped):
    _, titles, *_ = grouped("groups --describe --group g --verbose").splitlines()
    assert titles.split()[2:5] == ["PARTITION", "LEADER-EPOCH", "CURRENT-OFFSET"]
    _, titles, *_ = grouped("groups --describe --group g --state --verbose").splitlines()
    assert titles.split()[-3:] == ["GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH", "#MEMBERS"]


@pytest.mark.parametrize(
    ("topic", "name", "key"),
    [
        (
            "__consumer_offsets",
            "org.apache.kafka.tools.consumer.OffsetsMessageFormatter",
            {"type": 1, "data": {"group": "g", "topic": "t", "partition": 0}},
        ),
        ("__consumer_offsets", "GroupMetadataMessageFormatter", {"type": 2, "data": {"group": "g"}}),
        (
            "__transaction_state",
            "TransactionLogMessageFormatter",
            {"type": 0, "data": {"transactionalId": "x"}},
        ),
    ],
)
def test_records_of_internal_topics_are_read(grouped, topic, name, key):
    grouped("producer-perf --topic t --num-records 1 --record-size 1 --transactional-id x")

    printed = grouped(
        f"console-consumer --topic {topic} --from-beginning --timeout-ms 200 --formatter {name}"
    )

    said = [json.loads(one) for one in printed.splitlines()]
    assert said
    assert all(one["key"] == key for one in said)


def test_a_formatter_that_prints_nothing(grouped):
    assert grouped.consume("--formatter org.apache.kafka.tools.consumer.NoOpMessageFormatter") == []
    assert "Processed a total of 6 messages" in grouped.stderr
    assert "NoOpMessageFormatter" in grouped("console-consumer --topic t --formatter Nope", code=2)


def test_the_figures_of_the_performance_tools_as_json(line):
    (sent,) = line("producer-perf --topic t --num-records 500 --record-size 10 --json").splitlines()
    (read,) = line("consumer-perf --topic t --num-records 500 --json").splitlines()
    (trips,) = line("e2e-latency --topic u --num-records 3 --record-size 10 --json").splitlines()

    assert json.loads(sent)["records"] == json.loads(read)["records"] == 500
    assert json.loads(sent)["latency_ms"].keys() == {"mean", "max", "50th", "95th", "99th", "99.9th"}
    assert json.loads(read)["fetch_time_ms"] >= 0
    assert json.loads(trips)["records"] == 3


def test_latency_takes_its_old_arguments(line):
    done = CliRunner().invoke(main, ["e2e-latency", line.address, "t", "3", "1", "10"])

    assert (done.exit_code, "Avg latency" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("given", "shown"),
    [("yyyy-MM-dd'T'HH:mm", r"\d{4}-\d\d-\d\dT\d\d:\d\d"), ("SSS", r"\d{3}"), ("%H", r"\d\d")],
)
def test_dates_are_written_as_java_has_them(line, given, shown):
    line("producer-perf --topic t --num-records 1 --record-size 1")

    printed = line("consumer-perf --topic t --messages 1 --hide-header --date-format", given)

    assert re.fullmatch(shown, printed.split(", ")[0])


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("topics --list --create", "exactly one"),
        ("console-producer --topic t --message-send-max-retries 3", "--request-timeout-ms"),
        ("console-producer --topic t --line-reader com.example.Mine", "LineMessageReader"),
        ("console-consumer --topic t --enable-systest-events", "no such events"),
        ("configs --describe --entity-type client-metrics", "no metrics"),
        ("configs --describe --entity-type groups", "groups have no settings"),
        ("streams-application-reset --application-id a --intermediate-topics t", "there are none"),
        ("acls --list --user-principal User:a", "no delegation tokens"),
        ("consumer-perf --topic t --messages 1 --date-format Q", "'Q' is not known"),
    ],
)
def test_what_has_nothing_to_act_on_is_refused_with_the_reason(line, command, reason):
    assert reason in line(command, code=2)


def test_what_only_tunes_a_client_is_taken(made):
    made.produce("a", options="--socket-buffer-size 102400 --line-reader kafka.tools.LineMessageReader")
    assert made("consumer-perf --topic t --messages 1 --socket-buffer-size 2097152 --hide-header")
    assert made("topics --describe --partition-size-limit-per-response 10")


def test_a_dry_run_names_the_option_it_is_ended_by(made):
    made("kafka-streams-application-reset --application-id a --input-topics t --dry-run")

    assert "leave --dry-run out" in made.stderr
