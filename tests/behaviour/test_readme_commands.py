"""What the README tells to type is typed, in its order, in an empty directory."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def block(language: str, holding: str) -> str:
    """The one block of code that holds a text."""
    (found,) = [text for kind, text in BLOCKS if kind == language and holding in text]
    return found


def commands(holding: str) -> list[str]:
    return [
        line.partition("  #")[0].strip() for line in block("console", holding).splitlines() if line.strip()
    ]


@pytest.fixture
def shell(tmp_path):
    """An empty directory, and a PATH on which ``python`` and ``streamz`` are this tree's."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, arguments in (("python", ""), ("streamz", "-m streamz_core")):
        tool = tools / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        tool.chmod(0o755)
    folder = tmp_path / "empty"
    folder.mkdir()

    def start(line: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["sh", "-c", line if "|" in line else f"exec {line}"],
            cwd=folder,
            env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    start.folder = folder  # type: ignore[attr-defined]
    return start


def done(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return out


def test_the_app_is_sent_a_view_and_runs_until_it_is_stopped(shell):
    send, worker = commands("views.py worker")
    shutil.copy(ROOT / "examples" / "01_views.py", shell.folder / "views.py")

    assert done(shell(send)).startswith("views-0 offset 0")
    with shell(worker) as running:
        assert running.stderr is not None
        assert running.stderr.readline(), "-l info says what goes on"
        running.send_signal(signal.SIGINT)
        done(running)


def test_the_commands_on_a_log_do_what_they_say(shell):
    (shell.folder / "program.py").write_text(block("python", "from streamz_core.aiokafka"))
    done(shell("python program.py"))

    lines = commands("streamz topics")
    create, produce, consume, describe, check, backup = [done(shell(line)) for line in lines]
    assert create == "Created topic payments.\n"
    assert produce == ""
    assert consume == "12\n"
    assert describe.splitlines()[2].split()[:6] == ["shop", "orders", "0", "1", "1", "0"]
    assert check == "./data: sound\n"
    assert "monday" in backup
    assert done(shell("streamz check ./data")) == "./data: sound\n"
