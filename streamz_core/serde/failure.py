"""``DecodeFailure``: what a column of decoded values holds where bytes did not decode.

Owns: that one value, known to the codecs that make it and to the readers that look for it.
Must not know: codecs, records, what becomes of a record that does not decode.
"""

from __future__ import annotations


class DecodeFailure:
    """Stands in a decoded column for bytes that did not decode; ``error`` says why."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        """Keep why."""
        self.error = error
