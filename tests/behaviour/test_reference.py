"""The reference says what the program does: it is made from it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_is_what_the_program_says():
    spec = importlib.util.spec_from_file_location("generate_reference", DOCS / "generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)

    assert (DOCS / "reference.md").read_text(encoding="utf-8") == generator.generate(), (
        "the program has changed: run python docs/generate_reference.py"
    )
