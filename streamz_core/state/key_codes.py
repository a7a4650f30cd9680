"""``KeyCodes``: encoded keys by key, remembered.

Owns: which keys are remembered, and how many.
Must not know: stores, codecs.

Compiled where a compiler is at hand; the same file runs interpreted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

KEY_CODES_MAX: Final = 10_000
"""How many encoded keys a store remembers."""


class KeyCodes(dict[Any, bytes]):
    """Encoded keys by key: the same keys come back in one window after the other."""

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        """``encode`` is asked for what is not remembered."""
        super().__init__()
        self._encode = encode

    def __missing__(self, key: Any) -> bytes:
        """Encode ``key``."""
        code = self._encode(key)
        # Texts only: of numbers, equal ones (1, True, 1.0) are written differently.
        if type(key) is str:
            if len(self) >= KEY_CODES_MAX:
                self.clear()
            self[key] = code
        return code
