"""Frames: a length of four bytes, then so many bytes of request or response.

Owns: ``FrameReader``, which hands out space to receive into and finds the whole frames in what has come.
Must not know: sockets, what is in a frame.

Small frames are received many at a time into a space that all connections share, and copied out of it; of a frame
that has come in part the rest is received where it is to stay. It gets no more memory than twice what has come of
it, so that a length alone allocates nothing.
"""

from __future__ import annotations

from typing import Final

from streamz_core.errors import Fatal

LENGTH_BYTES: Final = 4
RECEIVE_BYTES: Final = 128 * 1024
"""The space for one read from a socket. A frame that is not larger gets all its memory at once."""

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


def receive_space() -> bytearray:
    """A space for ``FrameReader``: one is enough for all connections of an event loop.

    Between a read and ``received`` nothing else runs, and nobody looks at it afterwards.
    """
    return bytearray(RECEIVE_BYTES)


class FrameReader:
    """The frames of one connection; ``frame_bytes_max`` may be changed at any time."""

    __slots__ = ("_filled", "_partial", "_rest", "_size", "_space", "frame_bytes_max", "received_bytes")

    def __init__(self, space: bytearray, frame_bytes_max: int) -> None:
        self.frame_bytes_max = frame_bytes_max
        self.received_bytes = 0
        """All that has ever come."""
        self._space = space
        self._rest = b""
        """The beginning of a length."""
        self._partial: bytearray | None = None
        """The beginning of a frame of ``_size`` bytes, of which ``_filled`` are there."""
        self._size = 0
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
        """Where the next bytes are to go; never empty, and of no use after ``received``."""
        partial = self._partial
        if partial is None:
            self._space[: len(self._rest)] = self._rest
            return memoryview(self._space)[len(self._rest) :]
        if self._filled == len(partial):
            partial.extend(bytes(min(self._size, 2 * self._filled) - self._filled))
        return memoryview(partial)[self._filled :]

    def received(self, count: int) -> list[bytearray]:
        """Take in ``count`` bytes that were put into ``space``; the frames that are whole now, without lengths.

        Raises ``BadFrame``.
        """
        self.received_bytes += count
        if self._partial is None:
            return self._split(len(self._rest) + count)
        self._filled += count
        if self._filled < self._size:
            return []
        whole, self._partial = self._partial, None
        return [whole]

    def _split(self, end: int) -> list[bytearray]:
        frames: list[bytearray] = []
        space, position = self._space, 0
        self._rest = b""
        while end - position >= LENGTH_BYTES:
            start = position + LENGTH_BYTES
            size = self._checked(space[position:start])
            position = start + size
            if position > end:
                self._begin(space[start:end], size)
                return frames
            frames.append(space[start:position])
        self._rest = bytes(space[position:end])
        return frames

    def _checked(self, length: bytearray) -> int:
        size = int.from_bytes(length, signed=True)
        if 0 <= size <= self.frame_bytes_max:
            return size
        other = "TLS" if length[:2] == b"\x16\x03" else _OTHER_PROTOCOLS.get(bytes(length))
        what = f"what came is {other}, not the Kafka protocol" if other else f"a frame of {size} bytes"
        raise BadFrame(f"{what}; allowed are frames of 0 to {self.frame_bytes_max} bytes")

    def _begin(self, present: bytearray, size: int) -> None:
        self._size = size
        self._filled = len(present)
        present.extend(bytes(min(size, RECEIVE_BYTES) - len(present)))
        self._partial = present
