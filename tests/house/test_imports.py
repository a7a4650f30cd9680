"""Owns: the rule that imports point down; the contracts are in pyproject.toml under ``tool.importlinter``."""

import contextlib
import io

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from tests.house.sources import ROOT


def test_imports_point_down(monkeypatch):
    monkeypatch.chdir(ROOT)
    said = io.StringIO()

    with contextlib.redirect_stdout(said):
        status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)

    assert status == EXIT_STATUS_SUCCESS, said.getvalue()
