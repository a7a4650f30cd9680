"""Runs this folder against the compiled modules and the interpreted source, where both are at hand."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest

from streamz_core.protocol import compiled
from streamz_core.testing import interpreted

# Each after those it imports; the last two are never compiled, but import the others.
MODULES = (
    "varint",
    "batch_header",
    "encoded_batches",
    "batch_frame",
    "batch_encoder",
    "batch_decoder",
    "batch_check",
    "murmur2",
    "record_batch",
    "control",
)
NAMES = [f"streamz_core.protocol.{module}" for module in MODULES]


def _build(name: str) -> SimpleNamespace:
    if name == "compiled":
        modules = {module: importlib.import_module(module) for module in NAMES}
    else:
        modules = interpreted.load(*NAMES)
    return SimpleNamespace(**{name.rpartition(".")[2]: module for name, module in modules.items()})


@pytest.fixture(
    scope="session", params=["interpreted", "compiled"] if compiled.is_compiled() else ["interpreted"]
)
def protocol(request: pytest.FixtureRequest) -> SimpleNamespace:
    """The protocol's modules by their short names, in one of the builds at hand."""
    return _build(request.param)
