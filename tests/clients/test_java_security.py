"""Owns: Apache Kafka's own tools at a port where one has to log in: users, ACLs, and what is refused."""

import pytest

from streamz_core.protocol import scram
from streamz_core.protocol.messages.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialUpsertion,
)
from streamz_core.protocol.messages.scram_mechanism import ScramMechanism
from streamz_core.secret import Secret
from streamz_core.server.security.security_config import SecurityConfig
from streamz_core.server.security.tls import TlsConfig
from streamz_core.server.server_config import ServerConfig
from tests.certificates import Authority
from tests.clients.served import Served

ADMIN_PASSWORD = "admin's secret"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def served(tmp_path_factory, authority):
    certificate, key = authority.issue("server")
    security = SecurityConfig(
        tls=TlsConfig(certificate=certificate, key=key),
        sasl_mechanisms=("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"),
        super_users=frozenset({"User:admin"}),
        session_max_ms=60_000,
    )
    mechanism, salt = ScramMechanism.SCRAM_SHA_512, b"salt-of-admin"
    salted = scram.salted_password(mechanism, Secret.of(ADMIN_PASSWORD), salt, 4_096)
    admin = ScramCredentialUpsertion(
        name="admin", mechanism=mechanism, iterations=4_096, salt=salt, salted_password=salted
    )
    config = ServerConfig(port=0, security=security)
    with Served(str(tmp_path_factory.mktemp("tools") / "data"), server=config) as served:
        served.run(served.broker.handle(AlterUserScramCredentialsRequest(upsertions=[admin])))
        yield served


@pytest.fixture
def run(java_tools, served, authority, tmp_path):
    """Run a tool as a user; what it prints. It is to succeed, or where ``fails`` to say why not."""

    def run(tool, *arguments, user="admin", password=ADMIN_PASSWORD, mechanism="SCRAM-SHA-512", fails=False):
        module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
        properties = tmp_path / "client.properties"
        properties.write_text(
            "security.protocol=SASL_SSL\n"
            "ssl.truststore.type=PEM\n"
            f"ssl.truststore.location={authority.ca}\n"
            f"sasl.mechanism={mechanism}\n"
            f"sasl.jaas.config=org.apache.kafka.common.security.{module} required "
            f'username="{user}" password="{password}";\n'
        )
        asked = ("--bootstrap-server", served.address, "--command-config", str(properties))
        ran = java_tools.run(tool, *asked, *arguments)
        assert (ran.exit != 0) is fails, ran
        return ran.out + ran.err if fails else ran.out

    return run


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
def test_a_user_may_do_what_was_allowed_and_no_more(run, mechanism):
    scram_name = "SCRAM-SHA-512" if mechanism == "PLAIN" else mechanism
    user = ("--entity-type", "users", "--entity-name", "bob")
    run("kafka-configs", "--alter", *user, "--add-config", f"{scram_name}=[password=bobs-secret]")
    run("kafka-topics", "--create", "--if-not-exists", "--topic", "mine")
    run("kafka-topics", "--create", "--if-not-exists", "--topic", "theirs")
    run("kafka-acls", "--add", "--allow-principal", "User:bob", "--producer", "--topic", "mine")
    bob = {"user": "bob", "password": "bobs-secret", "mechanism": mechanism}

    listed = run("kafka-topics", "--list", **bob)
    refused = run("kafka-topics", "--delete", "--topic", "mine", **bob, fails=True)

    assert listed.splitlines()[0] == "mine"
    assert "theirs" not in listed
    assert "TopicAuthorizationException" in refused or "authoriz" in refused.lower()
    assert "ClusterAuthorizationException" in run("kafka-acls", "--list", **bob, fails=True)
    run("kafka-configs", "--alter", *user, "--delete-config", scram_name)


def test_a_wrong_password_is_refused(run):
    said = run("kafka-topics", "--list", password="wrong", fails=True)

    assert "SaslAuthenticationException" in said or "authentication" in said.lower()
