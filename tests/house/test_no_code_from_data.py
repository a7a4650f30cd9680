"""Owns: the rule that data never becomes code: no pickle, no eval, no import by a name that was read."""

import ast

import pytest

from tests.house.sources import exceptions, package_sources

MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "importlib", "runpy"}
CALLS = {"eval", "exec", "__import__"}


def doors_to_code(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Call):
            names = [name for name in (ast.unparse(node.func),) if name in CALLS]
            yield from ((name, node.lineno) for name in names)
            continue
        else:
            continue
        yield from ((name, node.lineno) for name in names if name.partition(".")[0] in MODULES)


def test_data_never_becomes_code():
    found = [
        f"{source.path}:{line} {name}"
        for source in package_sources()
        if source.path not in exceptions("code")
        for name, line in doors_to_code(source.tree)
    ]

    assert found == [], f"what was read must not choose what runs: {found}"


def test_every_exception_is_still_needed():
    known = {source.path: source for source in package_sources()}
    idle = [
        path for path in exceptions("code") if path not in known or not any(doors_to_code(known[path].tree))
    ]

    assert idle == [], f"no longer needed in tests/house/exceptions.toml: {idle}"


@pytest.mark.parametrize("code", ["import pickle", "from importlib import import_module", "eval(text)"])
def test_the_rule_sees_what_it_forbids(code):
    assert list(doors_to_code(ast.parse(code)))
