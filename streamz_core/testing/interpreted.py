"""The interpreted source of modules whose compiled build is what Python imports.

Owns: loading it beside the compiled modules, for tests that hold one against the other and benchmarks that
compare them.
Must not know: which modules are compiled.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import PurePath
from types import ModuleType


def load(*names: str) -> dict[str, ModuleType]:
    """These modules (full names, each after those it imports) as new modules run from their .py files.

    They import each other; whatever else they import is what everybody has. ``sys.modules`` is as before
    afterwards.

    >>> source = load("streamz_core.protocol.varint")["streamz_core.protocol.varint"]
    >>> source.__file__.endswith("varint.py")
    True
    """
    kept = {name: importlib.import_module(name) for name in names}
    loaded: dict[str, ModuleType] = {}
    try:
        for name in names:
            package, _, last = name.rpartition(".")
            # Beside its package: a compiled module's own __file__ is reckoned from where its library lies.
            source = str(PurePath(next(iter(sys.modules[package].__path__)), f"{last}.py"))
            spec = importlib.util.spec_from_file_location(name, source, loader=SourceFileLoader(name, source))
            assert spec is not None
            assert spec.loader is not None
            sys.modules[name] = loaded[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(loaded[name])
    finally:
        sys.modules.update(kept)
    return loaded
