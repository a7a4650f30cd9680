"""Owns: the limits of size. What is beyond them does two things: split it where the subject changes."""

import ast

from tests.house.sources import all_sources, exceptions, package_sources

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70


def test_no_file_is_longer_than_the_limit():
    too_long = {
        source.path: lines
        for source in all_sources()
        if (lines := source.text.count("\n")) > FILE_LINES_MAX and source.path not in exceptions("sizes")
    }

    assert too_long == {}, f"more than {FILE_LINES_MAX} lines: split by subject, {too_long}"


def test_no_function_is_longer_than_the_limit():
    too_long = {
        place: lines
        for source in all_sources()
        for place, lines in functions(source.path, source.tree)
        if lines > FUNCTION_LINES_MAX and place not in exceptions("sizes")
    }

    assert too_long == {}, f"more than {FUNCTION_LINES_MAX} lines: name its steps as functions, {too_long}"


def test_every_exception_is_still_needed():
    lines = {source.path: source.text.count("\n") for source in all_sources()}
    for source in all_sources():
        lines |= dict(functions(source.path, source.tree))
    idle = [
        place
        for place in exceptions("sizes")
        if lines.get(place, 0) <= (FUNCTION_LINES_MAX if "::" in place else FILE_LINES_MAX)
    ]

    assert idle == [], f"no longer needed in tests/house/exceptions.toml: {idle}"
    assert package_sources()


def functions(path: str, node: ast.AST, prefix: str = ""):
    """Every function below ``node`` as ``path::qualified.name`` and its lines."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}{child.name}"
            if not isinstance(child, ast.ClassDef):
                assert child.end_lineno is not None
                yield f"{path}::{name}", child.end_lineno - child.lineno + 1
            yield from functions(path, child, f"{name}.")
