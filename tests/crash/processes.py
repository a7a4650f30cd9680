"""Spreading a harness over the machine's cores.

Owns: ``Processes``, which runs module-level functions elsewhere, or here when asked for one process.
Must not know: what the functions do.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Processes:
    """Work that is started now and asked for later. Its processes are started with the first work."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None

    def start(self, do: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Callable[[], T]:
        """The result of ``do``, once it is asked for; with one process it is worked out only then."""
        if self.count == 1:
            return lambda: do(*arguments, **named)
        if self._pool is None:
            # Digests of equal images must be equal in all of them.
            os.environ.setdefault("PYTHONHASHSEED", "0")
            spawning = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.count, mp_context=spawning)
        return self._pool.submit(do, *arguments, **named).result

    def close(self) -> None:
        """Give up what nobody has asked for."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
