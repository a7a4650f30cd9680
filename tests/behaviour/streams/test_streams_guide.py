"""Every program of docs/streams.md runs, and prints what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROGRAMS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "streams.md").read_text(), re.DOTALL)
PRINTED = [
    "[('bob', '/search')]",
    "[('book', 1), ('book', 2)]",
    "{'to': 2, 'be': 2, 'or': 1, 'not': 1}\nto: 2",
    "[('linz', 20.0), ('linz', 15.0)]",
    "True\n[('/ 0', 2)]",
    "[('eve', {'n': 3, 'places': ['Linz', 'Graz', 'Wien']})]",
    "[('a 0', 2)]",
    "['somebody saw /', 'Ann saw /shop']",
    "['a book: 12 EUR']\n['a pen: not paid']",
    "33.0",
    "[('o1', 'a book for Ann'), ('o1', 'a book for Anna')]",
    "[('m1', 3)]\n    Source: KSTREAM-SOURCE-0000000000 (topics: [log])",
    "1.12 1.09 {'eur': 1.12}",
]


@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_a_program_of_the_page_runs(number: int, tmp_path: Path) -> None:
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
    assert ran.stdout.strip() == PRINTED[number]
