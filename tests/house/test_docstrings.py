"""Owns: the rule that every module says what it owns, and every package what it is."""

import ast

from tests.house.sources import exceptions, package_sources


def test_every_module_says_what_it_owns():
    silent = [
        source.path
        for source in package_sources()
        if not source.path.endswith("__init__.py")
        and not any(source.path.startswith(place) for place in exceptions("docstrings"))
        and "Owns:" not in (ast.get_docstring(source.tree) or "")
    ]

    assert silent == [], (
        f'begin the module docstring with what it is, then "Owns: … Must not know: …": {silent}'
    )


def test_every_module_and_package_has_a_docstring():
    silent = [source.path for source in package_sources() if not ast.get_docstring(source.tree)]

    assert silent == []
