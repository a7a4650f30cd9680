"""Lines of standard input, read beside the event loop.

Owns: the thread that reads, how far it may be ahead, and cutting what it read into lines.
Must not know: what a line means.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CHUNK_BYTES: Final = 65_536
_CHUNKS_AHEAD: Final = 4
LINE_BYTES_MAX: Final = 64 * 1024 * 1024


class LineTooLong(ValueError):
    """A line that no record could hold."""


class Input:
    """A byte stream as lists of the lines that are there; what waits for more input does not hold up sends.

    The thread is a daemon: one that is stuck in a read must not keep the process from ending.
    """

    def __init__(self, stream: Any) -> None:
        # A raw read returns what is there; a buffered one waits for its buffer to be full, and would hold
        # its lock when the interpreter ends.
        self._source = getattr(stream, "raw", stream)
        self._chunks: asyncio.Queue[bytes | OSError] = asyncio.Queue()
        self._room = threading.Semaphore(_CHUNKS_AHEAD)
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, name="standard input", daemon=True).start()

    def _read(self) -> None:
        chunk: bytes | OSError = b"."
        while chunk and not isinstance(chunk, OSError):
            self._room.acquire()
            try:
                chunk = self._source.read(CHUNK_BYTES) or b""
            except OSError as error:
                chunk = error
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody wants lines any more
                self._loop.call_soon_threadsafe(self._chunks.put_nowait, chunk)

    async def lines(self) -> AsyncIterator[list[bytes]]:
        """Lists of whole lines, without their ends; a last line need not have one."""
        async for lines in self.pieces(b"\n"):
            yield [line.removesuffix(b"\r") for line in lines]

    async def pieces(self, delimiter: bytes) -> AsyncIterator[list[bytes]]:
        """Lists of what is before each ``delimiter``; a last piece need not have one behind it."""
        begun: list[bytes] = []
        begun_bytes = 0
        while True:
            chunk = await self._chunks.get()
            if isinstance(chunk, OSError):
                raise chunk
            if not chunk:
                break
            self._room.release()
            if len(delimiter) > 1 and begun:  # which may lie over the end of the chunk before
                chunk = b"".join(begun) + chunk
                begun, begun_bytes = [], 0
            first, *others = chunk.split(delimiter)
            begun.append(first)
            begun_bytes += len(first)
            if begun_bytes > LINE_BYTES_MAX:
                raise LineTooLong(f"a line is longer than {LINE_BYTES_MAX} bytes")
            if others:
                lines = [b"".join(begun), *others]
                begun = [lines.pop()]
                begun_bytes = len(begun[0])
                yield lines
        if begun_bytes:
            yield [b"".join(begun)]
