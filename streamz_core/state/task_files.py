"""``TaskFiles``: a directory of a task's own, for files that its processors keep beside their stores.

Owns: where it is, making it when it is asked for, and removing it where nothing on disk outlives the process.
Must not know: what is put there, stores.

It lies in the app's state directory, apart from the databases: who discards one of those leaves it alone, who
removes the app's state removes it too. No changelog restores what is in it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Final

DIRECTORY: Final = "files"
"""No task's name: those end in an underscore and a number."""


class TaskFiles:
    """One task's directory for files."""

    def __init__(self, state_dir: str | None, app_id: str, task_id: str) -> None:
        """Without ``state_dir`` it is a temporary directory, which goes with the task."""
        self._lasting = None if state_dir is None else f"{state_dir}/{app_id}/{DIRECTORY}/{task_id}"
        self._prefix = f"{app_id}-{task_id}-"
        self._temporary: str | None = None

    @property
    def path(self) -> str:
        """The directory, which is there now, for the eyes of its owner alone."""
        if self._lasting is not None:
            os.makedirs(self._lasting, mode=0o700, exist_ok=True)
            return os.path.abspath(self._lasting)
        if self._temporary is None:
            self._temporary = tempfile.mkdtemp(prefix=self._prefix)
        return self._temporary

    def close(self) -> None:
        """Remove what is temporary."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
            self._temporary = None
