"""Every program of the guide runs, and the README's app is the example that is tested."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "guide.md").read_text(), re.DOTALL)
PRINTED = {
    0: "again from offset 4: b'4'",
    1: "1 b'/cart'",
    2: "{'ann': 45.0, 'bob': 120.0}",
    3: "paid: 42",
    4: "[('/', 0.0, 3), ('/', 120.0, 1), ('/a', 60.0, 1)] late: 1",
    8: "at least once: True",
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


def test_the_readme_shows_the_example_that_is_tested() -> None:
    example = (ROOT / "examples" / "01_views.py").read_text()
    code = example[example.index("from streamz_core") :]
    shown = next(
        block
        for block in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        if "app.main" in block
    )

    assert [line for line in shown.splitlines() if line] == [line for line in code.splitlines() if line]
