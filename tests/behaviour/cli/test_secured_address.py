"""The command line at a port where one has to log in."""

from __future__ import annotations

import json

import pytest

from streamz_core.cli.server_security import security_config, security_options
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

SHA_256 = ScramMechanism.SCRAM_SHA_256
SALT = b"salt-of-all"


def upsertion(user: str) -> ScramCredentialUpsertion:
    salted = scram.salted_password(SHA_256, Secret.of(f"canary-of-{user}"), SALT, 4_096)
    return ScramCredentialUpsertion(
        name=user, mechanism=SHA_256, iterations=4_096, salt=SALT, salted_password=salted
    )


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def port(line, tmp_path, authority):
    """The line's address is a port with TLS, with users ``admin``, who may do everything, and ``ann``, who may not."""
    certificate, key = authority.issue("server")
    security = SecurityConfig(
        tls=TlsConfig(certificate=certificate, key=key),
        sasl_mechanisms=("SCRAM-SHA-256", "PLAIN"),
        super_users=frozenset({"User:admin"}),
    )
    with Served(str(tmp_path / "served"), server=ServerConfig(port=0, security=security)) as served:
        users = AlterUserScramCredentialsRequest(upsertions=[upsertion("admin"), upsertion("ann")])
        served.run(served.broker.handle(users))
        line.address = served.address
        yield line


@pytest.fixture
def as_user(port, tmp_path, authority):
    """The options of somebody who logs in."""

    def options(user: str, password: str | None = None, mechanism: str = "SCRAM-SHA-256") -> str:
        path = tmp_path / f"{user}.properties"
        path.write_text(
            "security.protocol=SASL_SSL\n"
            f"ssl.truststore.location={authority.ca}\n"
            "ssl.truststore.type=PEM\n"
            f"sasl.mechanism={mechanism}\n"
            f"sasl.username={user}\n"
            f"sasl.password={password or 'canary-of-' + user}\n"
        )
        return f"--command-config {path}"

    return options


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN"])
def test_who_may_does(port, as_user, mechanism):
    admin = as_user("admin", mechanism=mechanism)

    assert port(f"topics --create --topic views {admin}") == "Created topic views.\n"
    port(f"acls --add --allow-principal User:ann --operation Describe --topic views {admin}")
    port(f"users add bob --password-file - {admin}", stdin="canary\n")
    port(f"users {admin} remove bob")
    assert [one["user"] for one in json.loads(port(f"users {admin} list --json"))] == ["admin", "ann"]
    assert port(f"topics --list {as_user('ann')}") == "views\n"


def test_who_may_not_is_told_so_in_a_line(port, as_user):
    assert "TOPIC_AUTHORIZATION_FAILED" in port(f"topics --create --topic views {as_user('ann')}", code=1)
    assert "CLUSTER_AUTHORIZATION_FAILED" in port(f"acls --list {as_user('ann')}", code=1)


def test_a_wrong_password_is_told_and_not_repeated(port, as_user):
    said = port(f"topics --list {as_user('admin', 'canary-that-is-wrong')}", code=1)

    assert "canary" not in said


def test_a_directory_takes_no_login(made, as_user, tmp_path):
    made.address = f"file://{tmp_path}/data"

    assert "embedded log" in made(f"topics --list {as_user('admin')}", code=2)


class TestOptionsOfTheServer:
    """What ``streamz server`` makes of its options."""

    def given(self, *arguments: str) -> SecurityConfig:
        import click

        made: list[SecurityConfig] = []

        @click.command()
        @security_options
        def command(**options):
            made.append(security_config(options))

        command.main(list(arguments), standalone_mode=False)
        return made[0]

    def test_none(self):
        assert self.given() == SecurityConfig()

    def test_all(self, tmp_path):
        (tmp_path / "password").write_text("canary\n")

        config = self.given(
            *("--tls-certificate", "server.pem", "--tls-key", "server.key", "--tls-client-ca", "ca.pem"),
            *("--tls-key-password-file", str(tmp_path / "password"), "--tls-client-auth", "requested"),
            *("--principal-mapping", "RULE:^CN=(.*)$/$1/"),
            *("--sasl-mechanism", "SCRAM-SHA-512", "--sasl-mechanism", "OAUTHBEARER"),
            *("--super-user", "User:a", "--super-user", "User:b", "--session-max-ms", "60000"),
            *("--oauth-issuer", "i", "--oauth-audience", "a", "--oauth-user-claim", "email"),
            *("--oauth-jwks", "https://login.example.org/keys", "--oauth-jwks-host", "login.example.org"),
        )

        assert (config.protocol, config.authenticates) == ("SASL_SSL", True)
        assert config.tls.key_password == Secret(b"canary")
        assert config.super_users == {"User:a", "User:b"}
        assert config.oauth.jwks_hosts == ("login.example.org",)
        assert config.oauth.rules.user_claim == "email"

    def test_an_authority_means_that_certificates_are_required(self):
        assert self.given("--tls-certificate", "server.pem", "--tls-client-ca", "ca.pem").authenticates

    @pytest.mark.parametrize(
        "options",
        [
            "--tls-key server.key",
            "--tls-client-ca ca.pem",
            "--sasl-mechanism PLAIN",
            "--sasl-mechanism GSSAPI",
            "--tls-certificate server.pem --tls-key-password-file /no/such/file",
            "--oauth-issuer i",
            "--super-user admin",
            "--session-max-ms -1",
            "--principal-mapping RULE:(",
        ],
    )
    def test_what_does_not_go_together_is_one_line(self, line, options):
        from click.testing import CliRunner

        from streamz_core.cli.main import main

        done = CliRunner().invoke(main, ["server", "--data", str(line.path), *options.split()])

        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert not line.path.exists()

    def test_a_port_for_everybody_is_refused(self, line):
        from click.testing import CliRunner

        from streamz_core.cli.main import main

        done = CliRunner().invoke(main, ["server", "--data", str(line.path), "--listen", "0.0.0.0:0"])

        assert done.exit_code in (1, 2)
        assert "insecure" in done.stderr
