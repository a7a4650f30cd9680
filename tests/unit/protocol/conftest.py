"""Runs this folder against the compiled modules and the interpreted source, where both are at hand."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from streamz_core.protocol import compiled, corrupt

FOLDER = Path(str(corrupt.__file__)).parent
# In the order of their imports; the last two are interpreted always and import the others.
MODULES = ("varint", "batch_header", "batch_encoder", "batch_decoder", "murmur2", "record_batch", "control")


def _interpreted() -> SimpleNamespace:
    """The .py files as modules of their own, importing each other and nothing compiled."""
    names = [f"streamz_core.protocol.{name}" for name in MODULES]
    kept: dict[str, ModuleType] = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    loaded: dict[str, ModuleType] = {}
    try:
        for short, name in zip(MODULES, names, strict=True):
            spec = importlib.util.spec_from_file_location(name, FOLDER / f"{short}.py")
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = loaded[short] = module
            spec.loader.exec_module(module)
    finally:
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(kept)
    return SimpleNamespace(**loaded)


def _installed() -> SimpleNamespace:
    return SimpleNamespace(**{name: importlib.import_module(f"streamz_core.protocol.{name}") for name in MODULES})


BUILDS = {"interpreted": _interpreted, "compiled": _installed} if compiled.is_compiled() else {"interpreted": _installed}


@pytest.fixture(scope="session", params=list(BUILDS))
def protocol(request: pytest.FixtureRequest) -> Iterator[SimpleNamespace]:
    """The protocol's modules by their short names, in one of the builds at hand."""
    return BUILDS[request.param]()
