"""What a worker does about the process it has to itself.

Owns: the settings of the C library's heap and of the garbage collector for a process that runs an app and
nothing else; replacing it by one that begins anew.
Must not know: apps.

Never done where an app runs in a process of the user's: all this holds for the whole of it.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import sys
from typing import Final

from streamz_core.app.worker_processes import is_minded

M_TRIM_THRESHOLD: Final = -1
M_TOP_PAD: Final = -2
M_MMAP_THRESHOLD: Final = -3
TRIM_BYTES: Final = 1 << 30
TOP_PAD_BYTES: Final = 64 << 20
MMAP_THRESHOLD_BYTES: Final = 16 << 20
GC_THRESHOLDS: Final = (50_000, 20, 50)


def begin_anew(is_stopping: bool) -> None:
    """End at once, as a crash would, and unless the process was to stop run its command line again."""
    logging.shutdown()
    sys.stdout.flush()
    if is_stopping or is_minded():
        os._exit(1)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this very program


def tune() -> None:
    """Keep freed memory, and look for garbage in cycles less often.

    A slice of records is a thousand objects that go all at once, without cycles: Python's threshold of 700 has
    the collector walk every list of records on its way. glibc gives memory back after each larger buffer of
    JSON, and takes it again for the next.
    """
    gc.set_threshold(*GC_THRESHOLDS)
    keep_freed_memory()


def keep_freed_memory() -> bool:
    """Have glibc keep what is freed for what comes next; False with another C library."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        mallopt = libc.mallopt
    except (OSError, AttributeError):
        return False
    # Whoever sets one of these keeps glibc from raising the third by itself: a buffer of 1 MiB, which is what a read
    # takes, would be 256 new pages each time, if nothing larger happened to be freed before.
    settings = (
        (M_TRIM_THRESHOLD, TRIM_BYTES),
        (M_TOP_PAD, TOP_PAD_BYTES),
        (M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES),
    )
    return all(mallopt(name, size_bytes) for name, size_bytes in settings)
