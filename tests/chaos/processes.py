"""Lives as processes: forked, waited for, killed by their own pid.

Owns: forking a child that runs a coroutine, and what a child that fails has told.
Must not know: what lives do.

A fork begins within milliseconds, where a new interpreter would take half a second to import the
project. Only a process without threads and event loop may fork: the harnesses run in one of their own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

Main = Callable[[], Coroutine[Any, Any, None]]


class LifeFailed(AssertionError):
    """A life ended in a way it should not have."""


def child(log: str, main: Main) -> int:
    """Fork a child that runs ``main()`` and exits with 0, or with 1 and the reason in ``log``; its pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        asyncio.run(main())
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, the parent reads it in the log
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def wait(pid: int, within_s: float) -> int | None:
    """Wait for a child; its exit code (below 0: the signal it died of), or None where it goes on."""
    ends = time.monotonic() + within_s
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        left = ends - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(left, 0.001))


def kill(pid: int) -> None:
    """``kill -9`` a child of ours and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def unharmed(log: str, main: Main, within_s: float) -> None:
    """Run a life that nobody kills to its end; raises ``LifeFailed`` with what it told."""
    pid = child(log, main)
    code = wait(pid, within_s)
    if code is None:
        kill(pid)
    check_end(code, log)


def check_end(code: int | None, log: str) -> None:
    """Raise ``LifeFailed`` unless a life that was not killed ended with 0."""
    if code == 0:
        return
    with open(log, encoding="utf-8", errors="replace") as file:
        told = file.read()[-6000:]
    how = "was still alive when it should long have ended" if code is None else f"ended with {code}"
    raise LifeFailed(f"a life {how}; {log} says:\n{told}")
