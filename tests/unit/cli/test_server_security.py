"""Owns: what ``streamz server`` makes of its options about security."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from streamz_core.cli.main import main
from streamz_core.cli.server_security import security_config, security_options
from streamz_core.secret import Secret
from streamz_core.server.security.security_config import SecurityConfig


def given(*arguments: str) -> SecurityConfig:
    made: list[SecurityConfig] = []

    @click.command()
    @security_options
    def command(**options):
        made.append(security_config(options))

    command.main(list(arguments), standalone_mode=False)
    return made[0]


def test_none():
    assert given() == SecurityConfig()


def test_all(tmp_path):
    (tmp_path / "password").write_text("canary\n")

    config = given(
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


def test_an_authority_means_that_certificates_are_required():
    assert given("--tls-certificate", "server.pem", "--tls-client-ca", "ca.pem").authenticates


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
def test_what_does_not_go_together_is_one_line(tmp_path, options):
    done = CliRunner().invoke(main, ["server", "--data", str(tmp_path / "data"), *options.split()])

    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "data").exists()


def test_a_port_for_everybody_is_refused(tmp_path):
    done = CliRunner().invoke(main, ["server", "--data", str(tmp_path / "data"), "--listen", "0.0.0.0:0"])

    assert done.exit_code in (1, 2)
    assert "insecure" in done.stderr
