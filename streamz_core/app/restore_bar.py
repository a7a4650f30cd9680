"""How far an app's stores are restored, at the terminal it was started from.

Owns: what the bar says of restores that run at the same time, and that log lines do not end up in it.
Must not know: how stores are restored, how a bar is drawn.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TYPE_CHECKING, TextIO

from streamz_core.app.worker_processes import is_minded
from streamz_core.progress_bar import ProgressBar, progress_bar
from streamz_core.state.restore import RestorePhase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamz_core.app.services import Startable
    from streamz_core.model import TopicPartition
    from streamz_core.state.restore import RestoreProgress

_OVER = (RestorePhase.END, RestorePhase.SUSPENDED)


class RestoreBar:
    """One bar for all the restores that are under way; a listener of ``App.on_restore``."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar
        self._positions: dict[tuple[str, TopicPartition], int] = {}

    def __call__(self, progress: RestoreProgress) -> None:
        """Take one report in."""
        restore = (progress.store, progress.partition)
        if progress.phase is RestorePhase.START:
            self._begin(restore, progress)
            return
        before = self._positions.get(restore)
        if before is None:
            return  # nothing was to be restored
        self._positions[restore] = progress.position
        self._bar.add(progress.position - before)
        if progress.phase in _OVER:
            del self._positions[restore]
        if not self._positions:
            self._bar.erase()

    def _begin(self, restore: tuple[str, TopicPartition], progress: RestoreProgress) -> None:
        if progress.position >= progress.end:
            return
        if not self._positions:
            self._bar.begin("restoring state", "offsets", 0)
        self._positions[restore] = progress.position
        self._bar.expect(progress.end - progress.position)


class _BesideBar(logging.StreamHandler[TextIO]):
    """Writes to standard error, where the bar is: it makes room."""

    def __init__(self, bar: ProgressBar) -> None:
        super().__init__(sys.stderr)
        self._bar = bar

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self._bar.erase()
        super().emit(record)


@contextlib.contextmanager
def restores_shown(app: Startable) -> Iterator[logging.Handler]:
    """Show restores while the app runs, unless others run beside it; what is logged by the handler goes with it."""
    with progress_bar(is_wanted=not is_minded()) as bar:
        app.on_restore(RestoreBar(bar))
        yield _BesideBar(bar)
