"""What stands in a decoded column for bytes that did not decode.

Owns: ``DecodeFailure``.
Must not know: why bytes are decoded, or what becomes of a failure (``streams.error_policy``).
"""

from __future__ import annotations


class DecodeFailure:
    """Stands in a decoded column for bytes that did not decode."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        """Keep why."""
        self.error = error
