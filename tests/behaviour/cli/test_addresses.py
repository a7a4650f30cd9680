"""Addresses, names of verbs, help, and what a bug looks like."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from streamz_core.cli import client_settings
from streamz_core.cli.main import main


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
    ],
)
@pytest.mark.parametrize("text", ["topics --list", "console-consumer --topic t", "groups --list", "check"])
def test_an_address_that_is_none_is_a_wrong_flag(line, text, address, code, said):
    line.address = address

    message = line(text, code=code)
    assert said in message or (text == "check" and "is no data directory" in message)


def test_a_broker_that_is_not_there_is_told(line, monkeypatch):
    monkeypatch.setattr(client_settings, "OPEN_TIMEOUT_MS", 1)
    line.address = "127.0.0.1:1"
    assert "127.0.0.1:1" in line("topics --list", code=1)


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
