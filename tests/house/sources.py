"""The sources the house rules look at, parsed once.

Owns: finding and parsing every module of the package, and the list of exceptions.
Must not know: the rules.
"""

from __future__ import annotations

import ast
import functools
import tomllib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Source(NamedTuple):
    """One module."""

    path: str
    text: str
    tree: ast.Module


@functools.cache
def package_sources() -> tuple[Source, ...]:
    """Every module of ``streamz_core``, sorted by path."""
    return tuple(_read(path) for path in sorted((ROOT / "streamz_core").rglob("*.py")))


@functools.cache
def all_sources() -> tuple[Source, ...]:
    """Package, tests, benchmarks and examples."""
    own = [
        path
        for folder in ("tests", "benchmarks", "examples")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ]
    return (*package_sources(), *(_read(path) for path in own))


@functools.cache
def exceptions(rule: str) -> dict[str, str]:
    """The exceptions of one rule, with their reasons."""
    with (Path(__file__).parent / "exceptions.toml").open("rb") as file:
        listed = tomllib.load(file)[rule]
    assert isinstance(listed, dict)
    return listed


def _read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path.relative_to(ROOT).as_posix(), text, ast.parse(text))
