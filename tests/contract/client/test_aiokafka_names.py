"""Owns: the test that ``streamz_core.aiokafka`` offers what aiokafka 0.14 does, by its manifest.

The manifest (``tests/data``) lists aiokafka's public names with their signatures. Ours may take more
parameters, never fewer, nor others in their place, nor in another order or kind.
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
MORE_PARAMETERS = {
    "buffer_memory": "how much may wait to be sent",
    "clock": "the time by which a batch is stamped",
    "commit": "stop(commit=False)",
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
    found = {name: p for name, p in inspect.signature(ours).parameters.items() if name != "self"}
    in_order = [name for name, p in found.items() if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert in_order[: len(positional)] == positional
    assert set(in_order[len(positional) :]) <= MORE_PARAMETERS.keys()
    named = {name for name, p in found.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
    assert set(keywords) <= named <= set(keywords) | MORE_PARAMETERS.keys()
    rests = [name for name, p in found.items() if p.kind is inspect.Parameter.VAR_POSITIONAL]
    assert rests == ([rest.arg] if rest else [])
    for name in [*positional, *keywords]:
        if name not in OTHER_DEFAULTS:
            assert found[name].default == defaults.get(name, inspect.Parameter.empty), name
        else:
            assert (found[name].default is inspect.Parameter.empty) == (name not in defaults), name
    assert all(found[name].default is not inspect.Parameter.empty for name in found.keys() & MORE_PARAMETERS)


@pytest.mark.parametrize("path", CLASSES)
def test_constructors_take_aiokafkas_parameters(path):
    found = find(path)

    assert set(CLASSES[path]["bases"]) <= {base.__name__ for base in found.__mro__}
    if CLASSES[path]["init"] != "(*args, **kwargs)":
        check_signature(found.__init__, CLASSES[path]["init"])


@pytest.mark.parametrize(
    ("path", "member"), [(path, member) for path, entry in CLASSES.items() for member in entry["members"]]
)
def test_methods_take_aiokafkas_parameters(path, member):
    wanted = CLASSES[path]["members"][member]
    if wanted["kind"] == "property":
        assert isinstance(inspect.getattr_static(find(path), member), property)
        return
    function = getattr(find(path), member)
    assert callable(function)
    assert inspect.iscoroutinefunction(function) == (wanted["kind"] == "async")
    check_signature(function, wanted["sig"])


@pytest.mark.parametrize("name", MANIFEST["all"])
def test_the_front_door_has_aiokafkas_names(name):
    package = importlib.import_module("streamz_core.aiokafka")

    assert name in package.__all__
    assert hasattr(package, name)


@pytest.mark.parametrize("name", MANIFEST["errors"])
def test_errors_have_aiokafkas_names_codes_and_bases(name):
    errors = importlib.import_module("streamz_core.aiokafka.errors")
    found, wanted = getattr(errors, name), MANIFEST["errors"][name]

    assert name in errors.__all__
    assert getattr(found, "errno", None) == wanted["errno"]
    assert wanted["base"] in {base.__name__ for base in found.__mro__}
    assert getattr(found, "retriable", None) == wanted["retriable"]


@pytest.mark.parametrize("name", MANIFEST["structs"])
def test_structs_have_aiokafkas_fields(name):
    found = find(f"aiokafka.structs.{name}")
    names = found._fields if hasattr(found, "_fields") else [field.name for field in fields(found)]

    assert list(names) == MANIFEST["structs"][name]


def test_the_version_is_that_of_the_interface():
    assert importlib.import_module("streamz_core.aiokafka").__version__ == MANIFEST["version"]
