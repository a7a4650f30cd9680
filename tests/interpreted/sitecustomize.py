"""Makes Python run this project's source even where compiled modules lie beside it.

For test runs: ``PYTHONPATH=tests/interpreted python -m pytest``. Python imports a module of this name by
itself at its start, so it holds in every process that a test starts, too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType


class SourceOnly(MetaPathFinder):
    """Finds the modules below ``streamz_core`` by their .py files alone."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's source; ``None`` for other projects' modules. What has none is not there."""
        if not fullname.startswith("streamz_core."):
            return None
        for folder in path or ():
            spec = FileFinder(folder, (SourceFileLoader, [".py"])).find_spec(fullname, target)
            if spec is not None and spec.loader is not None:
                return spec
        raise ModuleNotFoundError(f"No source of {fullname!r}", name=fullname)


sys.meta_path.insert(0, SourceOnly())
