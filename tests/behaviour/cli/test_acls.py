"""``streamz acls`` and ``streamz users`` end to end."""

from __future__ import annotations

import json

import pytest

ALICE = "--allow-principal User:alice"


def listed(line, options: str = "") -> list[tuple[str, ...]]:
    return sorted(
        (
            one["principal"],
            one["permission_type"],
            one["operation"],
            one["pattern_type"],
            one["resource_type"],
            one["resource_name"],
            one["host"],
        )
        for one in json.loads(line(f"acls --list --json {options}"))
    )


def operations(line, options: str = "") -> list[tuple[str, str]]:
    return [(one[4], one[2]) for one in listed(line, options)]


def test_the_documented_example(made):
    """Kafka's: two principals, two hosts, two operations."""
    said = made(
        f"acls --add {ALICE} --allow-principal User:Bob --allow-host 198.51.100.0 --allow-host 198.51.100.1 "
        "--operation Read --operation Write --topic Test-topic"
    )

    assert said.startswith(
        "Adding ACLs for resource `ResourcePattern(resourceType=TOPIC, name=Test-topic, patternType=LITERAL)`: \n"
    )
    assert "\t(principal=User:Bob, host=198.51.100.1, operation=WRITE, permissionType=ALLOW)\n" in said
    assert len(listed(made)) == 8

    made(
        f"acls --remove --force {ALICE} --allow-principal User:Bob --allow-host 198.51.100.0 "
        "--allow-host 198.51.100.1 --operation Read --operation Write --topic Test-topic"
    )
    assert listed(made) == []


def test_everybody_but_one(made):
    made(
        "acls --add --allow-principal User:* --deny-principal User:BadBob --deny-host 198.51.100.3 "
        "--operation Read --topic t"
    )

    assert listed(made) == [
        ("User:*", "ALLOW", "READ", "LITERAL", "TOPIC", "t", "*"),
        ("User:BadBob", "DENY", "READ", "LITERAL", "TOPIC", "t", "198.51.100.3"),
    ]


def test_what_producers_and_consumers_need(made):
    made(f"acls --add {ALICE} --producer --topic t --transactional-id x --idempotent")
    assert operations(made) == [
        ("TOPIC", "CREATE"),
        ("TOPIC", "DESCRIBE"),
        ("TRANSACTIONAL_ID", "DESCRIBE"),
        ("CLUSTER", "IDEMPOTENT_WRITE"),
        ("TOPIC", "WRITE"),
        ("TRANSACTIONAL_ID", "WRITE"),
    ]

    made(f"acls --remove --force {ALICE} --producer --topic t --transactional-id x --idempotent")
    made(f"acls --add {ALICE} --consumer --topic t --group g")
    assert operations(made) == [("TOPIC", "DESCRIBE"), ("GROUP", "READ"), ("TOPIC", "READ")]


def test_patterns_are_added_and_found(made):
    made(f"acls --add {ALICE} --operation Read --topic Test- --resource-pattern-type prefixed")
    made(f"acls --add {ALICE} --operation Write --topic *")
    made(f"acls --add {ALICE} --operation Describe --topic Test-topic")

    assert operations(made, "--topic Test-topic") == [("TOPIC", "DESCRIBE")]
    assert len(listed(made, "--topic Test-topic --resource-pattern-type match")) == 3
    assert operations(made, "--topic Test- --resource-pattern-type Prefixed") == [("TOPIC", "READ")]
    assert operations(made, "--topic Test- --resource-pattern-type any") == [("TOPIC", "READ")]
    assert operations(made, "--topic *") == [("TOPIC", "WRITE")]


def test_the_cluster(made):
    made(f"acls --add {ALICE} --operation alterconfigs --cluster")

    assert listed(made, "--cluster") == [
        ("User:alice", "ALLOW", "ALTER_CONFIGS", "LITERAL", "CLUSTER", "kafka-cluster", "*")
    ]


def test_all_operations_where_none_is_named(made):
    made(f"acls --add {ALICE} --topic t")

    assert operations(made) == [("TOPIC", "ALL")]


def test_of_one_principal(made):
    made(f"acls --add {ALICE} --allow-principal User:bob --topic t")

    assert [one[0] for one in listed(made, "--principal User:bob")] == ["User:bob"]
    made("acls --remove --force --principal User:bob --topic t")
    assert [one[0] for one in listed(made)] == ["User:alice"]


def test_removing_asks_first(made):
    made(f"acls --add {ALICE} --topic t")

    assert "nothing was removed" in made("acls --remove --topic t", code=1, stdin="n\n")
    assert len(listed(made)) == 1

    made("acls --remove --topic t", stdin="y\n")
    assert listed(made) == []


def test_what_is_not_there_is_not_removed(made):
    assert "no such ACLs" in made("acls --remove --force --topic t", code=1)


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--add --topic t",
        f"--add {ALICE}",
        f"--add {ALICE} --topic t --operation Fly",
        f"--add {ALICE} --topic t --resource-pattern-type match",
        f"--add {ALICE} --topic t --principal User:bob",
        f"--list {ALICE}",
        "--remove",
        "--add --allow-principal User:a --deny-host 1.2.3.4 --topic t",
        f"--add {ALICE} --producer",
        f"--add {ALICE} --producer --topic t --operation Read",
        f"--add {ALICE} --producer --topic t --group g",
        f"--add {ALICE} --consumer --topic t",
        f"--add {ALICE} --consumer --topic t --group g --transactional-id x",
        f"--add {ALICE} --topic t --idempotent",
        "--add --deny-principal User:a --producer --topic t",
    ],
)
def test_what_does_not_go_together_is_refused(made, options):
    made(f"acls {options}", code=2)


@pytest.mark.parametrize(
    "options",
    [
        "--allow-principal alice --topic t",
        f"{ALICE} --topic t --allow-host example.org",
        f"{ALICE} --topic t --operation ClusterAction",
    ],
)
def test_what_could_never_apply_is_refused(made, options):
    made(f"acls --add {options}", code=1)


class TestUsers:
    def test_one_is_added_and_removed(self, made):
        assert made("users add alice --password-file -", stdin="canary\n") == "User alice can log in.\n"
        assert made("users list").splitlines() == [
            "USER  MECHANISM     ITERATIONS",
            "alice SCRAM-SHA-256 16384",
            "alice SCRAM-SHA-512 16384",
        ]

        made("users remove alice --mechanism SCRAM-SHA-256")
        assert json.loads(made("users list --json")) == [
            {"user": "alice", "mechanism": "SCRAM-SHA-512", "iterations": 16_384}
        ]
        made("users remove alice")
        assert json.loads(made("users list --json")) == []

    def test_the_address_stands_before_the_name_or_behind_it(self, made):
        made("users add alice --password-file -", stdin="canary\n")

        assert made("users list") == made(f"users list --bootstrap-server {made.address}")

    def test_the_password_comes_from_a_file_of_one_line_or_more(self, made, tmp_path):
        (tmp_path / "password").write_text("canary\nand more\n")

        made(
            "users add alice --iterations 4096 --mechanism SCRAM-SHA-512 --password-file",
            str(tmp_path / "password"),
        )

        assert json.loads(made("users list --json"))[0]["iterations"] == 4_096

    @pytest.mark.parametrize(
        ("options", "stdin", "code"),
        [
            ("add alice", "", 1),
            ("add alice --password-file -", "\n", 1),
            ("add alice --password-file -", "", 1),
            ("add alice --password-file /no/such/file", "", 2),
            ("add alice --password-file - --iterations 100", "canary\n", 1),
            ("add alice --password-file - --iterations 99999999", "canary\n", 1),
            ("remove alice", "", 1),
            ("add", "", 2),
        ],
    )
    def test_what_cannot_be_is_refused(self, made, options, stdin, code):
        assert "canary" not in made(f"users {options}", code=code, stdin=stdin)

    def test_nothing_that_is_printed_or_kept_has_the_password_in_it(self, made):
        made("users add alice --password-file -", stdin="canary-password\n")

        shown = made("users list") + made("configs --entity-type users --describe")
        kept = b"".join(one.read_bytes() for one in made.path.rglob("*") if one.is_file())
        assert "canary" not in shown
        assert b"canary" not in kept
        assert b"alice" in kept


class TestKafkasWay:
    def test_credentials_are_set_shown_and_deleted(self, made):
        said = made(
            "configs --alter --entity-type users --entity-name alice --add-config",
            "SCRAM-SHA-256=[iterations=8192,password=a,b=c],SCRAM-SHA-512=[password=x]",
        )
        assert said == "Completed updating config for user alice.\n"
        assert made("configs --describe --user alice") == (
            "SCRAM credential configs for user-principal 'alice' are "
            "SCRAM-SHA-256=iterations=8192, SCRAM-SHA-512=iterations=16384\n"
        )

        made("configs --alter --user alice --delete-config SCRAM-SHA-256")
        (user,) = json.loads(made("configs --describe --entity-type users --json"))
        assert user["configs"] == {"SCRAM-SHA-512": {"iterations": 16_384}}

    @pytest.mark.parametrize(
        ("options", "code"),
        [
            ("--alter --user alice", 2),
            ("--alter --entity-type users --add-config SCRAM-SHA-256=[password=canary]", 2),
            ("--alter --user alice --add-config SCRAM-SHA-256=canary", 2),
            ("--alter --user alice --add-config SCRAM-SHA-1=[password=canary]", 2),
            ("--alter --user alice --add-config SCRAM-SHA-256=[password=canary],producer_byte_rate=1024", 2),
            ("--alter --client c --add-config SCRAM-SHA-256=[password=canary]", 2),
            ("--alter --user-defaults --add-config SCRAM-SHA-256=[password=canary]", 2),
            ("--alter --user alice --add-config SCRAM-SHA-256=[iterations=1,password=canary]", 1),
            ("--alter --user alice --delete-config SCRAM-SHA-256", 1),
            ("--alter --user alice --topic t --delete-config SCRAM-SHA-256", 2),
        ],
    )
    def test_what_cannot_be_is_refused_and_no_password_is_repeated(self, made, options, code):
        assert "canary" not in made(f"configs {options}", code=code)

    def test_a_user_without_credentials_has_nothing_to_show(self, made):
        assert made("configs --describe --user nobody") == ""
