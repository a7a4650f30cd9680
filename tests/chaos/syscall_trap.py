"""Killing a process at its n-th system call that changes files, whoever in it makes the call.

Owns: the trap: a filter in the kernel that stops the process at such calls, and the parent that counts
them and kills.
Must not know: what the process does.

RocksDB writes from threads of its own, past every door of Python. On Linux a parent may trace its own
child without any privilege: nothing is installed, and only the calls of interest stop it. Where the
kernel or a sandbox refuses (``works`` says so), ``at_random_time`` kills by the clock instead.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import platform
import signal
import struct
import sys
import time
from typing import Final, NamedTuple

from tests.chaos.processes import Main, child

_CALLS: Final = {
    # write, pwrite64, writev, truncate, ftruncate, rename, mkdir, rmdir, link, unlink, fsync, fdatasync,
    # mkdirat, unlinkat, renameat, sync_file_range, fallocate, pwritev, renameat2
    "x86_64": (1, 18, 20, 76, 77, 82, 83, 84, 86, 87, 74, 75, 258, 263, 264, 277, 285, 296, 316),
    "aarch64": (64, 68, 66, 45, 46, 34, 37, 35, 82, 83, 38, 84, 47, 70, 276),
}
_TRACE_ME, _CONTINUE, _TO_SYSCALL_END, _SET_OPTIONS = 0, 7, 24, 0x4200
_OPTIONS = 0x01 | 0x08 | 0x80 | 0x100000  # mark syscall ends, follow threads, stop at the filter, die with us
_AT_FILTER = 7
_AT_SYSCALL_END = signal.SIGTRAP | 0x80
_NO_NEW_PRIVILEGES, _SECCOMP, _WITH_FILTER = 38, 22, 2
_ALL_THREADS = 0x40000000
_ALLOW, _TRACE = 0x7FFF0000, 0x7FF00000


class Ended(NamedTuple):
    """How a trapped child ended."""

    code: int
    """Its exit code; below 0 the signal it died of."""
    calls: int
    """How many calls it had begun."""


class NotTraceable(Exception):
    """The kernel does not let this process trace its child."""


def run(log: str, main: Main, at_call: int, *, is_after: bool, within_s: float = 60.0) -> Ended:
    """Run ``main()`` in a child that dies at call ``at_call``, counted from 1: before or after it; 0: never.

    Raises ``NotTraceable``. The caller has no other children.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    pid = child(log, lambda: _trapped(libc, main))
    _, status = os.waitpid(pid, 0)
    if not os.WIFSTOPPED(status):
        raise NotTraceable(f"the child ended with {os.waitstatus_to_exitcode(status)}: see {log}")
    if libc.ptrace(_SET_OPTIONS, pid, None, _OPTIONS) != 0:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise NotTraceable(os.strerror(ctypes.get_errno()))
    libc.ptrace(_CONTINUE, pid, None, None)
    return _watch(libc, pid, at_call, is_after=is_after, ends=time.monotonic() + within_s)


def _watch(libc: ctypes.CDLL, pid: int, at_call: int, *, is_after: bool, ends: float) -> Ended:
    calls = 0
    while True:
        stopped, status = os.waitpid(-1, _ALL_THREADS)
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            if stopped == pid:
                return Ended(os.waitstatus_to_exitcode(status), calls)
            continue
        how, number = _CONTINUE, os.WSTOPSIG(status)
        if status >> 16 == _AT_FILTER:
            calls += 1
            if calls == at_call:
                if is_after:
                    how = _TO_SYSCALL_END
                else:
                    os.kill(pid, signal.SIGKILL)
        elif number == _AT_SYSCALL_END or time.monotonic() > ends:
            os.kill(pid, signal.SIGKILL)
        is_signal = status >> 16 == 0 and number not in (signal.SIGSTOP, signal.SIGTRAP, _AT_SYSCALL_END)
        libc.ptrace(how, stopped, None, number if is_signal else None)


async def _trapped(libc: ctypes.CDLL, main: Main) -> None:
    """In the child: ask to be traced, stop until it is so, put up the filter, and work."""
    if libc.ptrace(_TRACE_ME, 0, None, None) != 0:
        raise NotTraceable(os.strerror(ctypes.get_errno()))
    os.kill(os.getpid(), signal.SIGSTOP)
    program = _filter(_CALLS[platform.machine()])
    code = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code)))
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SECCOMP, _WITH_FILTER, header, 0, 0):
        raise NotTraceable(os.strerror(ctypes.get_errno()))
    await main()


def _filter(calls: tuple[int, ...]) -> bytes:
    """A program for the kernel: stop at these calls, let all others pass."""
    load_number = struct.pack("HBBI", 0x20, 0, 0, 0)
    # From the n-th comparison it is that many steps over the others to the last line.
    compare = [struct.pack("HBBI", 0x15, len(calls) - n, 0, call) for n, call in enumerate(calls)]
    answers = [struct.pack("HBBI", 0x06, 0, 0, answer) for answer in (_ALLOW, _TRACE)]
    return b"".join([load_number, *compare, *answers])


def works(log: str) -> bool:
    """Whether children can be trapped here."""
    if sys.platform != "linux" or platform.machine() not in _CALLS:
        return False

    async def write() -> None:
        await asyncio.sleep(0)
        os.write(1, b"trapped\n")

    try:
        return run(log, write, 1, is_after=False).code == -signal.SIGKILL
    except NotTraceable:
        return False
