"""Whether this installation runs the compiled record batches.

Owns: that one answer, for ``streamz --version``, the benchmarks, and code that other threads must not interrupt.
Must not know: how they are compiled (``setup.py``).
"""

from __future__ import annotations

from streamz_core.protocol import batch_decoder


def is_compiled() -> bool:
    """True where the hot modules came from a C compiler, False where the interpreter runs them.

    Both give the same results; compiled is about ten times faster. ``pip install`` compiles where it can.
    """
    return not str(batch_decoder.__file__).endswith(".py")
