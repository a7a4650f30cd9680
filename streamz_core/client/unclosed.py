"""What is said of a client that is collected while it runs: aiokafka's ``ResourceWarning``.

Owns: its words, and the call of the event loop's exception handler.
Must not know: what a client holds.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


def warn_unclosed(client: object, role: str, loop: asyncio.AbstractEventLoop) -> None:
    """Tell that ``client`` was never stopped; ``role`` is its name in the exception handler's context."""
    what = f"Unclosed {type(client).__name__}"
    try:
        warnings.warn(f"{what} {client!r}", ResourceWarning, source=client, stacklevel=2)
    finally:
        loop.call_exception_handler({role: client, "message": what})
