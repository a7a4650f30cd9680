"""Owns: the test that ``streamz_core.aiokafka`` offers what aiokafka 0.14 does, by its manifest.

The manifest (``tests/data``) lists aiokafka's public names with their signatures. Ours may take more
parameters, never fewer, nor others in their place.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
from dataclasses import fields
from pathlib import Path

import pytest

MANIFEST = json.loads((Path(__file__).parents[2] / "data" / "aiokafka_0_14_api.json").read_text())
CLASSES = {name: entry for name, entry in MANIFEST.items() if isinstance(entry, dict) and "members" in entry}
# Where ours differs on purpose, and why.
OTHER_DEFAULTS = {
    "acks": "durable unless asked otherwise",
    "client_id": "ours names this project",
    "partitioner": "an instance of ours",
    "partition_assignment_strategy": "our classes",
    "group": "our client has one connection",
    "headers": "a tuple, which cannot be changed by mistake",
}


def find(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module("streamz_core." + module), name)


def parameters_of(text):
    """Names, kinds and defaults in a signature given as text."""
    text = text.replace("<object>", "None")
    while "<" in text:
        start = text.index("<")
        text = text[:start] + "None" + text[text.index(">", start) + 1 :]
    arguments = ast.parse(f"def f{text}: pass").body[0].args
    positional = [argument.arg for argument in arguments.args]
    keywords = [argument.arg for argument in arguments.kwonlyargs]
    defaults = dict(zip(reversed(positional), reversed(arguments.defaults), strict=False))
    defaults |= dict(zip(keywords, arguments.kw_defaults, strict=True))
    known = {name: ast.literal_eval(node) for name, node in defaults.items() if node is not None}
    return positional, keywords, known, arguments.vararg


def check_signature(ours, text):
    positional, keywords, defaults, rest = parameters_of(text)
    signature = inspect.signature(ours)
    found = {name: p for name, p in signature.parameters.items() if name != "self"}
    kinds = [name for name, p in found.items() if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert kinds[: len(positional)] == positional
    assert set(keywords) <= set(found)
    for name, default in defaults.items():
        if name not in OTHER_DEFAULTS:
            assert found[name].default == default, name
    if rest is not None:
        assert any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in found.values())
    extra = set(found) - set(positional) - set(keywords) - ({rest.arg} if rest else set())
    assert all(found[name].default is not inspect.Parameter.empty for name in extra)


@pytest.mark.parametrize("path", CLASSES)
def test_constructors_take_aiokafkas_parameters(path):
    if CLASSES[path]["init"] == "(*args, **kwargs)":
        find(path)
        return
    check_signature(find(path).__init__, CLASSES[path]["init"])


@pytest.mark.parametrize(
    ("path", "member"), [(path, member) for path, entry in CLASSES.items() for member in entry["members"]]
)
def test_methods_take_aiokafkas_parameters(path, member):
    wanted = CLASSES[path]["members"][member]
    ours = inspect.getattr_static(find(path), member)
    if wanted["kind"] == "property":
        return
    function = getattr(find(path), member)
    assert inspect.iscoroutinefunction(function) == (wanted["kind"] == "async")
    assert callable(function)
    check_signature(function, wanted["sig"])
    assert ours is not None


@pytest.mark.parametrize("name", MANIFEST["all"])
def test_the_front_door_has_aiokafkas_names(name):
    package = importlib.import_module("streamz_core.aiokafka")

    assert name in package.__all__
    assert hasattr(package, name)


@pytest.mark.parametrize("name", MANIFEST["errors"])
def test_errors_have_aiokafkas_names_codes_and_bases(name):
    errors = importlib.import_module("streamz_core.aiokafka.errors")
    found, wanted = getattr(errors, name), MANIFEST["errors"][name]

    assert getattr(found, "errno", None) == wanted["errno"]
    assert wanted["base"] in {base.__name__ for base in found.__mro__}
    if wanted["retriable"] is not None:
        assert found.retriable == wanted["retriable"]


@pytest.mark.parametrize("name", MANIFEST["structs"])
def test_structs_have_aiokafkas_fields(name):
    found = find(f"aiokafka.structs.{name}")
    names = found._fields if hasattr(found, "_fields") else [field.name for field in fields(found)]

    assert list(names) == MANIFEST["structs"][name]


def test_the_manifest_is_that_of_the_installed_aiokafka():
    import aiokafka

    assert MANIFEST["version"] == aiokafka.__version__
    assert set(MANIFEST["all"]) == set(aiokafka.__all__)
