"""Another event loop in another thread, for calls that do not belong there.

Owns: ``elsewhere`` and ``raised_elsewhere``: a call on a loop of its own, which cannot hang a test.
Must not know: what is called.
"""

from __future__ import annotations

import asyncio
import threading

PATIENCE_S = 30
"""Only a call that would never return takes that long: what is refused is refused at once."""


async def elsewhere(call):
    """What ``await call()`` returns or raises on another event loop, while this one goes on running."""
    outcome = []

    def run():
        try:
            outcome.append((asyncio.run(call()), None))
        except BaseException as error:  # noqa: BLE001 - handed to the test
            outcome.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    await asyncio.to_thread(thread.join, PATIENCE_S)
    assert outcome, f"the call from another event loop has not returned after {PATIENCE_S} s"
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


async def raised_elsewhere(call):
    """The exception that ``await call()`` raises on another event loop, None where it returns."""
    try:
        await elsewhere(call)
    except Exception as error:  # noqa: BLE001 - handed to the test
        return error
    return None
