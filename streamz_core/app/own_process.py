"""What a worker changes about the process it has to itself.

Owns: the settings of the C library's heap and of the garbage collector for a process that runs an app and
nothing else.
Must not know: apps.

Never done where an app runs in a process of the user's: both settings hold for all of it.
"""

from __future__ import annotations

import ctypes
import gc
from typing import Final

M_TRIM_THRESHOLD: Final = -1
M_TOP_PAD: Final = -2
TRIM_BYTES: Final = 1 << 30
TOP_PAD_BYTES: Final = 64 << 20
GC_THRESHOLDS: Final = (50_000, 20, 50)


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
    return bool(mallopt(M_TRIM_THRESHOLD, TRIM_BYTES) and mallopt(M_TOP_PAD, TOP_PAD_BYTES))
