"""SIGINT and SIGTERM for programs that run until they are told to stop.

Owns: who hears of the first signal, the default effect of the second one, and putting back what was before.
Must not know: what stopping means.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def first_signal(told: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call ``told`` with the first signal, from the event loop; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    is_told = False

    def on_signal(number: signal.Signals) -> None:
        nonlocal is_told
        if is_told:  # it came before the first one was looked at, and is the second one still
            signal.raise_signal(number)
            return
        is_told = True
        for one in _SIGNALS:
            loop.remove_signal_handler(one)
            signal.signal(one, signal.SIG_DFL)
        told(number)

    for number in _SIGNALS:
        # Where the loop cannot (Windows, another thread), Python's own SIGINT stays: KeyboardInterrupt.
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
                loop.remove_signal_handler(number)
                signal.signal(number, before[number] or signal.SIG_DFL)
