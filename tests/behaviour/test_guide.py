"""Every program and command that the guide and the README show runs as it is shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "guide.md").read_text(), re.DOTALL)
PRINTED = {
    0: "again from offset 4: b'4'",
    1: "{'ann': 45.0, 'bob': 120.0}",
    2: "paid: 42",
    3: "[('/', 0.0, 3), ('/', 120.0, 1), ('/a', 60.0, 1)] late: 1",
}


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_of_the_guide_runs(number: int, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAMS[number])

    ran = subprocess.run(
        [sys.executable, program],
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    if number in PRINTED:
        assert ran.stdout.splitlines()[-1] == PRINTED[number]


def test_the_readmes_log_is_read_by_its_commands(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    program = next(
        block
        for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
        if "AIOKafkaProducer" in block
    )
    commands = next(
        block for block in re.findall(r"```console\n(.*?)```", readme, re.DOTALL) if "streamz topics" in block
    )
    streamz = tmp_path / "streamz"
    streamz.write_text(
        f"#!/bin/sh\nexec '{sys.executable}' -c 'from streamz_core.cli.main import main; main()' \"$@\"\n"
    )
    streamz.chmod(0o700)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    ran = [
        subprocess.run(
            command, check=False, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60
        )
        for command in ([sys.executable, "-c", program], ["sh", "-e", "-c", commands])
    ]

    assert [one.returncode for one in ran] == [0, 0], [one.stderr for one in ran]
    assert ran[0].stdout == "0 0 b'ann' b'12 apples'\n"
    said = ran[1].stdout.splitlines()
    assert said[:2] == ["Created topic payments.", "12"]
    assert any(line.split()[:6] == ["shop", "orders", "0", "1", "1", "0"] for line in said)
    assert said[-1] == "./data: sound"


def test_the_readme_shows_the_example_that_is_tested() -> None:
    example = (ROOT / "examples" / "01_views.py").read_text()
    code = example[example.index("from streamz_core") :]
    shown = next(
        block
        for block in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        if "app.main" in block
    )

    assert [line for line in shown.splitlines() if line] == [line for line in code.splitlines() if line]
