"""Owns: who sees a progress bar, who does not, and that nothing of it is left."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import sys
import threading

import pytest

from streamz_core.cli.main import main

ERASE = "\r\x1b[K"


class Terminal:
    """A pseudo-terminal in the place of standard error, and what was written to it."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self._stream = os.fdopen(slave, "w", encoding="utf-8", newline="")
        self._read: list[bytes] = []
        self._reader = threading.Thread(target=self._take_in)
        self._reader.start()

    def _take_in(self) -> None:
        try:
            while data := os.read(self._master, 65_536):
                self._read.append(data)
        except OSError:
            pass  # the other end is closed
        os.close(self._master)

    def run(self, *arguments: object) -> int:
        """Run a command line with it; the exit code."""
        # Not as a fixture: between set-up and call, pytest's own capture takes the name.
        with contextlib.redirect_stderr(self._stream):
            return run(*arguments)

    def written(self) -> str:
        """Everything; the terminal is closed."""
        self._stream.close()
        self._reader.join()
        return b"".join(self._read).decode()


@pytest.fixture
def terminal():
    terminal = Terminal()
    yield terminal
    terminal.written()


@pytest.fixture
def filled(made):
    made.produce(*("x" * 1_000 for _ in range(300)))
    return made


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(one) for one in arguments])
    return left.value.code


def kinds(written: str) -> list[str]:
    """What the bars were about."""
    found = re.findall(r"\r\x1b\[K([a-z ]+?)  ", written)
    return list(dict.fromkeys(found))


def test_check(filled, terminal, capsys):
    assert terminal.run("check", filled.path) == 0

    written = terminal.written()
    assert kinds(written) == ["checking"]
    assert re.search(r"checking  \[-{24}\]   0%  0 B of \d+\.\d KiB", written)
    assert written.endswith(ERASE)
    assert capsys.readouterr().out == f"{filled.path}: sound\n"


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_check_without_a_bar(filled, terminal, option):
    assert terminal.run("check", filled.path, option) == 0

    assert terminal.written() == ""


def test_no_bar_where_standard_error_is_no_terminal(filled, capsys):
    assert run("check", filled.path) == 0

    assert capsys.readouterr().err == ""


def test_repair(filled, terminal):
    log = filled.path / "log" / "t-0" / f"{0:020d}.log"
    content = bytearray(log.read_bytes())
    content[100] ^= 1
    log.write_bytes(content)

    assert terminal.run("repair", filled.path, "--execute") == 0

    written = terminal.written()
    assert kinds(written) == ["looking for damage", "checking", "repairing"]
    assert written.endswith(ERASE)


def test_backup_and_restore(filled, terminal, tmp_path):
    assert terminal.run("backup", filled.path, tmp_path / "copy") == 0
    assert terminal.run("restore", tmp_path / "copy", tmp_path / "again") == 0

    assert kinds(terminal.written()) == ["copying", "checking"]


def test_lines_from_a_file(made, terminal, tmp_path, monkeypatch):
    file = tmp_path / "lines"
    file.write_text("one\ntwo\n")

    with file.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert terminal.run("console-producer", "--topic", "t", "--bootstrap-server", made.address) == 0

    written = terminal.written()
    assert re.search(r"sending  \[-{24}\]   0%  0 B of 8 B", written)
    assert written.endswith(ERASE)


def test_perf_tools(made, terminal):
    to = ("--bootstrap-server", made.address, "--topic", "t", "--num-records", 3_000)

    assert terminal.run("producer-perf", *to, "--record-size", 10) == 0
    assert terminal.run("consumer-perf", *to) == 0
    assert terminal.run("e2e-latency", *to[:-1], 5, "--record-size", 10) == 0

    written = terminal.written()
    assert kinds(written) == ["sending", "reading", "sending and reading"]
    assert re.search(r"sending  \[-{24}\]   0%  0 of 3,000 records", written)
    assert written.endswith(ERASE)


def test_a_dump_that_goes_elsewhere(filled, terminal, capsys):
    assert terminal.run("dump-log", "--files", filled.path / "log" / "t-0" / f"{0:020d}.log") == 0

    assert kinds(terminal.written()) == ["dumping"]
    assert "baseOffset: 0" in capsys.readouterr().out
