"""Frames: a length of four bytes, then so many bytes of request.

Owns: ``FrameReader``, which hands out space to receive into and finds the whole frames in what has come, and
``ReceiveSpace``, the memory that readers share.
Must not know: sockets, what is in a frame.

A frame that has come whole is handed out where it lies, in the shared space. Only one that has come in part gets
memory of its own, and no more than twice what has come of it: a length alone allocates nothing.
"""

from __future__ import annotations

from typing import Final

from streamz_core.errors import Fatal
from streamz_core.server.limits import RECEIVE_BYTES

LENGTH_BYTES: Final = 4
FIRST_ALLOCATION_BYTES: Final = 64 * 1024
"""What a frame that has come in part is given at first, if it is not smaller."""

_OTHER_PROTOCOLS: Final = {
    b"GET ": "an HTTP request",
    b"POST": "an HTTP request",
    b"PUT ": "an HTTP request",
    b"HEAD": "an HTTP request",
    b"OPTI": "an HTTP request",
    b"SSH-": "SSH",
}


class BadFrame(Fatal):
    """A length that no request has: the connection cannot be read any further."""


class ReceiveSpace:
    """Memory that sockets are read into, for all connections of an event loop.

    Between a read and the handling of what it brought nothing else runs, so one space serves everybody. Where
    somebody keeps a part of it (the records of a produce that is being made durable) it is left to them.
    """

    __slots__ = ("_size", "memory")

    def __init__(self, size: int = RECEIVE_BYTES) -> None:
        self._size = size
        self.memory = bytearray(size)

    def unused(self) -> bytearray:
        """Space nobody looks at any more; it is ``memory`` until the next call."""
        try:
            # A bytearray that any memoryview looks at refuses to change its size.
            self.memory.append(self.memory.pop())
        except BufferError:
            self.memory = bytearray(self._size)
        return self.memory


class FrameReader:
    """The frames of one connection.

    ``space`` is where to receive to next, ``received`` takes in what has come. ``frame_bytes_max`` may be changed
    at any time.
    """

    __slots__ = ("_filled", "_partial", "_rest", "_size", "_space", "frame_bytes_max", "received_bytes")

    def __init__(self, space: ReceiveSpace, frame_bytes_max: int) -> None:
        self._space = space
        self.frame_bytes_max = frame_bytes_max
        self.received_bytes = 0
        """All that has ever come."""
        self._rest = b""
        """Less than a length, left over."""
        self._partial: bytearray | None = None
        self._size = 0
        """Of the frame that ``_partial`` is the beginning of."""
        self._filled = 0

    @property
    def is_amid_frame(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self._partial is not None or bool(self._rest)

    @property
    def partial_bytes(self) -> int:
        """The memory that the frame which has begun takes."""
        return 0 if self._partial is None else len(self._partial)

    def space(self) -> memoryview:
        """Where the next bytes are to go; never empty. Gone with the call of ``received``."""
        if self._partial is not None:
            self._grow(self._partial)
            return memoryview(self._partial)[self._filled :]
        memory = self._space.unused()
        memory[: len(self._rest)] = self._rest
        return memoryview(memory)[len(self._rest) :]

    def received(self, count: int) -> list[memoryview]:
        """Take in ``count`` bytes that were put into ``space``; the frames that are whole now, without lengths.

        Raises ``BadFrame``.
        """
        self.received_bytes += count
        if self._partial is not None:
            self._filled += count
            if self._filled < self._size:
                return []
            whole, self._partial = memoryview(self._partial), None
            return [whole]
        end = len(self._rest) + count
        return self._split(memoryview(self._space.memory), end)

    def _split(self, view: memoryview, end: int) -> list[memoryview]:
        frames: list[memoryview] = []
        position = 0
        while end - position >= LENGTH_BYTES:
            start = position + LENGTH_BYTES
            size = self._checked(view[position:start])
            if end - start < size:
                self._begin(view[start:end], size)
                self._rest = b""
                return frames
            position = start + size
            frames.append(view[start:position])
        self._rest = bytes(view[position:end])
        return frames

    def _checked(self, length: memoryview) -> int:
        size = int.from_bytes(length, signed=True)
        if 0 <= size <= self.frame_bytes_max:
            return size
        other = _OTHER_PROTOCOLS.get(bytes(length)) or ("TLS" if length[:2] == b"\x16\x03" else None)
        what = f"what came is {other}, not the Kafka protocol" if other else f"a frame of {size} bytes"
        raise BadFrame(f"{what}; allowed are frames of 0 to {self.frame_bytes_max} bytes")

    def _begin(self, present: memoryview, size: int) -> None:
        self._partial = bytearray(min(size, max(FIRST_ALLOCATION_BYTES, len(present))))
        self._partial[: len(present)] = present
        self._size = size
        self._filled = len(present)

    def _grow(self, partial: bytearray) -> None:
        if self._filled == len(partial):
            partial.extend(bytes(min(self._size, 2 * len(partial)) - len(partial)))
