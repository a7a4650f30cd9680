"""Quotas as kafka-configs sets and shows them."""

import json

import pytest


def test_they_are_set_shown_and_deleted(made):
    said = made(
        "configs --alter --entity-type users --entity-name alice "
        "--add-config producer_byte_rate=1048576,consumer_byte_rate=2097152,request_percentage=12.5"
    )
    assert said == "Completed updating config for user alice.\n"
    assert made("configs --describe --user alice") == (
        "Quota configs for user-principal 'alice' are "
        "consumer_byte_rate=2097152.0, producer_byte_rate=1048576.0, request_percentage=12.5\n"
    )

    made("configs --alter --user alice --delete-config producer_byte_rate,request_percentage")
    assert made("configs --describe --entity-type users") == (
        "Quota configs for user-principal 'alice' are consumer_byte_rate=2097152.0\n"
    )
    made("configs --alter --user alice --delete-config consumer_byte_rate")
    assert made("configs --describe --user alice") == ""


@pytest.mark.parametrize(
    ("entity", "done", "shown"),
    [
        ("--entity-type clients --entity-name app", "config for client app", "client-id 'app'"),
        ("--client app", "config for client app", "client-id 'app'"),
        (
            "--entity-type clients --entity-default",
            "default config for clients in the cluster",
            "the default client-id",
        ),
        ("--client-defaults", "default config for clients in the cluster", "the default client-id"),
        (
            "--entity-default --entity-type=users",
            "default config for users in the cluster",
            "the default user-principal",
        ),
        (
            "--entity-type users --entity-name ann --entity-type clients --entity-name=app",
            "config for user ann",
            "user-principal 'ann', client-id 'app'",
        ),
        (
            "--entity-type clients --entity-type users --entity-default --entity-name ann",
            "default config for clients in the cluster",
            "user-principal 'ann', the default client-id",
        ),
        (
            "--user ann --client-defaults",
            "config for user ann",
            "user-principal 'ann', the default client-id",
        ),
    ],
)
def test_every_way_to_say_of_whom(made, entity, done, shown):
    assert (
        made(f"configs --alter {entity} --add-config producer_byte_rate=1") == f"Completed updating {done}.\n"
    )

    assert made(f"configs --describe {entity}") == f"Quota configs for {shown} are producer_byte_rate=1.0\n"


def test_addresses_have_their_own(made, tmp_path):
    file = tmp_path / "quotas.properties"
    file.write_text("connection_creation_rate = 20\n")
    made(f"configs --alter --entity-type ips --entity-name 127.0.0.1 --add-config-file {file}")
    made("configs --alter --ip-defaults --add-config connection_creation_rate=5")

    assert made("configs --describe --entity-type ips") == (
        "Quota configs for ip '127.0.0.1' are connection_creation_rate=20.0\n"
        "Quota configs for the default ip are connection_creation_rate=5.0\n"
    )
    found = json.loads(made("configs --describe --ip 127.0.0.1 --json"))
    assert found == [{"entity": {"ip": "127.0.0.1"}, "configs": {"connection_creation_rate": 20.0}}]


def test_only_such_entities_are_shown(made):
    made("configs --alter --user ann --add-config producer_byte_rate=1")
    made("configs --alter --user ann --client app --add-config producer_byte_rate=2")

    assert made("configs --describe --entity-type users").count("\n") == 1
    assert "client-id 'app'" in made("configs --describe --entity-type users --entity-type clients")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("--alter --user ann", 2),
        ("--alter --entity-type users --add-config producer_byte_rate=1", 2),
        ("--alter --user ann --add-config producer_byte_rate=fast", 2),
        ("--alter --user ann --add-config producer_byte_rate=1 --delete-config producer_byte_rate", 2),
        ("--alter --user ann --topic t --add-config producer_byte_rate=1", 2),
        ("--alter --user ann --entity-type users --entity-name bob --add-config producer_byte_rate=1", 2),
        ("--alter --entity-type users --entity-name a --entity-name b --add-config producer_byte_rate=1", 2),
        ("--describe --user ann --add-config producer_byte_rate=1", 2),
        ("--alter --user ann --add-config speed=1", 1),
        ("--alter --user ann --add-config producer_byte_rate=0.5", 1),
        ("--alter --ip localhost --add-config connection_creation_rate=1", 1),
        ("--alter --user ann --ip 10.0.0.1 --add-config producer_byte_rate=1", 1),
        ("--alter --user ann --delete-config producer_byte_rate", 1),
    ],
)
def test_what_cannot_be_is_refused(made, options, code):
    made(f"configs {options}", code=code)
