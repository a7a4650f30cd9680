"""Every verb of the command line, end to end against a directory."""

from __future__ import annotations

import json
import struct

import pytest
from click.testing import CliRunner

from streamz_core.cli.main import main


class Line:
    """The command line on one data directory."""

    def __init__(self, path) -> None:
        self.path = path / "data"
        self.address = f"file://{self.path}"

    def __call__(self, text: str, *more: str, code: int = 0, stdin: str | bytes = b""):
        """Run a line and return what it printed; errors are one line, and never a traceback."""
        verb, *arguments = [*text.split(), *more]
        done = CliRunner().invoke(main, [verb, "--bootstrap-server", self.address, *arguments], input=stdin)
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        if code:
            assert done.stderr.startswith("Error: ")
            assert done.stderr.count("\n") == 1
        self.stderr = done.stderr
        self.bytes = done.stdout_bytes
        return done.stdout if code == 0 else done.stderr

    def produce(self, *lines: str, topic: str = "t", options: str = "") -> None:
        self(f"console-producer --topic {topic} {options}", stdin="".join(f"{line}\n" for line in lines))

    def consume(self, options: str = "", *more: str) -> list[str]:
        return self(
            f"console-consumer --topic t --from-beginning --timeout-ms 300 {options}", *more
        ).splitlines()


@pytest.fixture
def line(tmp_path):
    return Line(tmp_path)


@pytest.fixture
def made(line):
    line("topics --create --topic t")
    return line


# -- topics


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
    assert parts == [f"\tTopic: a.b\tPartition: {n}\tLeader: 0\tReplicas: 0\tIsr: 0" for n in (0, 1)]
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
        ("topics", 2, "give one of --list"),
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


# -- console-producer and console-consumer


def test_lines_go_in_and_come_out(made):
    made.produce("one", "two", "ünf")

    assert made.consume() == ["one", "two", "ünf"]
    assert made.stderr == "Processed a total of 3 messages\n"


def test_keys_headers_and_nulls_go_in_and_come_out(made):
    options = "--property parse.key=true --reader-property parse.headers=true --property null.marker=NULL"
    made.produce("a:1,b:2\tk\tv", "NULL\tk\tNULL", options=options)

    printed = "--property print.key=true --formatter-property print.headers=true --property print.offset=true"
    assert made.consume(printed) == ["Offset:0\ta:1,b:2\tk\tv", "Offset:1\tNO_HEADERS\tk\tnull"]


@pytest.mark.parametrize(
    "options",
    [
        "--request-required-acks 0",
        "--request-required-acks 1 --sync",
        "--request-required-acks all --batch-size 100 --timeout 0",
        "--compression-codec zstd",
        "--producer-property acks=1 --command-property compression.type=lz4",
        "--property ignore.error=true --property parse.key=true",
        "--compression-codec",
    ],
)
def test_a_producer_takes_kafkas_flags(made, options):
    made.produce("x", "y", options=options)

    assert made.consume("--json --isolation-level read_committed")[0].startswith(
        '{"topic": "t", "partition": 0'
    )
    assert made.consume() == ["x", "y"]


def test_the_lines_before_a_bad_one_are_sent(made):
    said = made(
        "console-producer --topic t --property parse.key=true --property key.separator=:",
        stdin="a:1\nb:2\nnothing\nc:3\n",
        code=1,
    )

    assert "line 3: no key separator ':' found" in said
    assert made.consume() == ["1", "2"]


def test_a_line_that_is_refused_is_named_even_in_the_middle(made):
    made("topics --alter --topic t --config max.message.bytes=500")

    said = made("console-producer --topic t --sync", stdin="short\n" + "x" * 2000 + "\nmore\n", code=1)
    assert "line 2 was not sent" in said
    said = made("console-producer --topic t", stdin="short\n" + "x" * 2000 + "\n" + "y\n" * 10, code=1)
    assert "was not sent" in said
    assert "line 2 was not sent" in made(
        "console-producer --topic t", stdin="short\n" + "x" * 2_000_000 + "\n", code=1
    )


def test_bytes_that_are_no_text_come_out_as_they_went_in(made):
    made("console-producer --topic t", stdin=b"\xff\x00\xfe\r\n")
    made("console-consumer --topic t --from-beginning --max-messages 1")
    assert made.bytes == b"\xff\x00\xfe\n"

    (said,) = made.consume("--json")
    assert json.loads(said)["value"] == {"base64": "/wD+"}


def test_deserializers_print_numbers_and_may_skip_what_is_none(made):
    made("console-producer --topic t", stdin=struct.pack(">q", 258) + b"\nshort\n")

    assert "offset 1: the value, 5 bytes, is no Long" in made(
        "console-consumer --topic t --from-beginning --timeout-ms 300 --value-deserializer Long", code=1
    )
    assert made.consume("--value-deserializer Long --skip-message-on-error") == ["258"]


def test_reading_starts_where_it_is_told(made):
    made.produce(*"abcdef")

    def read(options):
        return made(f"console-consumer --topic t --partition 0 --timeout-ms 100 {options}").split()

    assert read("--offset 4") == ["e", "f"]
    assert read("--offset earliest") == list("abcdef")
    assert read("--from-beginning --max-messages 2") == ["a", "b"]
    assert read("--offset latest") == []
    assert read("") == []
    assert made("console-consumer --topic t --timeout-ms 100") == ""


def test_a_group_goes_on_where_it_stopped(made):
    made.produce(*"abcde")

    assert made.consume("--group g --max-messages 2") == ["a", "b"]
    assert made.consume("--group g --max-messages 2") == ["c", "d"]
    assert made.consume("--consumer-property group.id=g") == ["e"]
    assert made.consume("--group g") == []


def test_many_topics_are_read_by_pattern(line):
    for name in ("in-1", "in-2", "other"):
        line(f"topics --create --topic {name}")
        line.produce(name, topic=name)

    for group in ("", "--group g"):
        text = f"console-consumer --include in-. --from-beginning --timeout-ms 300 {group}"
        assert sorted(line(text).split()) == ["in-1", "in-2"]


def test_an_internal_topic_can_be_read_by_name(made):
    made.produce("x")
    made.consume("--group g")

    text = (
        "console-consumer --topic __consumer_offsets --from-beginning --formatter-property print.value=false"
    )
    assert made(f"{text} --timeout-ms 300").strip() == ""
    assert not made.stderr.startswith("Processed a total of 0")


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("console-producer", 2, "--topic"),
        ("console-producer --topic no/slash", 0, ""),
        ("console-producer --topic t --property nonsense=1", 2, "known are"),
        ("console-producer --topic t --property parse.key", 2, "takes key=value"),
        ("console-producer --topic t --compression-codec rar", 2, "rar"),
        ("console-producer --topic t --producer-property acks=7", 2, "acks"),
        ("console-consumer", 2, "exactly one of --topic and --include"),
        ("console-consumer --topic t --include t", 2, "exactly one"),
        ("console-consumer --topic none", 1, "topic 'none' does not exist"),
        ("console-consumer --topic none --group g", 1, "topic 'none' does not exist"),
        ("console-consumer --topic t --partition 3", 1, "has no partition 3; it has 0 to 0"),
        ("console-consumer --topic t --offset 3", 2, "--offset needs --partition"),
        ("console-consumer --topic t --partition 0 --offset -5", 2, "0 or more, 'earliest' or 'latest'"),
        ("console-consumer --topic t --partition 0 --offset ²", 2, "0 or more"),
        ("console-consumer --topic t --partition 0 --offset 1 --from-beginning", 2, "exclude each other"),
        ("console-consumer --topic t --partition 0 --group g", 2, "exclude each other"),
        ("console-consumer --include a( --timeout-ms 1", 2, "no regular expression"),
        ("console-consumer --topic t --property print.keys=true", 2, "did you mean print.key"),
        ("console-consumer --topic t --consumer-property fetch.max.wait.ms=x", 2, "whole number"),
        ("console-consumer --topic t --isolation-level none", 2, "none"),
        ("console-consumer --topic t --max-messages x", 2, "x"),
        ("console-consumer --topic t --max-messages 0", 0, ""),
    ],
)
def test_console_verbs_say_what_is_wrong(made, text, code, said):
    assert said in made(text, code=code)


def test_a_name_that_is_no_topic_is_refused_when_a_line_is_sent(made):
    assert "no/slash" in made("console-producer --topic no/slash", stdin="x\n", code=1)


# -- groups


@pytest.fixture
def grouped(made):
    made.produce(*"abcdef")
    made.consume("--group g --max-messages 4")
    return made


TITLES = "GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID"


def test_a_group_is_described_with_its_lag(grouped):
    blank, titles, row = grouped("groups --describe --group g").splitlines()

    assert blank == ""
    assert titles.split() == TITLES.split()
    assert row.split() == ["g", "t", "0", "4", "6", "2", "-", "-", "-"]
    assert grouped.stderr == "Consumer group 'g' has no active members.\n"
    (said,) = json.loads(grouped("groups --describe --all-groups --json"))
    assert (said["current_offset"], said["log_end_offset"], said["lag"]) == (4, 6, 2)


def test_groups_are_listed_with_and_without_states(grouped):
    assert grouped("groups --list") == "g\n"
    assert grouped("groups --list --json") == '["g"]\n'
    assert [row.split() for row in grouped("groups --list --state").splitlines()] == [
        ["GROUP", "STATE"],
        ["g", "Empty"],
    ]
    assert grouped("groups --list --state stable").split() == ["GROUP", "STATE"]


def test_state_and_members_are_described(grouped):
    rows = grouped("groups --describe --group g --state").splitlines()
    assert rows[1].split() == ["GROUP", "COORDINATOR", "(ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"]
    assert rows[2].split()[-2:] == ["Empty", "0"]
    assert grouped("groups --describe --group g --members") == ""
    assert json.loads(grouped("groups --describe --group g --state --json"))[0]["state"] == "Empty"


def test_a_group_is_still_described_when_its_topic_is_gone(grouped):
    grouped.produce("x", topic="u")
    grouped("console-consumer --topic u --from-beginning --timeout-ms 100 --group g")
    grouped("topics --delete --topic t")

    rows = [row.split() for row in grouped("groups --describe --group g").splitlines()[2:]]
    assert ["g", "u", "0", "1", "1", "0", "-", "-", "-"] in rows
    grouped("groups --reset-offsets --group g --all-topics --to-earliest --execute")
    assert [row.split()[:6] for row in grouped("groups --describe --group g").splitlines()[2:]][-1] == [
        "g", "u", "0", "0", "1", "1",
    ]  # fmt: skip


def committed(line):
    (said,) = json.loads(line("groups --describe --group g --json"))
    return said["current_offset"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("--to-earliest", 0),
        ("--to-latest", 6),
        ("--to-current", 4),
        ("--to-offset 0", 0),
        ("--to-offset 5", 5),
        ("--to-offset 99", 6),
        ("--shift-by -3", 1),
        ("--shift-by 0", 4),
        ("--shift-by 100", 6),
        ("--to-datetime 2001-01-01T00:00:00.000", 0),
        ("--to-datetime 2999-01-01T00:00:00", 6),
        ("--by-duration P1D", 0),
        ("--by-duration PT0S", 6),
    ],
)
def test_offsets_are_reset_when_told_to_execute(grouped, target, expected):
    text = f"groups --reset-offsets --group g --topic t {target}"

    blank, titles, row = grouped(text).splitlines()
    assert (blank, titles.split()) == ("", ["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"])
    assert row.split() == ["g", "t", "0", str(expected)]
    assert "dry run" in grouped.stderr
    assert committed(grouped) == 4

    grouped(f"{text} --execute")
    assert "dry run" not in grouped.stderr
    assert committed(grouped) == expected


def test_an_exported_reset_can_be_taken_back(grouped, tmp_path):
    path = tmp_path / "offsets.csv"
    exported = grouped("groups --reset-offsets --group g --all-topics --to-current --export --dry-run")
    assert exported == "t,0,4\n"
    path.write_text(exported)
    grouped("groups --reset-offsets --group g --topic t:0 --to-earliest --execute")

    grouped(f"groups --reset-offsets --group g --from-file {path} --execute")
    assert committed(grouped) == 4


def test_a_group_can_be_made_by_a_reset(grouped):
    grouped("groups --reset-offsets --group new --topic t --to-offset 2 --execute --json")

    assert grouped("groups --list") == "g\nnew\n"


def test_groups_are_deleted(grouped):
    assert (
        grouped("groups --delete --group g")
        == "Deletion of requested consumer groups ('g') was successful.\n"
    )
    assert grouped("groups --list") == ""
    assert grouped("groups --describe --all-groups") == ""


def test_what_can_be_deleted_is_when_another_group_cannot(grouped):
    assert "group 'none' was not deleted: it does not exist" in grouped(
        "groups --delete --group none --group g", code=1
    )
    assert grouped("groups --list") == ""


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("groups", 2, "give one of --list"),
        ("groups --describe", 2, "--describe needs --group or --all-groups"),
        ("groups --describe --group none", 1, "group 'none' does not exist"),
        ("groups --describe --group g --members --state", 2, "exclude each other"),
        ("groups --list --state fine", 2, "fine"),
        ("groups --reset-offsets --group g --topic t", 2, "exactly one of"),
        ("groups --reset-offsets --group g --to-earliest", 2, "needs --topic or --all-topics"),
        ("groups --reset-offsets --group g --topic t:x --to-earliest", 2, "NAME:0,1,2"),
        ("groups --reset-offsets --group g --topic t:7 --to-earliest", 1, "no partition 7"),
        ("groups --reset-offsets --group g --topic none --to-earliest", 1, "topic 'none' does not exist"),
        ("groups --reset-offsets --group g --topic t --to-offset -1", 2, "-1"),
        ("groups --reset-offsets --group new --topic t --shift-by 1", 1, "nothing was committed"),
        (
            "groups --reset-offsets --group g --topic t --to-earliest --execute --dry-run",
            2,
            "exclude each other",
        ),
        ("groups --reset-offsets --group g --from-file /no/such/file", 2, "cannot be read"),
        ("groups --reset-offsets --group g --topic t --by-duration 5", 2, "PnDTnHnMnS"),
    ],
)
def test_groups_says_what_is_wrong(grouped, text, code, said):
    assert said in grouped(text, code=code)


# -- check


def log_file(line):
    (path,) = line.path.glob("log/t-0/*.log")
    return path


def check(line, code=0):
    done = CliRunner().invoke(main, ["check", str(line.path)])
    assert done.exit_code == code, done.output
    return done.stdout


def test_a_sound_directory_is_called_sound_and_not_changed(grouped):
    def content():
        return {
            path: path.read_bytes()
            for path in grouped.path.rglob("*")
            if path.is_file() and path.name != "LOCK"
        }

    before = content()
    assert check(grouped) == f"{grouped.path}: sound\n"
    assert content() == before
    assert grouped("check --json") == "[]\n"


def test_a_torn_tail_is_told_and_no_failure(grouped):
    with log_file(grouped).open("ab") as file:
        file.write(b"torn")

    said = check(grouped)
    assert said.startswith("torn: ")
    assert "1 finding that opening the directory mends" in said


def test_damage_is_told_with_its_offsets_and_fails(grouped):
    data = bytearray(log_file(grouped).read_bytes())
    data[70] ^= 1
    log_file(grouped).write_bytes(data)

    said = check(grouped, code=1)
    assert said.startswith(f"damage: {log_file(grouped)}: ")
    assert said.splitlines()[-1] == f"{grouped.path}: 1 damaged"
    (finding,) = json.loads(CliRunner().invoke(main, ["check", str(grouped.path), "--json"]).stdout)
    assert finding["severity"] == "damage"


def test_a_partition_that_failed_is_described_as_unavailable(grouped):
    data = bytearray(log_file(grouped).read_bytes())
    data[70] ^= 1
    log_file(grouped).write_bytes(data)

    said = grouped("topics --describe --unavailable-partitions")
    if said:  # damage before the recovery point stops a partition when it is opened, or when it is read
        assert "\tTopic: t\tPartition: 0\tLeader: none\tReplicas: 0\tIsr: \n" in said
    assert "damaged" in grouped("console-consumer --topic t --from-beginning --timeout-ms 200", code=1)


# -- addresses


@pytest.mark.parametrize(
    "text",
    [
        "topics --list",
        "topics --describe",
        "topics --delete --topic t",
        "console-consumer --topic t",
        "console-consumer --include t --group g",
        "groups --list",
        "groups --describe --all-groups",
        "check",
    ],
)
def test_a_directory_that_is_not_there_is_not_made(line, text):
    assert f"there is no data directory at {line.path}" in line(text, code=1)
    assert not line.path.exists()


def test_a_directory_of_something_else_is_left_alone(line):
    line.path.mkdir()
    (line.path / "thesis.txt").write_text("dear reader")

    for text in ("topics --list", "topics --create --topic t", "check"):
        line(text, code=1)
    assert [path.name for path in line.path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("nowhere://x", 2, "unknown scheme"),
        ("file://", 2, "names no directory"),
        ("localhost:9092", 2, "this release opens embedded logs only"),
    ],
)
@pytest.mark.parametrize("text", ["topics --list", "console-consumer --topic t", "groups --list", "check"])
def test_an_address_that_is_none_is_a_wrong_flag(line, text, address, code, said):
    line.address = address

    message = line(text, code=code)
    assert said in message or text == "check"


def test_the_address_comes_from_the_environment_too(made, monkeypatch):
    monkeypatch.setenv("STREAMZ_BOOTSTRAP_SERVER", made.address)

    assert CliRunner().invoke(main, ["topics", "--list"]).output == "t\n"
    assert CliRunner().invoke(main, ["check"]).output == f"{made.path}: sound\n"


def test_kafkas_names_of_the_tools_are_understood(made):
    for name in ("kafka-topics", "kafka-topics.sh"):
        assert made(f"{name} --list") == "t\n"
    assert made("kafka-consumer-groups --list") == ""


def test_a_bug_is_told_in_one_line(made, monkeypatch):
    monkeypatch.setattr("streamz_core.cli.topics.connected", None)

    assert "this is a bug in streamz: TypeError" in made("topics --list", code=1)
    monkeypatch.setenv("STREAMZ_TRACEBACK", "1")
    assert isinstance(CliRunner().invoke(main, ["topics", "--list"]).exception, TypeError)


def test_help_and_version():
    assert CliRunner().invoke(main, []).exit_code == 2
    for arguments in (["--help"], ["-h"], ["topics", "--help"], ["console-producer", "-h"], ["--version"]):
        done = CliRunner().invoke(main, arguments)
        assert (done.exit_code, done.stderr) == (0, "")
    assert "did you mean 'topics'?" in CliRunner().invoke(main, ["topic"]).stderr
