"""``streamz groups`` end to end, on groups without members."""

from __future__ import annotations

import json

import pytest

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


def test_groups_are_listed_with_and_by_their_types(grouped):
    assert [row.split() for row in grouped("groups --list --type --state").splitlines()] == [
        ["GROUP", "TYPE", "STATE"],
        ["g", "Classic", "Empty"],
    ]
    assert grouped("groups --list --type Classic").splitlines()[1].split() == ["g", "Classic"]
    assert grouped("groups --list --type consumer").split() == ["GROUP", "TYPE"]
    assert json.loads(grouped("groups --list --type --json")) == [{"group": "g", "type": "classic"}]


def test_offsets_are_deleted_by_topic_and_partition(grouped):
    for topic in ("u", "v"):
        grouped.produce("x", topic=topic)
        grouped(f"console-consumer --topic {topic} --from-beginning --timeout-ms 100 --group g")

    blank, titles, row = grouped("groups --delete-offsets --group g --topic u").splitlines()
    assert titles.split() == ["TOPIC", "PARTITION", "STATUS"]
    assert row.split() == ["u", "0", "Successful"]
    (said,) = json.loads(grouped("groups --delete-offsets --group g --topic v:0 --json"))
    assert said == {"group": "g", "topic": "v", "partition": 0, "status": "Successful"}
    assert committed(grouped) == 4  # the only one left

    grouped("groups --delete-offsets --group g --all-topics")
    assert json.loads(grouped("groups --describe --all-groups --json")) == []


def test_state_and_members_are_described(grouped):
    rows = grouped("groups --describe --group g --state").splitlines()
    assert rows[1].split() == ["GROUP", "COORDINATOR", "(ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"]
    assert rows[2].split()[-2:] == ["Empty", "0"]
    assert grouped("groups --describe --group g --members").split()[-1] == "#PARTITIONS"
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
        ("groups", 2, "give exactly one of --list"),
        ("groups --describe", 2, "--describe needs --group or --all-groups"),
        ("groups --describe --group none", 1, "group 'none' does not exist"),
        ("groups --describe --group g --members --state", 2, "exclude each other"),
        ("groups --list --state fine", 2, "fine"),
        ("groups --list --type fine", 2, "fine"),
        ("groups --delete-offsets --group g", 2, "needs either --topic or --all-topics"),
        ("groups --delete-offsets --group g --topic t --all-topics", 2, "needs either"),
        ("groups --delete-offsets --group g --topic t:x", 2, "NAME:0,1,2"),
        ("groups --delete-offsets --group g --topic t:7", 1, "t-7: there is no such partition"),
        ("groups --delete-offsets --group g --topic none", 1, "no offsets in topic 'none'"),
        ("groups --delete-offsets --group none --topic t:0", 1, "group 'none': it does not exist"),
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
