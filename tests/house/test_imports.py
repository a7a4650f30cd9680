"""Owns: the rule that imports point down; the contracts are in pyproject.toml under ``tool.importlinter``."""

import contextlib
import io
import logging

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from tests.house.sources import ROOT


@contextlib.contextmanager
def loggers_left_alone():
    """``lint_imports`` configures logging, which disables every logger there is; later tests need them."""
    loggers = [
        logger for logger in logging.Logger.manager.loggerDict.values() if isinstance(logger, logging.Logger)
    ]
    before = {logger: logger.disabled for logger in loggers}
    try:
        yield
    finally:
        for logger, disabled in before.items():
            logger.disabled = disabled


def test_imports_point_down(monkeypatch):
    monkeypatch.chdir(ROOT)
    said = io.StringIO()

    with contextlib.redirect_stdout(said), loggers_left_alone():
        status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)

    assert status == EXIT_STATUS_SUCCESS, said.getvalue()
