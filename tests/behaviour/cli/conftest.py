"""The command line on a data directory of the test's own."""

from __future__ import annotations

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


@pytest.fixture
def grouped(made):
    made.produce(*"abcdef")
    made.consume("--group g --max-messages 4")
    return made
