"""The command line at a broker's address, behind TLS and a login: users and rights are given out on the directory."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from streamz_core.cli import client_settings
from streamz_core.cli.main import main
from streamz_core.server.security.security_config import SecurityConfig
from streamz_core.server.security.tls import TlsConfig
from streamz_core.server.server_config import ServerConfig
from tests.certificates import Authority
from tests.clients.served import Served

PASSWORD = "canary: p,a=ss wörd"


class Remote:
    """The command line at an address, as a user."""

    def __init__(self, address: str, config: str) -> None:
        self.address = address
        self.config = config

    def __call__(self, text: str, *more: str, code: int = 0, stdin: str = "") -> str:
        verb, *arguments = [*text.split(), *more]
        flags = (
            ["-F", self.config, "-b"]
            if verb == "kcat"
            else ["--command-config", self.config, "--bootstrap-server"]
        )
        done = CliRunner().invoke(main, [verb, *flags, self.address, *arguments], input=stdin)
        assert done.exit_code == code, done.output
        assert PASSWORD not in done.output
        return done.stdout if code == 0 else done.stderr


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def served(line, authority, tmp_path):
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    line("topics --create --topic mine")
    line("topics --create --topic theirs")
    for user in ("admin", "ann"):
        line(f"users add {user} --password-file {password}")
    rights = "acls --add --allow-principal User:ann --topic mine"
    line(f"{rights} --producer")
    line(f"{rights} --consumer --group g")
    certificate, key = authority.issue("server")
    security = SecurityConfig(
        tls=TlsConfig(certificate=certificate, key=key),
        sasl_mechanisms=("SCRAM-SHA-512", "SCRAM-SHA-256"),
        super_users=frozenset({"User:admin"}),
    )
    with Served(str(line.path), server=ServerConfig(port=0, security=security)) as made:
        yield made


@pytest.fixture
def at(served, authority, tmp_path, monkeypatch):
    """The command line of a user."""
    monkeypatch.setattr(client_settings, "OPEN_TIMEOUT_MS", 2_000)

    def log_in(user: str, password: str = PASSWORD, ca: str = "") -> Remote:
        file = tmp_path / f"{user}.properties"
        module = "org.apache.kafka.common.security.scram.ScramLoginModule"
        file.write_text(
            "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nssl.truststore.type=PEM\n"
            f"ssl.truststore.location={ca or authority.ca}\n"
            f'sasl.jaas.config={module} required username="{user}" password="{password}";\n'
        )
        return Remote(served.address, str(file))

    return log_in


def test_every_verb_works_at_the_address(at):
    ann, admin = at("ann"), at("admin")
    ann("console-producer --topic mine", stdin="one\ntwo\n")
    assert ann("console-consumer --topic mine --group g --from-beginning --max-messages 2") == "one\ntwo\n"
    assert ann("kcat -C -t mine -e -q -o -1") == "two\n"
    assert ann("get-offsets --topic mine") == "mine:0:2\n"
    assert "2 records sent" in ann("producer-perf --topic mine --num-records 2 --record-size 3")
    assert admin("groups --describe --group g").splitlines()[-1].split()[:5] == ["g", "mine", "0", "2", "4"]
    assert admin("topics --list --exclude-internal").split() == ["mine", "theirs"]
    assert "User:ann" in admin("acls --list")
    assert admin("configs --alter --topic theirs --add-config retention.ms=1000")


def test_what_is_not_allowed_is_refused_by_name(at):
    ann = at("ann")
    assert ann("topics --list").split() == ["mine"]
    assert "theirs" in ann("console-producer --topic theirs", code=1, stdin="no\n")
    assert "AUTHORIZATION_FAILED" in ann(
        "delete-records --topic mine --partition 0 --before-offset 0", code=1
    )


def test_a_wrong_password_and_a_stranger_are_turned_away(at, tmp_path):
    assert "refused the login" in at("ann", password="wrong")("topics --list", code=1)
    assert "refused the login" in at("bob")("topics --list", code=1)
    (tmp_path / "else").mkdir()
    stranger = Authority(tmp_path / "else", "stranger")
    assert "cannot be trusted" in at("ann", ca=stranger.ca)("topics --list", code=1)
