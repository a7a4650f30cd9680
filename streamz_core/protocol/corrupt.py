"""The one error of this layer: bytes that are not what they claim to be.

Owns: ``CorruptBatch``.
Must not know: which topic, partition or file the bytes came from; whoever reads them adds that.
"""

from __future__ import annotations

from streamz_core.errors import Fatal


class CorruptBatch(Fatal):
    """A record batch, or what is packed in it, cannot be read.

    ``position`` is where the batch starts in the buffer that was handed in, in bytes; ``reason`` says what
    is wrong with it. No bytes of a batch that raised this were given out.
    """

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"corrupt record batch at byte {position} of the buffer: {reason}")
        self.position = position
        self.reason = reason
