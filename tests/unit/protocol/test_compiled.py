"""The compiled modules are those of the source beside them."""

from __future__ import annotations

import ast
import doctest
import importlib
import subprocess
import sys
from importlib.machinery import ExtensionFileLoader
from pathlib import Path

import pytest

from streamz_core.protocol import batch_decoder, compiled, corrupt

FOLDER = Path(str(corrupt.__file__)).parent
ROOT = Path(__file__).parents[3]


def compiled_paths() -> list[str]:
    """What ``setup.py`` compiles."""
    tree = ast.parse((ROOT / "setup.py").read_text())
    (named,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COMPILED"
    )
    assert named
    return list(named)


def test_no_compiled_module_is_older_than_its_source() -> None:
    # In an installed wheel the times are those of unpacking; sources are edited in the tree.
    stale = [
        source.name
        for source in (ROOT / "streamz_core").rglob("*.[cp]*")
        if source.suffix in {".c", ".py"}
        for built in source.parent.glob(f"{source.stem}.*.so")
        if built.stat().st_mtime < source.stat().st_mtime
    ]

    assert not stale, f"{stale} changed since they were compiled: run `pip install -e .` again"


def test_compiled_says_what_python_imported() -> None:
    loader = type(getattr(batch_decoder, "__loader__", None))

    assert compiled.is_compiled() == issubclass(loader, ExtensionFileLoader)


def test_the_source_alone_can_be_asked_for() -> None:
    script = "from streamz_core.protocol import compiled; print(compiled.is_compiled())"

    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": f"{ROOT / 'tests' / 'interpreted'}:{ROOT}"},
        capture_output=True,
        check=True,
    )

    assert ran.stdout == b"False\n"


# Nobody outside calls these: an agent's ``async for`` ends in them, for every record.
MAY_WAIT = {"streamz_core/app/feed.py"}


def test_every_module_that_setup_compiles_exists_and_has_no_coroutine() -> None:
    for path in set(compiled_paths()) - MAY_WAIT:
        tree = ast.parse((ROOT / path).read_text())
        coroutines = [node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
        assert not coroutines, (
            f"{path}: {coroutines}: a compiled coroutine has no traceback, and no signature"
        )


@pytest.mark.parametrize(
    "name", sorted(source.stem for source in FOLDER.glob("*.py") if source.stem != "__init__")
)
def test_the_examples_in_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"streamz_core.protocol.{name}")).failed == 0
