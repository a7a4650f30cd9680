"""The growing buffer that batches are encoded into, for the interpreter.

Owns: a stand-in for ``librt.strings.BytesWriter``, the buffer that compiled code writes to without a call.
Must not know: what is written.
"""

from __future__ import annotations


class BytesWriter(bytearray):
    """A bytearray under the names of librt's writer."""

    write = bytearray.extend

    def getvalue(self) -> bytes:
        """Everything written so far."""
        return bytes(self)

    def truncate(self, size: int) -> None:
        """Forget what was written after the first ``size`` bytes."""
        del self[size:]
